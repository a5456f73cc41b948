"""The work W7: members come and go under a steady rate of timers that are enqueued and fire."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from infra.bench.timers.feed import feeding
from infra.bench.timers.floor import COPIES_S, POLL_S, Floor, now_ms, wait_while_any
from infra.bench.timers.load import Load, spread
from infra.bench.timers.outcome import Outcome
from infra.bench.timers.subject import Fired, Scaling, Watch
from infra.bench.timers.tally import percentile
from infra.bench.timers.waiting import until

START_MS, ALONE_S = 2_000, 1.0
LONGEST_S = 150  # of load; it ends as soon as the last member is alone again
READY_S = 40.0
# Everything that was due this long ago has fired, and that has held for so long: nothing is waited for any more.
# The second must be the longer one, or the moment before a dead member's timers fall due would pass for calm.
SLACK_MS, CALM_S, CALM_WITHIN_S = 500, 1.5, 40.0
# Timers that were due this short a time before a change may have been on their way when it came.
ON_THEIR_WAY_MS = 100


def w7(floor: Floor) -> list[Outcome]:
    """Members 1, 3, 1: one of the two further ones is killed for good, the other stopped for good.

    Each change waits until the one before is overcome. Otherwise a member that is slow to start is killed before its
    partitions are open, and the time until it is missed is taken for that of joining.
    """
    floor.begin()
    subject = floor.subject
    assert isinstance(subject, Scaling)
    rate = floor.scale.changing_per_s
    load = spread("w7", rate * LONGEST_S, now_ms() + START_MS, LONGEST_S * 1000)
    with floor.watching() as watch, feeding(subject, load) as feed:
        time.sleep(max(0.0, (load.due_at[0] - now_ms()) / 1000) + ALONE_S)
        joined_ms = now_ms()
        for member in (1, 2):
            subject.join(member)
        until(
            lambda: subject.ready(1) and subject.ready(2),
            f"two more members are not ready within {READY_S:.0f} s",
            READY_S,
        )
        ready_ms = now_ms()
        _calm(load, watch)
        killed_ms = now_ms()
        subject.leave(1, kill=True)
        _calm(load, watch)
        left_ms = now_ms()
        subject.leave(2, kill=False)
        _calm(load, watch)
        load = feed.stop()
        floor.asked += len(load)
        wait_while_any(watch, len(load), CALM_WITHIN_S)
        time.sleep(COPIES_S)
        found = floor.judge(load, watch)
        late = by_change(watch.fired(), load.name, (joined_ms, killed_ms, left_ms))
    figures = {
        "ready_s": (ready_ms - joined_ms) / 1000,
        "scaled_p99_ms": percentile(late[1], 0.99),
        "scaled_max_ms": max(late[1]),
        "takeover_s": max(late[2]) / 1000,
        "clean_leave_s": max(late[3]) / 1000,
    }
    return [Outcome("W7", floor.subject.name, len(load), figures, found)]


def by_change(fired: Iterable[Fired], name: str, changes_ms: Sequence[int]) -> list[list[float]]:
    """Latenesses (ms) by the number of changes before the due instant; 0 where nothing fell due between two."""
    late = [[0.0] for _ in range(len(changes_ms) + 1)]
    for record in fired:
        if record.load == name:
            change = bisect_right(changes_ms, record.due_at + ON_THEIR_WAY_MS)
            late[change].append(record.received_ms - record.due_at)
    return late


def _calm(load: Load, watch: Watch) -> None:
    """Wait until nothing is behind, and has not been for a while. Raises TimeoutError."""
    end_s = time.monotonic() + CALM_WITHIN_S
    since_s = time.monotonic()
    while time.monotonic() - since_s < CALM_S:
        behind = bisect_right(load.due_at, now_ms() - SLACK_MS) - watch.count
        if behind > 0:
            since_s = time.monotonic()
            if since_s > end_s:
                raise TimeoutError(f"{behind} timers behind, {CALM_WITHIN_S:.0f} s after a change of members")
        time.sleep(POLL_S)
