"""What the clock does about clocks that jump, drift and stop: examples. Any history: test_clock_histories.py."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from streams.metrics import declared
from streams.runtime.clock import SystemClock
from tests.unit.runtime.clock_world import START_MS, World

HOUR_MS = 3_600_000.0


def asks(world: World, times: int, every_ms: float) -> list[bool]:
    """When the clock wants evidence, of which it gets none."""
    wanted = []
    for _ in range(times):
        world.go_on(every_ms)
        wanted.append(world.clock.wants_evidence())
    return wanted


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS, 400.0, -400.0])
def test_a_step_of_the_wall_clock_changes_nothing(step_ms: float) -> None:
    """Not early, not late, not held: our time is carried on by the steady clock, and the broker says it is right."""
    world = World()
    assert world.turn()
    world.wall_ms += step_ms
    for _ in range(600):
        assert world.turn()
        assert abs(world.ahead_ms) <= 5


def test_a_clock_that_is_right_is_left_alone() -> None:
    """Reports that take 40 ms do not draw it anywhere."""
    world = World(on_its_way_ms=20)
    world.turns(300, traffic=True)
    assert world.clock.now_ms() == pytest.approx(world.wall_ms, abs=1)


@pytest.mark.parametrize("off_ms", [HOUR_MS, -HOUR_MS])
def test_a_wrong_clock_at_the_start_fires_nothing(off_ms: float) -> None:
    """From the first turn on; once the wall clock is set right, timers fire within 2 s, by the right time."""
    world = World(wall_off_ms=off_ms)
    assert not any(world.turns(30))
    world.wall_ms -= off_ms
    fired = world.turns(10)
    assert all(fired[20:])
    assert abs(world.ahead_ms) <= 5


def test_before_the_broker_has_told_its_time_nothing_fires() -> None:
    """A member that starts has a clock that nobody has looked at."""
    world = World()
    assert not world.clock.may_fire()
    assert world.clock.wants_evidence()
    world.commit()
    assert world.clock.may_fire()


def test_without_append_times_our_own_clock_is_trusted() -> None:
    """Topics that keep their producers' times give no second opinion, and that does not stop the timers."""
    world = World(wall_off_ms=HOUR_MS)
    world.clock.silent()
    assert world.clock.may_fire()
    assert sum(asks(world, 59, every_ms=1_000)) == 1


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
def test_a_broker_that_jumps_holds_the_timers_until_it_is_back(step_ms: float) -> None:
    """Neither wins beyond the tolerance; the time we tell meanwhile is the earlier, and nothing is past due by it."""
    world = World()
    world.turns(2, traffic=True)
    world.broker_ms += step_ms
    assert not any(world.turns(5, traffic=True))
    earlier = min(world.broker_ms, world.wall_ms)
    assert -5 <= world.clock.now_ms() - earlier <= 5
    world.broker_ms -= step_ms
    assert all(world.turns(10, traffic=True)[20:])
    assert abs(world.ahead_ms) <= 5


@pytest.mark.parametrize("left_ms", [2_000.0, -2_000.0])
def test_after_a_hold_our_time_is_the_brokers_at_once(left_ms: float) -> None:
    """Who ended the hold, wall clock or broker, is still 2 s off: nothing has fired, so nothing is drawn near."""
    mended, back = World(wall_off_ms=HOUR_MS), World()
    mended.turns(2)
    mended.wall_ms += left_ms - HOUR_MS
    back.turns(2, traffic=True)
    back.broker_ms += HOUR_MS
    assert not any(back.turns(2, traffic=True))
    back.broker_ms += left_ms - HOUR_MS
    for world in (mended, back):
        assert world.turns(2, traffic=True)[-1]
        assert abs(world.ahead_ms) <= 5


def test_a_hold_ends_only_when_the_clocks_are_near() -> None:
    """5 s apart ends nothing that 6 s have begun: a hold that comes and goes alarms for ever."""
    world = World()
    world.turn()
    world.broker_ms += 6_000
    assert not any(world.turns(2, traffic=True))
    world.broker_ms -= 2_000
    assert not any(world.turns(2, traffic=True))
    world.broker_ms -= 2_000
    assert all(world.turns(2, traffic=True))


def test_a_record_that_cannot_be_yet_is_a_reason_to_ask() -> None:
    """After a pause that nothing else tells of: the machine's wall clock stood still as well, and is not set."""
    world = World()
    world.turns(2)
    world.pause(40_000)
    assert world.turn(), "nobody knows"
    world.clock.polled(int(world.broker_ms))
    assert not any(world.turns(3))


def test_records_from_before_a_jump_back_decide_nothing() -> None:
    """A broker that was set back an hour still gives out records that it appended "in the future": no flapping."""
    world = World()
    world.turns(2, traffic=True)
    ahead = int(world.broker_ms)
    world.broker_ms -= HOUR_MS
    fired = []
    for _ in range(50):
        fired.append(world.turn(traffic=True))
        world.clock.polled(ahead)
        fired.append(world.clock.may_fire())
    assert not any(fired)


