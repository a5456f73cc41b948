"""Poison, floods and schemas of the future: a partition goes on, or stands still for a reason, and loses nothing."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from schemas import codec
from streams.runtime.clock import SystemClock
from streams.runtime.dead_letters import DeadLetterLimit
from streams.runtime.errors import Hold
from streams.runtime.wire import Wire
from tests.integration.loop.counting import event
from tests.integration.loop.line import Line, seen
from tests.waiting import until

pytestmark = pytest.mark.integration


def test_a_poison_record_is_set_aside_with_its_bytes(line: Line) -> None:
    """Garbage, a step that refuses, one that raises after it wrote, one whose output is too large for the broker:
    four dead letters with the reason, no trace in state or output, and the records between them are counted."""
    garbage = b"\x00garbage"
    line.produce(event("COUNT", "u", "e1"), garbage, event("REFUSE", "u", "e2"))
    line.produce(event("RAISE", "u", "e3"), event("HUGE", "u", "e4"), event("COUNT", "u", "e5"))
    running = line.start()
    line.check_exactly_once()
    letters = until(lambda: found if len(found := line.dead()) == 4 else [], "four dead letters")
    by_reason = {letter["reason"]: letter for letter in letters}
    assert set(by_reason) == {"undecodable", "refused", "step_failed", "too_large"}
    letter = by_reason["undecodable"]
    assert (letter["value"], letter["value_length"]) == (garbage, len(garbage))
    assert letter["value_sha256"] == hashlib.sha256(garbage).hexdigest()
    source = line.committed(f"{line.name}.in")
    assert any(
        (f.partition, f.offset) == (letter["source_partition"], letter["source_offset"]) for f in source
    )
    assert codec.decode(by_reason["step_failed"]["value"]).record["event_id"] == "e3"
    running.stop()


def test_a_timer_whose_step_raises_is_set_aside(line: Line) -> None:
    """The dead letter names the changelog; the record stays without its timer; timers behind it fire."""
    running = line.start()
    soon = SystemClock().now_ms() + 200
    line.produce(event("BAD_WAKE", "u", "bad", due_at=soon), event("WAKE", "u", "good", due_at=soon + 1))
    assert seen(line.await_outputs(1), "WOKEN") == ["good"]
    letter = until(line.dead, "the dead letter")[0]
    assert (letter["source_topic"], letter["source_offset"]) == (line.changelog, -1)
    assert codec.decode(letter["value"]).record["wake_at"] == soon
    assert line.state()["timer|u|bad"]["wake_at"] is None
    running.stop()


def test_a_flood_of_dead_letters_stops_its_partition(line: Line) -> None:
    """More than the limit within the window: that partition stands still, the others go on, nothing is lost."""
    running = line.start(limit=DeadLetterLimit(share=0.1, records=50), max_batch=50)
    line.produce(*[b"garbage"] * 100, partition=0)
    until(lambda: running.owned() == {1}, "the flooded partition stands still")
    assert not running.loop.ready
    flooded = len(line.dead())
    assert 50 <= flooded < 100
    line.produce(event("COUNT", "other", "e1"), partition=1)
    line.check_exactly_once()
    assert len(line.dead()) == flooded
    running.stop()
    line.start(max_batch=50)  # mended: the rest is read from where it stopped
    until(lambda: len(line.dead()) == 100, "each record has its one dead letter")


class Learning(Wire):
    """A codec that does not know the schema of some records until it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.knows = False
        self.asked = 0

    def decode(
        self, topic: str, data: bytes, name: str | None, timestamp_ms: int
    ) -> tuple[str, dict[str, Any]]:
        name_found, value = super().decode(topic, data, name, timestamp_ms)
        if value.get("reason") == "new" and not self.knows:
            self.asked += 1
            raise Hold("no schema with this fingerprint is known here")
        return name_found, value


def test_an_unknown_schema_holds_the_partition_until_it_is_known(line: Line) -> None:
    """What was before it is committed, what is behind it waits, nothing becomes a dead letter."""
    wire = Learning()
    running = line.start(codec=wire)
    new = {**event("COUNT", "u", "e2"), "reason": "new"}
    line.produce(event("COUNT", "u", "e1"), new, event("COUNT", "u", "e3"), partition=0)
    line.produce(event("COUNT", "other", "o1"), partition=1)
    until(lambda: wire.asked >= 3, "it asks again and again")
    assert sorted(seen(line.outputs(), "COUNTED")) == ["e1", "o1"]
    assert running.owned() <= {0, 1}
    wire.knows = True
    line.check_exactly_once()
    assert line.dead() == []
    running.stop()


def test_an_unknown_schema_in_the_changelog_holds_the_takeover(line: Line) -> None:
    """State written by a newer release: the partition opens when its schema is known, with all of its state."""
    line.count(10)
    running = line.start()
    line.check_exactly_once()
    running.stop()

    class Older(Learning):
        def wake_at(self, topic: str, data: bytes) -> int | None:
            if not self.knows:
                self.asked += 1
                raise Hold("no schema with this fingerprint is known here")
            return super().wake_at(topic, data)

    wire = Older()
    (line.folder / "a" / line.name / "0.lmdb").unlink()
    (line.folder / "a" / line.name / "1.lmdb").unlink()
    again = line.run(line.loop(codec=wire))
    until(lambda: wire.asked, "it meets the record")
    assert again.owned().isdisjoint(found.partition for found in line.committed(line.changelog))
    wire.knows = True
    again.until_ready()
    line.count(10, start=10)
    line.check_exactly_once()
    again.stop()
