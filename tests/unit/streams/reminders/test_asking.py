"""What an SMS that asks for something comes to: one outcome, one answer."""

from __future__ import annotations

import pytest

from streams import ids
from streams.reminders.words import LONGEST_SMS
from tests.unit.streams.reminders.line import NOON, OURS, THEIRS, Line, kinds, tenant

MINUTE_MS = 60_000


def test_a_reminder_is_scheduled_charged_and_acknowledged_with_its_number() -> None:
    """SCHEDULED with the occurrence; the answer says when, in the user's zone, what, and the list number."""
    line = Line(tenant(timezone="America/New_York"))
    (fact,) = line.text("Remind me to buy milk at 6:30 PM")
    assert fact["type"] == "SCHEDULED"
    assert fact["charged"] is True
    assert fact["message_sid"] == "SM1"
    assert fact["reminder_id"] == ids.reminder_id("SM1")
    assert fact["due_at"] == NOON + 11 * 3_600_000 + 30 * MINUTE_MS  # 18:30 at UTC-5
    (answer,) = line.sms
    assert answer["body"] == "OK, I will call you today at 6:30 PM: buy milk (no. 1)"
    assert (answer["from"], answer["to"], answer["kind"]) == (OURS, THEIRS, "ack")
    assert (answer["reply_id"], answer["in_reply_to"]) == (ids.reply_id("SM1", "ack"), "SM1")
    # When Kafka had the SMS: what the answer's delay is measured from.
    assert answer["accepted_at"] == NOON - 5


def test_an_sms_that_answers_none_names_no_time_that_it_could_be_late_for() -> None:
    """A follow-up of calls that nobody took is no acknowledgement."""
    line = Line(tenant(max_attempts=1))
    line.ring()
    line.evidence("NO_ANSWER")
    assert (line.sms[-1]["kind"], line.sms[-1]["accepted_at"]) == ("follow_up", None)


def test_the_same_message_sid_again_does_nothing() -> None:
    """The sid is the identity of an SMS, for 35 days; then it is forgotten."""
    line = Line()
    line.text("Remind me to buy milk in 50 days", sid="SM7")
    line.wait(34 * 86_400)
    assert line.text("Remind me to buy milk in 50 days", sid="SM7") == []
    assert len(line.sms) == 1
    line.wait(2 * 86_400)
    assert line.state.get("m|SM7") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("asdf qwer", "unreadable"),
        ("Remind me to buy milk", "no_time"),
        ("Remind me at 6 PM", "no_subject"),
        ("Remind me every day at 9 AM to stretch", "recurring"),
        ("Remind me to dance on Feb 30", "impossible"),
        ("Remind me to wake up in 90 years", "too_far"),
        ("timezone Atlantis", "unknown_zone"),
    ],
)
def test_what_cannot_be_done_is_asked_back_with_an_example(text: str, reason: str) -> None:
    """ASKED_BACK, charged, nothing kept, and an answer that shows how."""
    line = Line()
    (fact,) = line.text(text)
    assert (fact["type"], fact["reason"], fact["charged"]) == ("ASKED_BACK", reason, True)
    assert fact["reminder_id"] is None
    assert "Try: " in line.said()
    assert not any(key.startswith("r|") for key in line.state.values)


def test_past_due_on_arrival_is_called_at_once_within_the_grace() -> None:
    """An SMS that was on its way for ten minutes still leads to a call, due when it was meant."""
    line = Line()
    received_at = line.now_ms - 10 * MINUTE_MS
    assert kinds(line.text("Remind me to buy milk in 1 minute", received_at)) == ["SCHEDULED"]
    assert kinds(line.away(0)) == ["FIRED"]
    assert line.due[0]["due_at"] == line.due[0]["fire_at"] == received_at + MINUTE_MS


def test_past_due_on_arrival_beyond_the_grace_is_asked_back() -> None:
    """It would not be the call that was asked for."""
    line = Line(tenant(late_grace_s=300.0))
    (fact,) = line.text("Remind me to buy milk in 1 minute", line.now_ms - 10 * MINUTE_MS)
    assert (fact["type"], fact["reason"]) == ("ASKED_BACK", "passed")
    assert line.next_timer() == line.now_ms + 35 * 86_400_000  # of the message sid only


def test_a_zone_counts_for_later_texts_and_leaves_pending_reminders_alone() -> None:
    """`timezone X` changes how times are read and said from then on."""
    line = Line()
    (first,) = line.text("Remind me to buy milk at 6:30 PM")
    assert kinds(line.text("timezone Berlin")) == ["COMMAND_DONE"]
    assert "Europe/Berlin" in line.said()
    assert "13:00" in line.said()
    (second,) = line.text("Remind me to buy eggs at 6:30 PM")
    assert first["due_at"] - second["due_at"] == 3_600_000
    line.text("list")
    assert line.said().splitlines() == [
        "2: today at 6:30 PM: buy eggs",
        "1: today at 7:30 PM: buy milk",
    ]


def test_an_older_zone_never_overrides_a_newer() -> None:
    """SMS of one user may be read in another order than they were received."""
    line = Line()
    line.text("timezone Berlin")
    assert kinds(line.text("timezone Tokyo", line.now_ms - 1)) == ["COMMAND_DONE"]
    (fact,) = line.text("Remind me to buy milk at 6:30 PM")
    assert fact["due_at"] == NOON + 5 * 3_600_000 + 30 * MINUTE_MS


def test_list_shows_what_lives_and_no_more_than_fits() -> None:
    """In order of time; the rest is counted."""
    line = Line()
    line.text("list")
    assert line.said().startswith("You have no reminders.")
    for n in range(10, 0, -1):
        line.text(f"Remind me to do thing {n} in {n} hours")
    line.text("list")
    lines = line.said().splitlines()
    assert lines[0] == "10: today at 1:00 PM: do thing 1"
    assert len(lines) == 9
    assert lines[-1] == "and 2 more"


def test_help_is_answered_and_not_charged() -> None:
    """HELP is one of the words that are free."""
    line = Line()
    (fact,) = line.text("HELP")
    assert (fact["type"], fact["charged"]) == ("COMMAND_DONE", False)
    assert line.sms[0]["kind"] == "help"


def test_no_sms_is_longer_than_the_carrier_takes_and_braces_are_only_text() -> None:
    """What the user wrote is filled in as it is; a follow-up tells it whole as far as an SMS goes."""
    line = Line(tenant(max_attempts=1))
    line.text("Remind me in 1 minute to say {number} " + "x" * 1500)
    line.wait(60)
    line.evidence("BUSY")
    assert "{number} xxx" in line.said()
    assert len(line.said()) > 1500
    assert all(len(sms["body"]) <= LONGEST_SMS for sms in line.sms)


def test_an_instant_far_beyond_a_lifetime_of_timers_is_asked_back() -> None:
    """The state would be kept until then."""
    line = Line()
    (fact,) = line.text("Remind me to sing on Jan 1 2050")
    assert (fact["type"], fact["reason"]) == ("ASKED_BACK", "too_far")
