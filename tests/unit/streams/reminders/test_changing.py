"""cancel N and snooze, while a reminder waits, rings, or has rung."""

from __future__ import annotations

import pytest

from tests.unit.streams.reminders.line import NOON, Line, kinds, tenant

MINUTE_MS = 60_000


def test_cancel_ends_a_waiting_reminder_at_once() -> None:
    """COMMAND_DONE for the SMS, CANCELLED for the reminder, and no call."""
    line = Line()
    line.text("Remind me to buy milk in 1 hour")
    done, cancelled = line.text("cancel 1")
    assert (done["type"], done["message_sid"], done["charged"]) == ("COMMAND_DONE", "SM2", True)
    assert (cancelled["type"], cancelled["message_sid"], cancelled["due_at"]) == (
        "CANCELLED",
        None,
        NOON + 60 * MINUTE_MS,
    )
    assert line.said() == "OK, no. 1 is cancelled: buy milk"
    assert line.wait(86_400) == []


def test_a_number_is_kept_while_its_reminder_lives_and_not_given_again() -> None:
    """Numbers go up; cancelling one changes no other."""
    line = Line()
    for n in (1, 2):
        line.text(f"Remind me to do {n} in {n} hours")
    line.text("cancel 1")
    (third,) = line.text("Remind me to do 3 in 3 hours")
    assert third["number"] == 3
    (done,) = line.text("cancel 1")
    assert (done["type"], done["reason"]) == ("COMMAND_DONE", "no_such_number")
    assert "no reminder no. 1" in line.said()


def test_cancel_while_an_attempt_is_out_asks_the_calls_to_stop_it() -> None:
    """CANCEL_ASKED at once and once; what became of it is replied when the call has ended."""
    line = Line()
    line.ring()
    done, asked = line.text("cancel 1")
    assert sorted((done["type"], asked["type"])) == ["CANCEL_ASKED", "COMMAND_DONE"]
    assert kinds(line.text("cancel 1")) == ["COMMAND_DONE"]
    (ended,) = line.evidence("CANCELED")
    assert (ended["type"], ended["reason"]) == ("CANCELLED", "asked")
    assert line.said() == "No. 1 is cancelled, I will not call again: buy milk"
    assert line.sms[-1]["in_reply_to"] == "SM3"
    assert line.wait(86_400) == []


@pytest.mark.parametrize("end", ["NOT_SENT", "NOT_PLACED", "BUSY"])
def test_a_cancelled_call_has_no_further_attempt_and_no_follow_up(end: str) -> None:
    """Whatever its end was, unless it was answered."""
    line = Line(tenant(max_attempts=1))
    line.text("Remind me to buy milk in 1 minute")
    line.wait(60)
    line.text("cancel 1")
    assert kinds(line.evidence(end)) == ["CANCELLED"]
    assert line.wait(86_400) == []
    assert "follow_up" not in [sms["kind"] for sms in line.sms]


def test_a_cancel_that_comes_after_the_answer_is_too_late() -> None:
    """Asked before: replied when the words were told. Asked after: replied at once."""
    line = Line()
    line.ring()
    line.text("cancel 1")
    assert kinds(line.evidence("ANSWERED")) == ["ANSWERED"]
    line.evidence("TOLD")
    assert line.said() == "Too late to cancel no. 1: that call was answered."
    other = Line()
    other.ring()
    other.evidence("ANSWERED")
    assert kinds(other.text("cancel 1")) == ["COMMAND_DONE"]
    assert other.said().startswith("Too late")


def test_cancel_without_a_number_is_asked_back() -> None:
    """Which one?"""
    line = Line()
    (fact,) = line.text("cancel my reminder")
    assert fact["type"] == "ASKED_BACK"


def test_snooze_gives_what_rang_last_a_new_occurrence_in_ten_minutes() -> None:
    """CHANGED with the new instant, attempt 1 again, the same reminder and number."""
    line = Line()
    line.text("Remind me to buy eggs in 30 seconds")
    line.ring()
    line.evidence("ANSWERED")
    line.evidence("TOLD")
    changed, done = line.text("snooze")
    assert (changed["type"], done["type"]) == ("CHANGED", "COMMAND_DONE")
    assert changed["reminder_id"] == line.due[1]["reminder_id"]
    assert changed["due_at"] == line.now_ms + 10 * MINUTE_MS
    assert changed["number"] == 2
    line.wait(600)
    again = line.due[-1]
    assert (again["due_at"], again["attempt"], again["try"]) == (changed["due_at"], 1, 1)
    assert again["subject"] == "buy milk"


