"""kill -9 anywhere: what the crash table in streams/runtime/README.md claims, row by row."""

from __future__ import annotations

import random
import signal
import time

import pytest

from streams.runtime.clock import SystemClock
from tests.integration.loop.counting import event
from tests.integration.loop.line import Line, seen

pytestmark = pytest.mark.integration

POINTS = [
    "loop.1-polled",
    "loop.2-stepped",
    "loop.3-produced",
    "loop.4-offsets",
    "loop.5-committed",
    "loop.6-stored",
    "loop.7-signalled",
]


@pytest.mark.parametrize("point", POINTS)
def test_crash_at(line: Line, point: str) -> None:
    """SIGKILL at the third pass of a step: after the restart outputs and state are exactly once."""
    line.count(100)
    child = line.child(failpoints=f"{point}=3")
    assert child.died() == -signal.SIGKILL
    line.start()
    line.check_exactly_once()


@pytest.mark.parametrize("point", ["loop.3-produced", "loop.5-committed"])
def test_a_timer_whose_firing_crashed_fires_once(line: Line, point: str) -> None:
    """The first transaction takes the records, the second fires the timer and dies in it."""
    due_at = SystemClock().now_ms() + 3_000
    line.produce(event("WAKE", "u", "w", due_at=due_at))
    child = line.child(failpoints=f"{point}=2")
    assert child.died() == -signal.SIGKILL
    line.start()
    woken = line.await_outputs(1)
    line.count(1)
    line.check_exactly_once()
    assert seen(line.outputs(), "WOKEN") == ["w"]
    assert woken[0]["at"] >= due_at


def kill_at_random(line: Line, kills: int, wait_s: tuple[float, float]) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for round_ in range(kills):
        line.count(200, start=200 * round_)
        child = line.child()
        done = len(line.outputs())
        line.await_outputs(done + 1)
        time.sleep(chance.uniform(*wait_s))  # a random moment is the point here
        child.kill()
    line.child()
    line.check_exactly_once()


def test_kill_9_at_random_moments(line: Line) -> None:
    """Killed in the middle of its stream, again and again: exactly once."""
    kill_at_random(line, kills=3, wait_s=(0.0, 0.15))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_kill_9_at_thirty_random_moments(protocol_line: Line) -> None:
    """The same thirty times, under both protocols (`consumer` waits out a session of 6 s each time)."""
    kill_at_random(protocol_line, kills=30, wait_s=(0.0, 0.3))
