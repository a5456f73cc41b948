"""What W5 and W7 stand on, without a broker: the feed, and the change of members that a late timer belongs to."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import cast

import pytest

from infra.bench.timers import floor
from infra.bench.timers.feed import AHEAD_MS, Feed, feeding
from infra.bench.timers.floor import now_ms, wait_while_any
from infra.bench.timers.load import Load, spread
from infra.bench.timers.scaling import ON_THEIR_WAY_MS, by_change
from infra.bench.timers.subject import Fired, Subject, Watch

DUE_MS = 1_000_000
LONG_MS = 3_600_000


class Enqueued:
    """A subject that only remembers what it was asked for; `some` is set with the first timers."""

    name = "remembers"

    def __init__(self, error: Exception | None = None) -> None:
        self.timers: list[int] = []
        self.error = error
        self.some = threading.Event()

    def enqueue(self, _load: Load, timers: Iterable[int]) -> None:
        if self.error:
            raise self.error
        self.timers += timers
        if self.timers:
            self.some.set()


def feed(enqueued: Enqueued, load: Load) -> Feed:
    return Feed(cast(Subject, enqueued), load)


def test_a_feed_sends_every_timer_once_and_in_order() -> None:
    """What is due already goes at once, and `finish` says that all of it went."""
    enqueued, load = Enqueued(), spread("w", 50, DUE_MS, 50)
    assert feed(enqueued, load).finish() == load
    assert enqueued.timers == list(range(50))


def test_a_feed_that_is_stopped_says_what_it_has_sent() -> None:
    """Of a load of an hour only the next seconds are enqueued, and only those are expected to fire."""
    enqueued, load = Enqueued(), spread("w", 3_600, now_ms(), LONG_MS)
    running = feed(enqueued, load)
    assert enqueued.some.wait(10)
    sent = running.stop()
    assert 0 < len(sent) == len(enqueued.timers) < len(load)
    assert max(sent.due_at) <= now_ms() + AHEAD_MS
    assert sent.due_at == load.due_at[: len(sent)]


def test_a_feed_that_fails_is_not_taken_for_lost_timers() -> None:
    """What the enqueueing raised comes out of `finish`, in the thread that would judge."""
    running = feed(Enqueued(RuntimeError("no broker")), spread("w", 5, DUE_MS, 5))
    with pytest.raises(RuntimeError, match="no broker"):
        running.finish()


def test_a_feed_ends_with_its_block() -> None:
    """A work that failed leaves no thread behind that goes on enqueueing."""
    before = threading.active_count()
    with (
        pytest.raises(TimeoutError),
        feeding(cast(Subject, Enqueued()), spread("w", 3_600, now_ms(), LONG_MS)),
    ):
        raise TimeoutError("the work failed")
    assert threading.active_count() == before


class Coming:
    """A watch to which one more record has come each time that it is asked, until it has `most`."""

    def __init__(self, most: int) -> None:
        self.most, self.asked = most, 0

    @property
    def count(self) -> int:
        self.asked += 1
        return min(self.asked, self.most)


def test_what_still_comes_is_waited_for_and_what_does_not_come_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow machine's last timers come long after the patience for silence: none of them may count as lost."""
    monkeypatch.setattr(floor, "COPIES_S", 0.0)
    assert wait_while_any(cast(Watch, Coming(30)), 30, quiet_s=floor.POLL_S * 5)
    assert not wait_while_any(cast(Watch, Coming(29)), 30, quiet_s=floor.POLL_S * 5)


def test_a_timer_belongs_to_the_last_change_before_it_was_due() -> None:
    """Also one that came seconds after the next change: what made it late is what happened when it was due. One that
    was due just before a change may have been on its way, and belongs to that change."""

    def fired(due_at: int, late_ms: float, load: str = "w7") -> Fired:
        return Fired(due_at + late_ms, due_at, load, 0, due_at)

    records = [
        fired(800, 5.0),
        fired(2_000, 7_000.0),
        fired(5_000 - ON_THEIR_WAY_MS, 30.0),
        fired(6_000, 40.0),
        fired(2_000, 1e6, load="another"),
    ]
    assert by_change(records, "w7", (1_000, 5_000, 9_000)) == [
        [0.0, 5.0],
        [0.0, 7_000.0],
        [0.0, 30.0, 40.0],
        [0.0],
    ]
