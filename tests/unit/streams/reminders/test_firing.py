"""A timer's time has come: call, hold back, or say that it is too late. Never early."""

from __future__ import annotations

from streams.ids import CallKey
from streams.reminders.state import NO_EVIDENCE_MS, reminder_key
from tests.unit.streams.reminders.line import NOON, OURS, Line, kinds, tenant, timer

HOUR_MS = 3_600_000


def test_a_due_reminder_is_handed_to_the_calls_with_all_that_a_call_needs() -> None:
    """One record of reminders.due and one FIRED fact."""
    line = Line(tenant(language="en-GB", late_grace_s=60.0))
    line.text("Remind me to buy milk in 1 hour")
    (fired,) = line.wait(3600)
    (due,) = line.due
    assert due == {
        "reminder_id": fired["reminder_id"],
        "user": line.user,
        "tenant": "acme",
        "from": OURS,
        "due_at": NOON + HOUR_MS,
        "fire_at": NOON + HOUR_MS,
        "attempt": 1,
        "try": 1,
        "subject": "buy milk",
        "language": "en-GB",
        "expires_at": NOON + HOUR_MS + 60_000,
        "quiet_from": None,
        "quiet_until": None,
    }
    assert (fired["type"], fired["due_at"], fired["attempt"], fired["try"]) == (
        "FIRED",
        NOON + HOUR_MS,
        1,
        1,
    )
    assert fired["at"] == NOON + HOUR_MS


def test_a_timer_that_comes_early_fires_nothing() -> None:
    """Whoever wakes us: never early."""
    line = Line()
    (fact,) = line.text("Remind me to buy milk in 1 hour")
    line.now_ms += HOUR_MS - 1
    assert line.step(timer(line, reminder_key(line.user, fact["reminder_id"]))) == []
    assert line.due == []
    line.now_ms += 1
    assert kinds(line.step(timer(line, reminder_key(line.user, fact["reminder_id"])))) == ["FIRED"]


def test_reminders_of_a_user_fire_in_due_order_also_after_a_pause() -> None:
    """The order in which they were asked for does not matter."""
    line = Line()
    for minutes in (3, 1, 2):
        line.text(f"Remind me to do {minutes} in {minutes} minutes")
    line.away(600)
    assert [due["subject"] for due in line.due] == ["do 1", "do 2", "do 3"]


def test_due_while_we_were_away_is_called_within_the_grace_and_missed_beyond_it() -> None:
    """MISSED says by SMS what the call would have said."""
    line = Line(tenant(late_grace_s=900.0))
    line.text("Remind me to buy milk in 1 hour")
    line.text("Remind me to buy eggs in 1 hour 1 second")
    facts = line.away(3600 + 901)
    assert sorted(kinds(facts)) == ["FIRED", "MISSED"]
    assert [due["subject"] for due in line.due] == ["buy eggs"]
    assert line.sms[-1]["kind"] == "follow_up"
    assert line.said() == "Sorry, we missed to call you today at 1:00 PM: buy milk"


def test_quiet_hours_hold_back_retries_only() -> None:
    """The first call is what the user asked for; its retry waits for the morning."""
    line = Line(tenant(quiet_hours="22:00-07:00", timezone="Europe/Berlin"))
    line.text("Remind me to sleep at 23:30")
    assert kinds(line.wait(12 * 3600)) == ["FIRED"]
    assert line.due[0]["quiet_from"] is None
    assert line.due[0]["fire_at"] == NOON + 10 * HOUR_MS + HOUR_MS // 2
    line.now_ms = line.due[0]["fire_at"] + 30_000
    line.evidence("BUSY")
    assert kinds(line.wait(8 * 3600)) == ["FIRED"]
    retry = line.due[1]
    assert retry["fire_at"] == NOON + 18 * HOUR_MS  # 07:00 in Berlin
    assert (retry["quiet_from"], retry["quiet_until"]) == (
        NOON + 33 * HOUR_MS,
        NOON + 42 * HOUR_MS,
    )  # tonight's
    assert retry["expires_at"] == retry["fire_at"] + 900_000


def test_strict_quiet_hours_hold_back_every_call_and_the_answer_says_so() -> None:
    """`due_at` stays what was asked: it names the occurrence."""
    line = Line(tenant(quiet_hours="22:00-07:00", quiet_hours_strict=True))
    (fact,) = line.text("Remind me to sleep at 23:30")
    assert "tomorrow at 7:00 AM" in line.said()
    assert fact["due_at"] == NOON + 11 * HOUR_MS + HOUR_MS // 2
    line.wait(19 * 3600)
    assert line.due[0]["fire_at"] == NOON + 19 * HOUR_MS
    assert line.due[0]["due_at"] == fact["due_at"]


def test_a_zone_that_changed_meanwhile_moves_a_call_out_of_quiet_hours() -> None:
    """The wait is ours, not the user's: the grace begins behind it."""
    line = Line(tenant(quiet_hours="22:00-07:00", quiet_hours_strict=True))
    line.text("Remind me to stretch at 17:00")
    line.text("timezone Tokyo")  # 17:00 UTC is 02:00 there
    assert line.wait(9 * 3600) == []
    assert kinds(line.wait(3600)) == ["FIRED"]
    assert line.due[0]["fire_at"] == NOON + 10 * HOUR_MS  # 07:00 in Tokyo


def test_a_try_without_any_evidence_ends_in_writing() -> None:
    """Only if the input of the calls stage was lost; even then nothing is silent."""
    line = Line()
    line.text("Remind me to buy milk in 1 minute")
    line.wait(60)
    (fact,) = line.wait(NO_EVIDENCE_MS / 1000)
    assert (fact["type"], fact["reason"]) == ("MISSED", "no_evidence")
    assert line.sms[-1]["kind"] == "follow_up"


def test_facts_have_names_that_a_replay_repeats() -> None:
    """The same inputs at the same times give the same ids, so a reader recognises a copy."""
    runs = []
    for _ in range(2):
        line = Line()
        line.ring()
        line.evidence("BUSY")
        line.wait(60)
        line.evidence("NOT_SENT")
        line.wait(10)
        line.text("snooze")
        runs.append([(fact["event_id"], fact["at"]) for fact in line.facts])
        assert len({event_id for event_id, _ in runs[-1]}) == len(runs[-1])
    assert runs[0] == runs[1]
    assert {CallKey(d["reminder_id"], d["due_at"], d["attempt"], d["try"]) for d in line.due} == {
        CallKey(line.due[0]["reminder_id"], NOON + 60_000, a, t) for a, t in ((1, 1), (2, 1), (2, 2))
    }
