"""Looks that end with their tenure come home late: dropped, a claim behind one would stay open until it is given up."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from streams.runtime.clock import ManualClock
from streams.runtime.dead_letters import DeadLetterLimit, DeadLetterRate
from streams.runtime.effects import Arrived
from streams.runtime.freshness import Look
from streams.runtime.looks import Looks
from streams.runtime.processor import Result
from streams.runtime.task import Task


class BrokerAway:
    """An admin client whose questions nobody answers."""

    def list_offsets(self, partitions: dict[Any, Any], **_: object) -> dict[Any, Future[Any]]:
        return {partition: Future() for partition in partitions}


def task(partition: int) -> Task:
    return Task(partition, None, None, DeadLetterRate(DeadLetterLimit()))  # type: ignore[arg-type]


def test_a_look_of_a_tenure_that_is_over_comes_home_unanswered() -> None:
    """One of two partitions is taken over again while the broker does not say where its log ends."""
    looks = Looks(BrokerAway(), ManualClock())  # type: ignore[arg-type]
    gone, kept = task(0), task(1)
    for each in (gone, kept):
        assert looks.accept(Look(each.partition, ("calls.events",)), each)
    assert looks.take({0: gone, 1: kept}) == []
    late = looks.take({0: task(0), 1: kept})
    assert late == [Arrived(gone.tenure, Result(Look(0, ("calls.events",)), None))]
    assert looks.waiting
    assert looks.take({}) == [Arrived(kept.tenure, Result(Look(1, ("calls.events",)), None))]
    assert not looks.waiting
