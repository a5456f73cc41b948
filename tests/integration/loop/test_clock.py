"""A wall clock that somebody sets, under a loop on a real broker: timers fire by the broker's time, or not at all."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from schemas import codec
from streams.runtime.clock import SystemClock
from streams.topology import DEAD_LETTERS
from tests.integration.loop.counting import event
from tests.integration.loop.line import Line, seen
from tests.waiting import until

pytestmark = pytest.mark.integration

HOUR_S = 3_600.0
# By the broker's clock a timer may be that much early: both clocks are read in whole milliseconds.
EARLY_MS = 1
STALL_MS = 2_000


@dataclass
class Machine:
    """A machine whose wall clock can be set, and which can stand still while the world goes on."""

    wall_off_s: float = 0.0
    _lost_s: float = 0.0
    _frozen_s: float | None = None

    def clock(self, tolerance_s: float = 5.0) -> SystemClock:
        return SystemClock(tolerance_s, wall_s=lambda: time.time() + self.wall_off_s, steady_s=self._steady_s)

    def _steady_s(self) -> float:
        frozen_s = self._frozen_s
        return frozen_s if frozen_s is not None else time.monotonic() - self._lost_s

    def stand_still(self) -> None:
        self._frozen_s = self._steady_s()

    def wake_up(self) -> None:
        assert self._frozen_s is not None
        self._lost_s, self._frozen_s = time.monotonic() - self._frozen_s, None


def now_ms() -> int:
    """The broker's time: it runs on this machine."""
    return time.time_ns() // 1_000_000


def lateness(line: Line) -> dict[str, int]:
    """Timer → when its firing was appended, less when it was due (ms)."""
    found = [(f.appended_at, codec.decode(f.value or b"").record) for f in line.committed(f"{line.name}.out")]
    return {value["event_id"]: at - value["due_at"] for at, value in found if value["type"] == "WOKEN"}


def test_a_wall_clock_that_jumps_neither_fires_early_nor_stalls(line: Line) -> None:
    """An hour forward, an hour back, and right again, in the middle of eighty timers: none early, none 2 s late."""
    machine = Machine()
    running = line.start(clock=machine.clock())
    start = now_ms() + 300
    line.produce(*(event("WAKE", "u", f"w{n:02}", due_at=start + 50 * n) for n in range(80)))
    for woken, off_s in ((20, HOUR_S), (40, -HOUR_S), (60, 0.0)):
        line.await_outputs(woken)
        machine.wall_off_s = off_s
    until(lambda: len(lateness(line)) == 80, "all timers have fired")
    late = sorted(lateness(line).values())
    assert late[0] >= -EARLY_MS
    assert late[-1] <= STALL_MS
    running.stop()
    assert running.failure is None


@pytest.mark.parametrize("off_s", [HOUR_S, -HOUR_S])
def test_a_clock_that_is_wrong_at_the_start_holds_timers_until_it_is_set(line: Line, off_s: float) -> None:
    """Records flow, timers do not fire, due or not; once the clock is set, those that are due fire within 2 s."""
    machine = Machine(off_s)
    clock = machine.clock()
    start = now_ms()
    line.produce(event("WAKE", "u", "due", start), event("WAKE", "u", "later", start + 600_000))
    running = line.start(clock=clock)
    line.count(20)
    line.await_outputs(20)
    until(lambda: abs(clock._opinion.off_ms) > 3_599_000, "the broker contradicts")
    began_s = clock.monotonic_s()
    until(lambda: clock.monotonic_s() > began_s + 3.0, "it is asked again and again")
    assert seen(line.outputs(), "WOKEN") == []
    machine.wall_off_s, set_ms = 0.0, now_ms()
    until(lambda: seen(line.outputs(), "WOKEN") == ["due"], "what is due fires")
    assert lateness(line)["due"] <= set_ms - start + STALL_MS
    assert abs(clock.now_ms() - now_ms()) < 100
    assert None not in [found.value for found in line.committed(DEAD_LETTERS.name)], "asking leaves no trace"
    running.stop()
    assert running.failure is None


def test_a_machine_that_stood_still_goes_on_by_the_right_time(line: Line) -> None:
    """Its steady clock has lost 1.5 s, more than is tolerated here; without any traffic the next timer is on time."""
    machine = Machine()
    clock = machine.clock(tolerance_s=0.5)
    running = line.start(clock=clock)
    due = now_ms() + 4_000
    line.produce(event("WAKE", "u", "w", due))
    until(line.state, "the timer is set")
    machine.stand_still()
    woke_ms = now_ms() + 1_500
    until(lambda: now_ms() >= woke_ms, "the world goes on")
    machine.wake_up()
    until(lambda: lateness(line), "the timer fires")
    assert -EARLY_MS <= lateness(line)["w"] <= 500
    assert clock._opinion.anchored == 1
    running.stop()
