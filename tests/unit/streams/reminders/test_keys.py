"""What a key that is pressed during the call does, once, whatever is delivered twice or late."""

from __future__ import annotations

import pytest

from streams.reminders.change import SNOOZE_MS
from tests.unit.streams.reminders.line import Line, kinds, tenant

MINUTES = 60.0


def _heard(**fields: object) -> Line:
    """A reminder that was answered, and whose words were given."""
    line = Line(tenant(**fields))
    line.ring()
    assert kinds(line.evidence("ANSWERED")) == ["ANSWERED"]
    line.evidence("TOLD")
    return line


def test_two_makes_a_new_occurrence_ten_minutes_after_the_press() -> None:
    """CHANGED without an SMS, then a call of its own for the same reminder; the first one stays answered."""
    line = _heard()
    first = line.due[-1]
    pressed_at = line.now_ms
    (changed,) = line.press("2")
    assert (changed["type"], changed["reason"], changed["message_sid"]) == ("CHANGED", "snoozed", None)
    assert (changed["reminder_id"], changed["due_at"]) == (first["reminder_id"], pressed_at + SNOOZE_MS)
    assert kinds(line.wait(10 * MINUTES)) == ["FIRED"]
    assert (line.due[-1]["due_at"], line.due[-1]["attempt"]) == (pressed_at + SNOOZE_MS, 1)
    assert kinds(line.evidence("ANSWERED")) == ["ANSWERED"], "charged on its own, as each occurrence is"


@pytest.mark.parametrize("between", ["nothing", "an hour", "a copy of ANSWERED"])
def test_a_copy_of_a_press_changes_nothing(between: str) -> None:
    """The same call and key are one press, also when the occurrence has long been replaced."""
    line = _heard()
    first = line.due[-1]
    line.press("2")
    if between == "an hour":
        line.wait(60 * MINUTES)
    elif between == "a copy of ANSWERED":
        line.evidence("ANSWERED", due=first)
    before = (len(line.facts), len(line.due), len(line.sms))
    for _ in range(2):
        line.evidence("ANSWERED", due=first, digits="2")
    assert (len(line.facts), len(line.due), len(line.sms)) == before


def test_a_press_that_is_read_before_the_answer_it_follows_is_an_answer() -> None:
    """ANSWERED once, so charged once, and the snooze; what comes behind it is old news."""
    line = Line()
    line.ring()
    assert kinds(line.press("2")) == ["ANSWERED", "CHANGED"]
    first = line.due[-1]
    for state in ("ANSWERED", "TOLD", "COMPLETED"):
        assert line.evidence(state, due=first) == []


def test_one_ends_the_reminder() -> None:
    """Who pressed it has heard it: no SMS says it again, although the call ended and TOLD never came."""
    line = Line()
    line.ring()
    line.evidence("ANSWERED")
    assert line.press("1") == []
    line.evidence("COMPLETED")
    sms = len(line.sms)
    line.wait(60 * MINUTES)
    assert len(line.sms) == sms


def test_nothing_pressed_and_not_told_is_told_by_sms() -> None:
    """The case that the test above must tell apart."""
    line = Line()
    line.ring()
    line.evidence("ANSWERED")
    line.evidence("COMPLETED")
    line.wait(60 * MINUTES)
    assert "buy milk" in line.said()
    assert "cut short" in line.said()


def test_nine_is_stop() -> None:
    """OPTED_OUT without an SMS; texts are refused, what comes due is not called; START undoes it."""
    line = _heard()
    line.text("Remind me to stretch in 5 minutes")
    (out,) = line.press("9")
    assert (out["type"], out["reason"], out["message_sid"], out["charged"]) == (
        "OPTED_OUT",
        "key_pressed",
        None,
        None,
    )
    assert kinds(line.wait(5 * MINUTES)) == ["CANCELLED"]
    (refused,) = line.text("Remind me to stretch in 5 minutes")
    assert (refused["type"], refused["reason"]) == ("REFUSED", "opted_out")
    assert kinds(line.text("START")) == ["OPTED_IN"]
    assert kinds(line.text("Remind me to stretch in 5 minutes")) == ["SCHEDULED"]


def test_nine_pressed_before_a_start_that_is_read_first_is_overridden() -> None:
    """The instant of the press decides, not the order of reading."""
    line = _heard()
    pressed_at = line.now_ms
    line.now_ms += 1000
    line.text("START")
    assert line.press("9", at=pressed_at) == []
    assert kinds(line.text("Remind me to stretch in 5 minutes")) == ["SCHEDULED"]


def test_a_press_that_was_stored_twice_does_not_undo_a_start_between() -> None:
    """Kafka was slow to confirm, so the gateway stored it again, with another time: it is the same press."""
    line = _heard()
    line.press("9")
    line.now_ms += 1000
    assert kinds(line.text("START")) == ["OPTED_IN"]
    line.now_ms += 1000
    assert line.press("9") == []
    assert kinds(line.text("Remind me to stretch in 5 minutes")) == ["SCHEDULED"]


def test_a_gateway_whose_clock_is_ahead_does_not_shut_the_user_out() -> None:
    """A press is no later than now, or START would be older than it for as long as the clock was wrong."""
    line = _heard()
    line.press("9", at=line.now_ms + 86_400_000)
    line.now_ms += 1
    assert kinds(line.text("START")) == ["OPTED_IN"]


def test_nine_is_confirmed_by_sms_where_the_tenant_confirms_opt_outs() -> None:
    """As STOP by SMS is."""
    line = _heard(stop_reply=True)
    line.press("9")
    assert line.sms[-1]["kind"] == "stop"


def test_a_key_is_about_its_own_call() -> None:
    """Two in a call whose reminder was snoozed by SMS meanwhile: there is a next occurrence already."""
    line = _heard()
    first = line.due[-1]
    line.text("snooze 30 minutes")
    assert line.evidence("ANSWERED", due=first, digits="2") == []


def test_a_key_that_means_nothing_does_nothing() -> None:
    """Neither here nor at the gateway."""
    line = _heard()
    assert line.press("7") == []


def test_two_is_told_by_sms_where_the_day_is_full() -> None:
    """The gateway has said that there will be a call, and there will not."""
    line = _heard(reminders_per_user_per_day=1)
    assert line.press("2") == []
    assert "all I can take" in line.said()
    line.wait(60 * MINUTES)
    assert len(line.due) == 1


def test_two_in_strict_quiet_hours_waits_for_their_end() -> None:
    """It is a call like any other."""
    line = _heard(quiet_hours="12:05-13:00", quiet_hours_strict=True)
    pressed_at = line.now_ms
    line.press("2")
    line.wait(50 * MINUTES)
    assert len(line.due) == 1
    line.wait(10 * MINUTES)
    assert line.due[-1]["due_at"] == pressed_at + SNOOZE_MS
    assert line.due[-1]["fire_at"] > pressed_at + SNOOZE_MS
