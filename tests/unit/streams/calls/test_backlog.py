"""More tries are due than can be posted in time: a window of them is claimed, a line waits, the input is left alone."""

from __future__ import annotations

import pytest

from streams.calls.processor import CallsProcessor
from streams.ids import CallKey
from streams.once import window
from streams.runtime.processor import Bounded
from tests.unit.streams.calls.line import Line

START, CROWDED, RELIEVED = 4, 8, 3
BACKLOG = CROWDED + 2 * START


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    """With a window and a line so small that a backlog is small, too."""
    for name, small in (("START", START), ("CROWDED", CROWDED), ("RELIEVED", RELIEVED)):
        monkeypatch.setattr(window, name, small)
    line = Line(calls_per_second=100_000)
    line.settle()
    return line


def backlog(line: Line) -> list[CallKey]:
    return [line.due(f"r{n}", user=f"acme|+1415666{n:04}") for n in range(BACKLOG)]


def processor(line: Line) -> CallsProcessor:
    found = line.owner.processor
    assert isinstance(found, CallsProcessor)
    assert isinstance(found, Bounded)
    return found


def test_only_a_window_of_them_is_claimed(line: Line) -> None:
    """A claim that cannot be posted within its two seconds was made for nothing."""
    keys = backlog(line)
    line.owner.turn()
    assert sum(line.states(key) == ["CLAIMED"] for key in keys) == START
    assert processor(line).crowded


def test_all_are_called_once_in_the_order_in_which_they_were_due(line: Line) -> None:
    """Who leaves the window calls up the next, long before a timer would; then the input is read on."""
    keys = backlog(line)
    line.pass_time(2)
    assert [line.rung(key) for key in keys] == [1] * BACKLOG
    assert not processor(line).crowded
    claimed = [e["reminder_id"] for e in line.evidence("calls.events") if e["state"] == "CLAIMED"]
    assert claimed == [key.reminder_id for key in keys]


def test_who_was_called_up_in_a_step_that_was_aborted_is_not_forgotten(line: Line) -> None:
    """The line is memory only: a timer in the state stands behind each that waits in it."""
    keys = backlog(line)
    line.owner.turn()
    for number in range(40):
        for pending in line.owner.runnable():
            line.owner.run(pending)
        line.owner.turn(abort=number % 2 == 0)
        line.clock.advance(0.01)
    line.pass_time(15)
    assert [line.rung(key) for key in keys] == [1] * BACKLOG
