"""What evidence about a call leads to."""

from __future__ import annotations

import pytest

from streams.reminders.state import ENDED_MS
from tests.unit.streams.reminders.line import Line, kinds, tenant

DAY_S = 86_400


def _rung(**fields: object) -> Line:
    line = Line(tenant(**fields))
    line.ring()
    return line


def test_answered_is_a_fact_at_once_and_the_reminder_is_over_when_the_words_were_told() -> None:
    """No further attempt, no SMS; the occurrence is remembered for 8 days."""
    line = _rung()
    assert kinds(line.evidence("ANSWERED")) == ["ANSWERED"]
    for state in ("TOLD", "COMPLETED", "ANSWERED", "FAILED"):
        assert line.evidence(state) == []
    assert line.wait(ENDED_MS / 1000 - 1) == []
    assert line.evidence("ANSWERED") == []
    assert line.wait(2) == []
    assert len(line.sms) == 1
    assert not any(key.startswith("r|") for key in line.state.values)
    assert line.evidence("ANSWERED") == []  # unknown by now, and ignored


@pytest.mark.parametrize("end", ["BUSY", "NO_ANSWER", "FAILED", "CANCELED"])
def test_an_unanswered_call_is_followed_by_attempts_until_they_are_used_up(end: str) -> None:
    """Each a new attempt with its own expiry; the last one is GAVE_UP and an SMS that says what was to be said."""
    line = _rung(max_attempts=3)
    for attempt in (2, 3):
        assert line.evidence(end, f"CA{attempt}") == []
        line.evidence("PLACED", "CA1")
        assert line.evidence(end, "CA1") == []
        assert kinds(line.wait(3600)) == ["FIRED"]
        assert (line.due[-1]["attempt"], line.due[-1]["try"]) == (attempt, 1)
        assert line.due[-1]["expires_at"] == line.due[-1]["fire_at"] + 900_000
        line.evidence("PLACED")
    (fact,) = line.evidence(end)
    assert (fact["type"], fact["reason"], fact["attempt"]) == ("GAVE_UP", end.lower(), 3)
    assert line.said() == "We tried to call you today at 12:01 PM: buy milk"
    assert line.wait(DAY_S) == []
    assert {due["due_at"] for due in line.due} == {line.due[0]["due_at"]}


def test_a_completed_call_waits_for_its_answered_or_failed() -> None:
    """COMPLETED alone may yet turn out answered: no attempt follows until the owner says FAILED."""
    line = _rung()
    line.evidence("COMPLETED")
    assert line.wait(3600) == []
    line.evidence("FAILED")
    assert kinds(line.wait(3600)) == ["FIRED"]


def test_two_calls_of_one_try_must_both_end() -> None:
    """A second sid's CANCELED does not end the try while the first one rings."""
    line = _rung()
    line.evidence("PLACED", "CA2")
    line.evidence("CANCELED", "CA2")
    assert line.wait(3600) == []
    line.evidence("NO_ANSWER", "CA1")
    assert kinds(line.wait(3600)) == ["FIRED"]


def test_not_sent_repeats_the_try_soon_and_is_no_attempt() -> None:
    """Same attempt, next try, same expiry."""
    line = Line(tenant(max_attempts=1))
    line.text("Remind me to buy milk in 1 minute")
    line.wait(60)
    for try_ in (2, 3, 4):
        line.evidence("CLAIMED")
        assert line.evidence("NOT_SENT") == []
        assert kinds(line.wait(10)) == ["FIRED"]
        assert (line.due[-1]["attempt"], line.due[-1]["try"]) == (1, try_)
    assert len({due["expires_at"] for due in line.due}) == 1


def test_not_sent_past_the_expiry_is_missed() -> None:
    """With the SMS that says what the call would have said; a last try is made at the expiry itself."""
    line = Line(tenant(late_grace_s=30.0))
    line.text("Remind me to buy milk in 1 minute")
    line.wait(60)
    for _ in range(100):
        line.evidence("NOT_SENT")
        if line.kinds()[-1] == "MISSED":
            break
        line.wait(30)
    assert line.kinds()[-1] == "MISSED"
    assert line.due[-1]["fire_at"] <= line.due[0]["expires_at"]
    assert "buy milk" in line.said()
    assert line.sms[-1]["kind"] == "follow_up"


