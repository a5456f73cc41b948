"""A number is first called only after it said YES, where the tenant wants it so."""

from __future__ import annotations

from tests.unit.streams.reminders.line import Line, kinds, tenant


def _line() -> Line:
    return Line(tenant(confirm_first_contact=True))


def test_a_first_reminder_is_kept_until_yes() -> None:
    """ASKED_BACK names the reminder that is kept; YES schedules it; the next one needs no YES."""
    line = _line()
    (asked,) = line.text("Remind me to buy milk in 1 hour")
    assert (asked["type"], asked["reason"], asked["charged"]) == ("ASKED_BACK", "confirm", True)
    assert asked["reminder_id"] is not None
    assert "Reply YES" in line.said()
    (done,) = line.text("Yes")
    assert (done["type"], done["reminder_id"], done["charged"]) == ("SCHEDULED", asked["reminder_id"], True)
    assert kinds(line.text("Remind me to buy eggs in 2 hours")) == ["SCHEDULED"]
    assert kinds(line.wait(7200)) == ["FIRED", "FIRED"]


def test_yes_schedules_the_earliest_and_changes_the_others() -> None:
    """One outcome for one SMS: the others are CHANGED without a message sid."""
    line = _line()
    line.text("Remind me to buy eggs in 2 hours")
    (first,) = line.text("Remind me to buy milk in 1 hour")
    scheduled, changed = line.text("YES")
    assert (scheduled["type"], scheduled["message_sid"]) == ("SCHEDULED", "SM3")
    assert scheduled["reminder_id"] == first["reminder_id"]
    assert (changed["type"], changed["message_sid"], changed["charged"]) == ("CHANGED", None, None)
    assert "1 more" in line.said()


def test_what_is_not_confirmed_expires_at_its_time_without_a_call() -> None:
    """EXPIRED, and nothing is left of it."""
    line = _line()
    line.text("Remind me to buy milk in 1 hour")
    (fact,) = line.wait(3600)
    assert fact["type"] == "EXPIRED"
    assert line.due == []
    assert not any(key.startswith("r|") for key in line.state.values)
    (done,) = line.text("YES")
    assert (done["type"], done["reason"]) == ("COMMAND_DONE", "nothing_kept")


def test_what_is_past_on_arrival_is_not_kept_for_a_yes() -> None:
    """It would expire before the user could answer."""
    line = _line()
    (fact,) = line.text("Remind me to buy milk in 1 minute", line.now_ms - 120_000)
    assert (fact["type"], fact["reason"], fact["reminder_id"]) == ("ASKED_BACK", "passed", None)


def test_a_kept_reminder_can_be_cancelled_and_moved() -> None:
    """It has a number like any other; moving it does not confirm it."""
    line = _line()
    line.text("Remind me to buy milk in 1 hour")
    line.text("Remind me to buy eggs in 1 hour")
    assert kinds(line.text("cancel 1")) == ["COMMAND_DONE", "CANCELLED"]
    assert kinds(line.text("snooze 2 for 90 minutes")) == ["CHANGED", "COMMAND_DONE"]
    assert line.wait(5000) == []
    assert kinds(line.wait(500)) == ["EXPIRED"]


def test_words_of_opting_in_do_not_confirm() -> None:
    """START says that we may text; it reminds of the YES that is still missing."""
    line = _line()
    line.text("Remind me to buy milk in 1 hour")
    line.text("STOP")
    line.now_ms += 1
    assert kinds(line.text("START")) == ["OPTED_IN"]
    assert "Reply YES" in line.said()
    assert kinds(line.wait(3600)) == ["EXPIRED"]
