"""STOP and START: by the time at which they were received, whatever the order in which they are read."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.unit.streams.reminders.line import NOON, Line, kinds, tenant


def test_stop_opts_out_free_of_charge_and_silently() -> None:
    """Carriers answer STOP themselves; `stop_reply` adds our own."""
    line = Line()
    (fact,) = line.text("Stop")
    assert (fact["type"], fact["charged"]) == ("OPTED_OUT", False)
    assert line.sms == []
    talkative = Line(tenant(stop_reply=True))
    talkative.text("STOP")
    assert [sms["kind"] for sms in talkative.sms] == ["stop"]


def test_while_opted_out_everything_but_help_and_start_is_refused_unanswered() -> None:
    """Not charged, not answered; HELP is answered, START brings back, YES as well."""
    line = Line()
    line.text("STOP")
    line.now_ms += 1000
    for text in (
        "Remind me to buy milk at 6 PM",
        "list",
        "cancel 1",
        "snooze",
        "timezone Berlin",
        "nonsense",
    ):
        (fact,) = line.text(text)
        assert (fact["type"], fact["charged"], fact["reason"]) == ("REFUSED", False, "opted_out")
    assert line.sms == []
    assert kinds(line.text("HELP")) == ["COMMAND_DONE"]
    (back,) = line.text("yes")
    assert (back["type"], back["charged"]) == ("OPTED_IN", False)
    assert [sms["kind"] for sms in line.sms] == ["help", "start"]
    assert kinds(line.text("Remind me to buy milk at 6 PM")) == ["SCHEDULED"]


def test_a_text_is_judged_by_the_time_it_was_received() -> None:
    """Received just before STOP and read after it: counts, is charged, but is not answered."""
    line = Line()
    line.text("STOP", NOON)
    (before,) = line.text("Remind me to buy milk at 6 PM", NOON - 1)
    (same,) = line.text("Remind me to buy milk at 6 PM", NOON)
    assert (before["type"], before["charged"]) == ("SCHEDULED", True)
    assert same["type"] == "REFUSED"
    assert line.sms == []
    line.text("START", NOON + 10)
    assert kinds(line.text("list", NOON + 5)) == ["REFUSED"]
    assert kinds(line.text("list", NOON + 10)) == ["COMMAND_DONE"]


def test_an_older_word_never_overrides_a_newer_and_a_tie_is_stop() -> None:
    """Overridden: COMMAND_DONE, free, unanswered."""
    line = Line()
    line.text("START", NOON)
    answers = len(line.sms)
    (late,) = line.text("STOP", NOON - 1)
    assert (late["type"], late["charged"], late["reason"]) == ("COMMAND_DONE", False, "overridden")
    assert len(line.sms) == answers
    assert kinds(line.text("STOP", NOON)) == ["OPTED_OUT"]
    assert kinds(line.text("UNSTOP", NOON)) == ["COMMAND_DONE"]
    assert kinds(line.text("list", NOON)) == ["REFUSED"]


@pytest.mark.parametrize("order", list(permutations([("STOP", 0), ("YES", 5), ("STOP", 7), ("START", 9)])))
def test_the_order_of_reading_does_not_matter(order: tuple[tuple[str, int], ...]) -> None:
    """Whatever order words are read in, the same is in force at any time."""
    line = Line()
    for word, after in order:
        line.text(word, NOON + after)
    in_force = [kinds(line.text("list", NOON + after))[0] for after in (-1, 0, 6, 8, 9)]
    assert in_force == ["COMMAND_DONE", "REFUSED", "COMMAND_DONE", "REFUSED", "COMMAND_DONE"]


def test_what_comes_due_while_opted_out_is_cancelled_at_its_time() -> None:
    """STOP holds reminders; what comes due after START is called."""
    line = Line()
    line.text("Remind me to buy milk in 1 hour")
    line.text("Remind me to buy eggs in 3 hours")
    assert kinds(line.text("STOP")) == ["OPTED_OUT"]
    (gone,) = line.wait(3600)
    assert (gone["type"], gone["reason"]) == ("CANCELLED", "opted_out")
    line.text("START")
    assert kinds(line.wait(7200)) == ["FIRED"]
    assert [due["subject"] for due in line.due] == ["buy eggs"]


def test_no_follow_up_reaches_a_user_who_opted_out() -> None:
    """The call ends unanswered after STOP: the fact is written, the SMS is not."""
    line = Line(tenant(max_attempts=1))
    line.ring()
    line.text("STOP")
    answers = len(line.sms)
    assert kinds(line.evidence("NO_ANSWER")) == ["GAVE_UP"]
    assert len(line.sms) == answers


def test_no_retry_follows_stop() -> None:
    """The next attempt comes due while opted out, and is cancelled."""
    line = Line()
    line.ring()
    line.text("STOP")
    assert line.evidence("CANCELED") == []
    assert kinds(line.wait(3600)) == ["CANCELLED"]
    assert len(line.due) == 1