def test_not_placed_gives_up_and_says_it_by_sms() -> None:
    """Final, whatever attempts are left."""
    line = Line()
    line.text("Remind me to buy milk in 1 minute")
    line.wait(60)
    line.evidence("UNKNOWN")
    (fact,) = line.evidence("NOT_PLACED")
    assert (fact["type"], fact["reason"]) == ("GAVE_UP", "not_placed")
    assert line.said() == "We could not place your call today at 12:01 PM: buy milk"
    assert line.wait(DAY_S) == []


def test_an_answer_after_we_gave_up_counts_once() -> None:
    """The follow-up stands; ANSWERED is written, and charged by billing."""
    line = Line()
    line.text("Remind me to buy milk in 1 minute")
    line.wait(60)
    line.evidence("NOT_PLACED")
    assert line.evidence("PLACED_LATE") == []
    (fact,) = line.evidence("ANSWERED")
    assert (fact["type"], fact["due_at"]) == ("ANSWERED", line.due[0]["due_at"])
    assert line.evidence("ANSWERED") == []
    assert len(line.sms) == 2


def test_a_late_answer_drops_the_attempt_that_was_to_follow() -> None:
    """ANSWERED of an attempt that had read FAILED: no second call; no SMS when the words were told."""
    line = _rung()
    line.evidence("FAILED")
    (fact,) = line.evidence("ANSWERED")
    assert (fact["type"], fact["attempt"]) == ("ANSWERED", 1)
    line.evidence("TOLD")
    assert line.wait(DAY_S) == []
    assert len(line.sms) == 1


def test_a_late_answer_without_words_is_followed_by_them() -> None:
    """The end of that call was read before the answer, so 30 s count from the answer."""
    line = _rung()
    line.evidence("COMPLETED")
    line.evidence("FAILED")
    line.evidence("ANSWERED")
    line.wait(30)
    assert "It was to say: buy milk" in line.said()


def test_a_late_answer_while_the_next_attempt_is_out_ends_the_reminder() -> None:
    """What becomes of the second call is no concern of the reminder any more."""
    line = _rung()
    first = line.due[0]
    line.evidence("FAILED")
    line.wait(3600)
    assert kinds(line.evidence("ANSWERED", due=first)) == ["ANSWERED"]
    line.evidence("TOLD", due=first)
    assert line.evidence("NOT_SENT") == []
    assert line.wait(DAY_S) == []


def test_answered_without_told_says_the_words_by_sms_30_s_after_the_call() -> None:
    """The gateway may have died between its decision and the words."""
    line = _rung()
    line.evidence("ANSWERED")
    line.evidence("COMPLETED")
    line.wait(29)
    assert len(line.sms) == 1
    line.wait(1)
    assert line.said() == "Your call may have been cut short. It was to say: buy milk"
    assert line.wait(DAY_S) == []
    assert len(line.sms) == 2


def test_told_within_30_s_needs_no_sms_in_whatever_order_it_comes() -> None:
    """Evidence is folded, not followed."""
    for order in (("TOLD", "ANSWERED", "COMPLETED"), ("COMPLETED", "ANSWERED", "TOLD")):
        line = _rung()
        facts = [fact["type"] for state in order for fact in line.evidence(state)]
        assert facts == ["ANSWERED"]
        line.wait(3600)
        assert len(line.sms) == 1


def test_a_refused_request_has_no_call_and_ends_the_attempt() -> None:
    """FAILED without a sid: the carrier said no."""
    line = Line(tenant(max_attempts=1))
    line.text("Remind me to buy milk in 1 minute")
    line.wait(60)
    assert kinds(line.evidence("FAILED", None)) == ["GAVE_UP"]


def test_backoff_is_spread_and_grows() -> None:
    """Full jitter: over many reminders the waits fill their range, which doubles."""
    waits: dict[int, list[int]] = {2: [], 3: []}
    for _ in range(40):
        line = Line(tenant(retry_backoff_s=100.0), now_ms=1_795_000_000_000 + len(waits[2]) * 7_919)
        line.ring()
        for attempt in (2, 3):
            line.evidence("BUSY")
            ended_at = line.now_ms
            line.wait(200)
            assert line.due[-1]["attempt"] == attempt
            waits[attempt].append(line.due[-1]["fire_at"] - ended_at)
    assert min(waits[2]) < 20_000
    assert 80_000 < max(waits[2]) <= 100_000
    assert 140_000 < max(waits[3]) <= 200_000