def test_old_records_say_nothing() -> None:
    """Catching up with last week's records, timers go on by our time."""
    world = World()
    world.turn()
    for _ in range(100):
        world.clock.polled(int(world.broker_ms - 7 * 24 * HOUR_MS))
        assert world.turn()
    assert abs(world.ahead_ms) <= 5


@pytest.mark.parametrize("traffic", [True, False])
def test_a_machine_that_was_paused_is_anchored_anew(traffic: bool) -> None:
    """Its clocks stood still for 40 s, then its wall clock was set: timers go on within 2 s, by the right time."""
    world = World()
    world.turns(2)
    world.pause(40_000)
    assert traffic is False or not any(world.turns(3, traffic=True)), "until the wall clock is right as well"
    world.wall_ms += 40_000
    assert all(world.turns(10, traffic=traffic)[20:])
    assert abs(world.ahead_ms) <= 5


def test_less_than_the_tolerance_is_drawn_near_without_a_hold() -> None:
    """A pause of 3 s: our time goes 5 % faster until it is right, and never back."""
    world = World()
    world.turn()
    world.pause(3_000)
    before = world.clock.now_ms()
    for _ in range(3_000):
        assert world.turn(traffic=True)
        assert world.clock.now_ms() >= before
        before = world.clock.now_ms()
    assert abs(world.ahead_ms) <= 20


@pytest.mark.parametrize("step_ms", [4_000.0, -4_000.0])
def test_a_stall_while_drawing_near_does_not_overshoot(step_ms: float) -> None:
    """Nobody looks for an hour: our time was not drawn for longer than it needed to be."""
    world = World()
    world.turn()
    world.broker_ms += step_ms
    world.turns(2, traffic=True)
    world.go_on(HOUR_MS)
    assert world.turn(traffic=True)
    assert abs(world.ahead_ms) <= abs(step_ms)


def test_two_brokers_that_differ_are_lived_with() -> None:
    """200 ms between the leaders of two partitions: no hold, and our time stays between them."""
    world = World()
    world.turn()
    for n in range(2_000):
        world.broker_ms += 200 if n % 2 else -200
        assert world.turn(traffic=True)
        assert -250 <= world.clock.now_ms() - world.wall_ms <= 250


class Kept:
    """Metrics that remember, and refuse what is not declared."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def inc(self, name: str, amount: float = 1, /, **labels: str) -> None:
        declared(name, "counter", labels)
        self.values[name] = self.values.get(name, 0) + amount

    def set(self, name: str, value: float, /, **labels: str) -> None:
        declared(name, "gauge", labels)
        self.values[name] = value

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        raise AssertionError((name, value, labels))


def test_a_hold_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """One error in the log for a hold of any length, a gauge while it lasts, a counter of what was set right."""
    world, kept = World(wall_off_ms=HOUR_MS), Kept()
    world.clock._metrics = kept
    with caplog.at_level(logging.WARNING, "ringback.clock"):
        world.turns(30)
        assert kept.values["ringback_clock_held"] == 1
        assert kept.values["ringback_clock_off_seconds"] == pytest.approx(3_600, abs=0.1)
        world.wall_ms -= HOUR_MS
        world.turns(3)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING", "WARNING"]
    assert "3600.0 s ahead" in caplog.messages[0]
    assert kept.values["ringback_clock_held"] == 0
    assert kept.values["ringback_clock_anchored_total"] == 1
    assert abs(kept.values["ringback_clock_wall_off_seconds"]) < 0.1


def test_an_idle_member_asks_once_a_minute() -> None:
    """And once a second while it is in doubt."""
    world = World()
    world.turn()
    assert sum(asks(world, 6_000, every_ms=100)) == 10
    world.wall_ms += HOUR_MS
    world.clock.may_fire()
    assert 9 <= sum(asks(world, 100, every_ms=100)) <= 11


def test_a_torn_reading_of_two_clocks_is_read_again() -> None:
    """Put to sleep between the two readings, a clock would be anchored as much too late."""
    steady: list[float] = [10.0, 11.0, *[11.0] * 20]

    def steady_s() -> float:
        return steady.pop(0)

    walls: Any = iter([START_MS / 1000, START_MS / 1000 + 1])
    clock = SystemClock(wall_s=lambda: next(walls), steady_s=steady_s)
    assert clock.now_ms() == START_MS + 1_000


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="Linux only")
def test_the_steady_clock_goes_on_while_the_machine_is_suspended() -> None:
    """CLOCK_BOOTTIME does, CLOCK_MONOTONIC does not."""
    before_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before_s <= SystemClock().monotonic_s() <= time.clock_gettime(time.CLOCK_BOOTTIME)
