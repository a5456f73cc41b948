"""Accepted = pending + fired + cancelled + expired + dead, per tenant, whatever happens to a reminder."""

from __future__ import annotations

from typing import Any, cast

import pytest

from schemas.records import TallyState
from streams.reminders.conservation import EMPTY, audit, differences, fold, unaccounted
from tests.unit.streams.reminders.line import Line, tenant

DAY_S = 86_400
CHARGES = ("sms_charged", "answered")


def _books(line: Line) -> dict[str, int]:
    """The counters of occurrences that are not zero, once they have been found to agree with the state."""
    running = {key[2:]: cast(TallyState, value) for key, value in line.state.scan("c|")}
    assert differences(running, fold(line.state.scan(""))) == []
    tally = cast(dict[str, Any], running["acme"])
    return {name: count for name, count in tally.items() if count and name not in CHARGES}


def _charges(line: Line) -> tuple[int, int]:
    """SMS and answered occurrences that are counted as charged."""
    tally = line.state.get("c|acme") or {}
    return tally["sms_charged"], tally["answered"]


def test_charges_are_counted_as_the_facts_have_them() -> None:
    """Each SMS whose outcome is charged; each occurrence that was answered, however often that is said. What is not
    charged (HELP, STOP, a text after it) counts nothing."""
    line = Line()
    line.ring()
    for text in ("list", "what is this", "help", "STOP", "Remind me to buy milk in 60 seconds"):
        line.text(text)
    charged = [f for f in line.facts if f["charged"]]
    assert (len(charged), _charges(line)) == (3, (3, 0))
    for _ in range(2):
        line.evidence("ANSWERED")
    assert line.kinds().count("ANSWERED") == 1
    assert _charges(line) == (3, 1)


def test_a_reminder_waits_and_then_counts_as_fired_once() -> None:
    """Also when it is called three times: a retry is not another reminder."""
    line = Line(tenant(max_attempts=3))
    line.text("Remind me to buy milk in 60 seconds")
    assert _books(line) == {"accepted": 1, "pending": 1}
    line.wait(60)
    assert _books(line) == {"accepted": 1, "fired": 1, "open": 1}
    for _ in range(3):
        line.evidence("BUSY")
        line.wait(3_600)
    assert line.kinds().count("FIRED") == 3
    assert _books(line) == {"accepted": 1, "fired": 1}
    line.evidence("ANSWERED")
    assert _books(line) == {"accepted": 1, "fired": 1}


def test_a_cancel_counts_where_it_found_the_reminder() -> None:
    """Before its call: cancelled. While its call is out, or between two: it has fired, and is closed."""
    line = Line()
    line.text("Remind me to buy milk in 60 seconds")
    line.text("cancel 1")
    assert _books(line) == {"accepted": 1, "cancelled": 1}
    line.ring()
    line.text("cancel 2")
    line.evidence("BUSY")
    line.ring()
    line.evidence("BUSY")
    line.text("cancel 3")
    assert _books(line) == {"accepted": 3, "cancelled": 1, "fired": 2}


def test_what_comes_due_after_stop_is_cancelled() -> None:
    """STOP itself moves nothing: a START may follow."""
    line = Line()
    line.text("Remind me to buy milk in 60 seconds")
    line.text("STOP")
    assert _books(line) == {"accepted": 1, "pending": 1}
    line.wait(60)
    assert _books(line) == {"accepted": 1, "cancelled": 1}


def test_a_reminder_that_was_kept_is_accepted_and_expires_or_waits() -> None:
    """Pending while it asks for YES, pending after it, expired without it."""
    line = Line(tenant(confirm_first_contact=True))
    line.text("Remind me to buy milk in 60 seconds")
    assert _books(line) == {"accepted": 1, "pending": 1}
    line.wait(60)
    assert _books(line) == {"accepted": 1, "expired": 1}
    line.text("Remind me to buy milk in 60 seconds")
    line.text("YES")
    assert _books(line) == {"accepted": 2, "expired": 1, "pending": 1}


def test_missed_before_any_call_is_expired_and_after_one_it_has_fired() -> None:
    """The member was away for longer than the grace."""
    line = Line()
    line.text("Remind me to buy milk in 60 seconds")
    line.away(DAY_S)
    assert _books(line) == {"accepted": 1, "expired": 1}
    line.text("Remind me to buy milk in 60 seconds")
    line.wait(60)
    line.evidence("NOT_SENT")
    line.away(DAY_S)
    assert line.kinds()[-1] == "MISSED"
    assert _books(line) == {"accepted": 2, "expired": 1, "fired": 1}


def test_a_snooze_moves_what_has_not_fired_and_accepts_anew_what_has() -> None:
    """The old call stays open until it ends."""
    line = Line()
    line.text("Remind me to buy milk in 60 seconds")
    line.text("snooze 1 for 2 minutes")
    assert _books(line) == {"accepted": 1, "pending": 1}
    line.wait(120)
    line.text("snooze 1 for 2 minutes")
    assert _books(line) == {"accepted": 2, "pending": 1, "fired": 1, "open": 1}
    line.evidence("BUSY")
    assert _books(line) == {"accepted": 2, "pending": 1, "fired": 1}


@pytest.mark.parametrize("lost", ["pending", "open"])
def test_a_lost_occurrence_shows(lost: str) -> None:
    """Take a record out of the store, as no step ever would: the check names the tenant and the class."""
    line = Line()
    line.text("Remind me to buy milk in 60 seconds")
    if lost == "open":
        line.wait(60)
    running = {"acme": cast(TallyState, line.state.get("c|acme"))}
    for key, _ in list(line.state.scan("r|")):
        line.state.delete(key)
    assert differences(running, fold(line.state.scan(""))) == [
        f"tenant acme: 1 counted as {lost}, 0 in the store"
    ]


def test_a_sum_that_does_not_add_up_shows() -> None:
    """Whatever the store says."""
    tally: TallyState = {**EMPTY, "accepted": 3, "pending": 1, "fired": 1}
    assert unaccounted(tally) == 1
    found: dict[str, TallyState] = {"acme": {**EMPTY, "pending": 1}}
    assert differences({"acme": tally}, found) == ["tenant acme: 1 of 3 accepted are in no class"]


def test_an_audit_finds_in_slices_what_the_whole_tells() -> None:
    """It lets others go first after every slice, and says at the end what differs."""
    line = Line()
    for _ in range(5):
        line.text("Remind me to buy milk in 60 seconds")
    assert list(audit(line.state.scan(""), 5)) == [None, []]
    line.state.delete(next(key for key, _ in line.state.scan("r|")))
    assert list(audit(line.state.scan("r|"), 2)) == [
        None,
        None,
        ["tenant acme: 0 counted as pending, 4 in the store"],
    ]
    *_, last = audit(line.state.scan(""), 2)
    assert last == ["tenant acme: 5 counted as pending, 4 in the store"]


def test_tenants_are_counted_apart() -> None:
    """The fold reads the tenant from the occurrence, not from its key."""
    first, second = Line(), Line(tenant(id="beta"))
    first.text("Remind me to buy milk in 60 seconds")
    second.text("Remind me to buy milk in 60 seconds")
    second.text("Remind me to buy eggs in 60 seconds")
    found = fold([*first.state.scan(""), *second.state.scan("")])
    assert {name: tally["pending"] for name, tally in found.items()} == {"acme": 1, "beta": 2}