def test_snooze_takes_a_number_and_a_time() -> None:
    """Also for one that has not rung yet: then it is moved."""
    line = Line()
    line.text("Remind me to buy milk in 1 hour")
    changed, _ = line.text("snooze 1 until 5 PM")
    assert changed["due_at"] == NOON + 5 * 60 * MINUTE_MS
    assert kinds(line.wait(5 * 3600)) == ["FIRED"]


def test_snooze_with_nothing_to_snooze_does_nothing() -> None:
    """What never rang is not meant, save by its number."""
    line = Line()
    line.text("Remind me to buy milk in 1 hour")
    (fact,) = line.text("snooze")
    assert (fact["type"], fact["reason"]) == ("COMMAND_DONE", "nothing_to_snooze")
    (fact,) = line.text("snooze 7 for 10 minutes")
    assert (fact["type"], fact["reason"]) == ("COMMAND_DONE", "no_such_number")


def test_snooze_while_it_rings_calls_the_old_call_off() -> None:
    """The old occurrence ends CANCELLED, without an SMS; the new one lives on."""
    line = Line()
    line.ring()
    old = line.due[0]
    assert kinds(line.text("snooze")) == ["CANCEL_ASKED", "CHANGED", "COMMAND_DONE"]
    answers = len(line.sms)
    (ended,) = line.evidence("CANCELED", due=old)
    assert (ended["type"], ended["due_at"]) == ("CANCELLED", old["due_at"])
    assert len(line.sms) == answers
    assert kinds(line.wait(600)) == ["FIRED"]
    assert kinds(line.evidence("ANSWERED")) == ["ANSWERED"]


def test_an_answer_to_the_old_call_counts_for_the_old_occurrence() -> None:
    """Each occurrence is answered, and charged, by itself."""
    line = Line()
    line.ring()
    old = line.due[0]
    line.text("snooze")
    (first,) = line.evidence("ANSWERED", due=old)
    assert first["due_at"] == old["due_at"]
    line.evidence("TOLD", due=old)
    line.wait(600)
    (second,) = line.evidence("ANSWERED")
    assert second["due_at"] == old["due_at"] + 10 * MINUTE_MS
    assert line.evidence("ANSWERED", due=old) == []


def test_snooze_between_two_attempts_ends_the_old_occurrence() -> None:
    """It fired, so it must end in writing."""
    line = Line(tenant(retry_backoff_s=3000.0))
    line.ring()
    line.evidence("BUSY")
    assert kinds(line.text("snooze")) == ["CANCELLED", "CHANGED", "COMMAND_DONE"]
    assert kinds(line.wait(600)) == ["FIRED"]
    assert line.due[-1]["attempt"] == 1


def test_an_occurrence_never_lends_its_name_to_another() -> None:
    """A snooze to the instant that rang already is a millisecond later."""
    line = Line()
    line.ring()
    due_at = line.due[0]["due_at"]
    line.evidence("BUSY")
    changed = line.text("snooze", received_at=due_at - 10 * MINUTE_MS)[1]
    assert changed["due_at"] == due_at + 1


def test_snooze_again_before_it_rings_moves_it_again() -> None:
    """The last that rang is still the last that rang."""
    line = Line()
    line.ring()
    line.evidence("ANSWERED")
    line.evidence("TOLD")
    line.text("snooze")
    assert kinds(line.text("snooze 30 minutes")) == ["CHANGED", "COMMAND_DONE"]
    assert line.wait(29 * 60) == []
    assert kinds(line.wait(60)) == ["FIRED"]


def test_a_snooze_is_newer_than_the_cancel_before_it() -> None:
    """The reminder lives on, so nothing says that it is cancelled; a cut-short call needs no words either."""
    for ends in (["CANCELED"], ["ANSWERED", "COMPLETED"]):
        line = Line()
        line.ring()
        line.text("cancel 1")
        line.text("snooze")
        answers = len(line.sms)
        for end in ends:
            line.evidence(end, due=line.due[0])
        assert kinds(line.wait(600)) == ["FIRED"]
        assert len(line.sms) == answers
