"""A processor that has too much of it begun: no more is read from the stage's first topic until it has less."""

from __future__ import annotations

import pytest

from tests.integration.loop.counting import Counting
from tests.integration.loop.line import Line
from tests.waiting import until

pytestmark = pytest.mark.integration
TURNS = 40


class Crowding(Counting):
    """Says what the test tells it, and counts how often it was asked: once a turn."""

    def __init__(self, out: str) -> None:
        super().__init__(out)
        self.full = False
        self.asked = 0

    @property
    def crowded(self) -> bool:
        self.asked += 1
        return self.full


def of_first(line: Line) -> int:
    """What has come out of the first partition: keys keep their partition from input to output."""
    return sum(found.partition == 0 for found in line.committed(f"{line.name}.out"))


def test_a_crowded_partition_is_not_read_and_then_read_on(line: Line) -> None:
    """What waits in Kafka meanwhile is processed afterwards, once and in order; the others go on all the while."""
    running = line.run(line.loop(make_processor=lambda _: Crowding(f"{line.name}.out")))
    running.until_owns(line.partitions)
    line.count(20)
    line.check_exactly_once()
    tasks = {task.partition: task for task in running.loop.partitions}
    first = tasks[0].processor
    assert isinstance(first, Crowding)
    first.full = True
    until(lambda: tasks[0].throttled, "the partition is no longer read")
    before = of_first(line)
    line.count(40, start=20)
    asked = first.asked
    until(lambda: first.asked > asked + TURNS, "the loop goes on")
    until(lambda: len(line.outputs()) > 20, "the other partition goes on")
    assert of_first(line) == before
    first.full = False
    line.check_exactly_once()
    running.stop()
