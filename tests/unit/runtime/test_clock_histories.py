"""Any history of clocks that jump, drift and stop, and what holds in all of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.runtime.clock_world import TURN_MS, World

TOLERANCE_MS = 5_000.0
# What a commit leaves unknown, and what is left to be corrected of drift since the last evidence.
SLACK_MS = 150.0
DAY_S = 86_400

steps = st.one_of(
    st.floats(-10_000, 10_000),
    st.floats(-4e6, 4e6),
    st.sampled_from([-TOLERANCE_MS, TOLERANCE_MS, 1e9, -1e9]),
)
drifts = st.floats(-50, 50)
on_its_way = st.floats(0.1, 25)


@given(st.lists(st.tuples(steps, st.floats(0.1, 5)), max_size=12), drifts, on_its_way, st.booleans())
def test_no_history_of_a_wall_clock_fires_early_or_stalls(
    history: list[tuple[float, float]], drift_ppm: float, on_its_way_ms: float, traffic: bool
) -> None:
    """Forward, back, by milliseconds or days: never held, and our time is the broker's all along."""
    world = World(drift_ppm=drift_ppm, on_its_way_ms=on_its_way_ms)
    assert world.turn()
    for step_ms, seconds in history:
        world.wall_ms += step_ms
        end_ms = world.broker_ms + seconds * 1000
        while world.broker_ms < end_ms:
            assert world.turn(traffic=traffic)
            assert abs(world.ahead_ms) <= SLACK_MS


happenings = st.tuples(st.sampled_from(["wall", "broker", "pause"]), steps, st.floats(0, 8), st.booleans())


@settings(max_examples=200)
@given(st.lists(happenings, min_size=1, max_size=12), drifts, on_its_way, steps)
def test_no_history_of_all_clocks_fires_early_by_more_than_the_tolerance(
    history: list[tuple[str, float, float, bool]], drift_ppm: float, on_its_way_ms: float, wall_off_ms: float
) -> None:
    """By the broker's clock, whoever jumped; and while the verdict is unchanged our time does not go back."""
    world = World(wall_off_ms=wall_off_ms, drift_ppm=drift_ppm, on_its_way_ms=on_its_way_ms)
    before: tuple[int, int] | None = None
    for what, step_ms, seconds, mended in history:
        _happen(world, what, step_ms, mended)
        for _ in range(int(seconds * 1000 / TURN_MS)):
            if not world.turn(traffic=True):
                before = None
                continue
            assert abs(world.ahead_ms) <= TOLERANCE_MS + SLACK_MS
            anchored, now_ms = world.clock._opinion.anchored, world.clock.now_ms()
            if before is not None and before[0] == anchored:
                assert now_ms >= before[1]
            before = anchored, now_ms


@settings(max_examples=200)
@given(st.lists(happenings, min_size=1, max_size=12), drifts, on_its_way, steps, st.booleans())
def test_after_any_history_timers_go_on_within_two_seconds_of_agreement(
    history: list[tuple[str, float, float, bool]],
    drift_ppm: float,
    on_its_way_ms: float,
    wall_off_ms: float,
    traffic: bool,
) -> None:
    """Wall clock and broker agree at last: timers fire, and go on to, by that time. A broker's clock that was set while
    there was no traffic and no doubt is noticed within a minute."""
    world = World(wall_off_ms=wall_off_ms, drift_ppm=drift_ppm, on_its_way_ms=on_its_way_ms)
    for what, step_ms, seconds, mended in history:
        _happen(world, what, step_ms, mended)
        world.turns(seconds, traffic=traffic)
    world.wall_ms = world.broker_ms
    world.turns(2, traffic=traffic)
    assert all(world.turns(2 if traffic else 62, traffic=traffic))
    assert abs(world.ahead_ms) <= TOLERANCE_MS + SLACK_MS


def _happen(world: World, what: str, step_ms: float, mended: bool) -> None:
    if what == "wall":
        world.wall_ms += step_ms
    elif what == "broker":
        world.broker_ms += step_ms
    else:
        world.pause(abs(step_ms))
        if mended:
            world.wall_ms += abs(step_ms)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from([50.0, -50.0]) | drifts, on_its_way, st.booleans())
def test_slow_drift_is_followed_without_a_hold(
    drift_ppm: float, on_its_way_ms: float, wall_drifts: bool
) -> None:
    """Three idle days at up to 50 ppm, with a wall clock that is kept right or drifts along: never off, never held."""
    world = World(drift_ppm=drift_ppm, wall_drifts=wall_drifts, on_its_way_ms=on_its_way_ms)
    assert world.turn()
    for _ in range(3 * DAY_S // 60):
        world.go_on(60_000)
        assert world.turn()
        assert abs(world.ahead_ms) <= SLACK_MS
