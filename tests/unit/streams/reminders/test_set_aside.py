"""A timer that became a dead letter is in the books, and its user can still do something about it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from schemas.records import TallyState
from streams.reminders.conservation import EMPTY, differences, fold
from streams.runtime.processor import SetAside
from tests.unit.streams.reminders.line import Line


def _set_aside(line: Line) -> dict[str, Any]:
    """What the runtime does with a timer whose step raises."""
    ((key, value),) = line.state.scan("r|")
    line.state.put(key, "ReminderState", {**value, "wake_at": None})
    line.step(SetAside(key, value))
    return value


def _books(line: Line) -> TallyState:
    tally = cast(TallyState, line.state.get("c|acme"))
    assert differences({"acme": tally}, fold(line.state.scan(""))) == []
    return {**tally, "sms_charged": 0, "answered": 0}  # not what these tests are about


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ("list", {**EMPTY, "accepted": 1, "dead": 1}),
        ("cancel 1", {**EMPTY, "accepted": 1, "cancelled": 1}),
        ("snooze 1 for 2 minutes", {**EMPTY, "accepted": 1, "pending": 1}),
    ],
)
def test_a_dead_timer_is_dead_until_its_user_cancels_or_snoozes_it(then: str, expected: TallyState) -> None:
    """It is listed, and counts as what becomes of it."""
    line = Line()
    line.text("Remind me to buy milk in 60 seconds")
    _set_aside(line)
    line.text(then)
    assert _books(line) == expected


def test_a_dead_timer_of_one_that_has_fired_stays_open() -> None:
    """It was called already, and its evidence may still end it."""
    line = Line()
    line.ring()
    _set_aside(line)
    assert _books(line) == {**EMPTY, "accepted": 1, "fired": 1, "open": 1}
    line.evidence("ANSWERED")
    line.evidence("TOLD")
    assert _books(line) == {**EMPTY, "accepted": 1, "fired": 1}
