"""The oracle of the worst cases, fed with histories in which one thing is wrong: it must say so, and only then."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from infra.oracle import Event, History, Row, Verdict, judge
from tests.integration.worst_cases.table import table

T = 1_800_000_000_000
DUE = T + 2_000
RESOLVE_MS = 120_000


class Story:
    """A good history, told step by step: one SMS, two attempts (busy, then answered), a reply, charges."""

    def __init__(self) -> None:
        self.sent = {"SM1": True}
        self.truth: list[Event] = []
        self.rows: list[Row] = []
        self.fact(T, "SCHEDULED", message_sid="SM1", charged=True)
        self.row("sms.outbound", T, reply_id="r1", to="+1", body="ok")
        self.row("sms.events", T + 10, reply_id="r1", state="SENT")
        self.happens(T + 5, "message.created", "SM9", body="ok")
        self.charge(T, "sms:SM1")
        self.due(DUE, 1)
        self.evidence(DUE + 10, 1, "CLAIMED")
        self.call(DUE + 20, 1, "CA1")
        self.evidence(DUE + 30, 1, "PLACED", "CA1")
        self.evidence(DUE + 40, 1, "BUSY", "CA1")
        self.due(DUE + 1_000, 2)
        self.evidence(DUE + 1_010, 2, "CLAIMED")
        self.call(DUE + 1_020, 2, "CA2")
        self.evidence(DUE + 1_030, 2, "UNKNOWN")
        self.answer(DUE + 1_040, 2, "CA2")
        self.evidence(DUE + 1_060, 2, "COMPLETED", "CA2")
        self.fact(DUE + 1_070, "ANSWERED")
        self.charge(DUE + 1_080, f"answered:r:{DUE}")

    def row(self, topic: str, at: int, **value: Any) -> None:
        self.rows.append(Row(topic, at, value))

    def fact(self, at: int, type_: str, message_sid: str | None = None, **more: Any) -> None:
        more = {"event_id": f"{type_}{at}", "reminder_id": "r", "due_at": DUE, **more}
        self.row("reminders.events", at, type=type_, message_sid=message_sid, **more)

    def charge(self, at: int, charge_id: str) -> None:
        self.row("billing.charges", at, charge_id=charge_id)

    def due(self, fire_at: int, attempt: int) -> None:
        self.row("reminders.due", fire_at, **_key(attempt), fire_at=fire_at, subject="buy milk")

    def evidence(self, at: int, attempt: int, state: str, sid: str | None = None) -> None:
        self.row("calls.events", at, **_key(attempt), state=state, call_sid=sid)

    def happens(self, at: int, type_: str, sid: str, **more: Any) -> None:
        self.truth.append({"at": at, "type": type_, "sid": sid, "to": "+1", **more})

    def call(self, at: int, attempt: int, sid: str) -> None:
        self.happens(at, "call.created", sid, url=f"http://x/voice?k=r.{DUE}.{attempt}.1&t=acme&e=1&n=0")

    def hear(self, at: int, sid: str) -> None:
        self.happens(at, "call.answered", sid)
        self.happens(at, "call.heard", sid, text="This is your reminder: buy milk", error=False, whole=True)

    def answer(self, at: int, attempt: int, sid: str) -> None:
        self.evidence(at, attempt, "ANSWERED", sid)
        self.hear(at + 10, sid)

    def without(self, topic: str, **has: Any) -> None:
        """Take the records away that have these values; there must be some."""
        kept = [r for r in self.rows if r.topic != topic or any(r.value.get(k) != v for k, v in has.items())]
        assert len(kept) < len(self.rows)
        self.rows = kept

    def judge(self, now_ms: int = DUE + 2_000) -> Verdict:
        return judge("0 planted", History(self.sent, self.truth, self.rows, RESOLVE_MS, now_ms))


def _key(attempt: int) -> Event:
    return {"reminder_id": "r", "due_at": DUE, "attempt": attempt, "try": 1}


def test_a_good_history_holds() -> None:
    """Two attempts, one of them UNKNOWN for a moment: nothing to say, and the figures are right."""
    verdict = Story().judge()
    assert verdict.holds, (verdict.wrong, verdict.missing)
    assert (verdict.sms, verdict.keys, verdict.calls, verdict.heard, verdict.charges) == (1, 2, 2, 1, 2)
    assert (verdict.most_calls, verdict.most_heard, verdict.unknown, verdict.unknown_max_s) == (1, 1, 1, 0.03)


def test_words_are_counted_by_call() -> None:
    """The fallback URL may say the words twice in one call, and a callee may hang up in the middle of them."""
    story = Story()
    story.hear(DUE + 1_055, "CA2")
    assert story.judge().holds


def test_an_end_before_anything_was_sent_is_an_end() -> None:
    """A try that was not sent, beside one that was: both have their end."""
    story = Story()
    story.due(DUE + 500, 3)
    story.evidence(DUE + 510, 3, "CLAIMED")
    story.evidence(DUE + 520, 3, "NOT_SENT")
    assert story.judge().holds


def double_call(story: Story) -> None:
    story.call(DUE + 25, 1, "CA3")
    story.evidence(DUE + 45, 1, "BUSY", "CA3")


def double_hearing(story: Story) -> None:
    """The first attempt was picked up, too, and its TwiML held the words."""
    story.hear(DUE + 35, "CA1")


def hearing_that_nobody_knows(story: Story) -> None:
    story.without("calls.events", state="ANSWERED")
    story.without("billing.charges", charge_id=f"answered:r:{DUE}")


def answered_that_nobody_picked_up(story: Story) -> None:
    story.truth = [e for e in story.truth if e["type"] not in ("call.answered", "call.heard")]


def call_without_claim(story: Story) -> None:
    story.without("calls.events", state="CLAIMED", attempt=1)


def call_before_its_claim(story: Story) -> None:
    next(e for e in story.truth if e["sid"] == "CA1")["at"] = DUE + 5


def early_first_attempt(story: Story) -> None:
    story.truth[1]["at"] = DUE - 1
    story.rows.insert(0, Row("calls.events", DUE - 5, {**_key(1), "state": "CLAIMED", "call_sid": None}))


def early_second_attempt(story: Story) -> None:
    """Before its backoff was over."""
    next(e for e in story.truth if e["sid"] == "CA2")["at"] = DUE + 999
    story.rows.insert(0, Row("calls.events", DUE + 990, {**_key(2), "state": "CLAIMED", "call_sid": None}))


def double_outcome(story: Story) -> None:
    story.fact(T + 1, "ASKED_BACK", message_sid="SM1", reminder_id=None, due_at=None)


def outcome_and_dead_letter(story: Story) -> None:
    story.row("dead.letters", T, value=b'{"message_sid": "SM1"}')


def outcome_of_nothing(story: Story) -> None:
    story.fact(T + 1, "REFUSED", message_sid="SM2", reminder_id=None, due_at=None)


def fact_written_twice(story: Story) -> None:
    story.rows.append(copy.deepcopy(story.rows[0]))


def double_charge(story: Story) -> None:
    story.charge(DUE + 2_000, f"answered:r:{DUE}")


def charge_without_answer(story: Story) -> None:
    story.charge(DUE + 2_000, f"answered:r:{DUE + 1}")


def charge_of_a_free_text(story: Story) -> None:
    story.sent["SM1"] = False


def unknown_too_long(story: Story) -> None:
    """Its first record that tells anything comes 150 s and a millisecond after the claim."""
    after = DUE + 1_010 + RESOLVE_MS + 30_001
    for event in (e for e in story.truth if e["sid"] == "CA2" and e["type"] != "call.created"):
        event["at"] = after
    story.rows = [Row(r.topic, after, r.value) if r.value.get("call_sid") == "CA2" else r for r in story.rows]


def reply_sent_twice(story: Story) -> None:
    story.happens(T + 6, "message.created", "SM8", body="ok")


WRONG = [
    (double_call, "2 calls of one K"),
    (double_hearing, "heard in 2 calls"),
    (hearing_that_nobody_knows, "heard, and not known"),
    (answered_that_nobody_picked_up, "nobody picked up"),
    (call_without_claim, "before its claim"),
    (call_before_its_claim, "before its claim"),
    (early_first_attempt, "1 ms early"),
    (early_second_attempt, "1 ms early"),
    (double_outcome, "2 outcomes of SMS SM1"),
    (outcome_and_dead_letter, "2 outcomes of SMS SM1"),
    (outcome_of_nothing, "SM2, which nobody sent"),
    (fact_written_twice, "written 2 times"),
    (double_charge, "2 times"),
    (charge_without_answer, "is not due"),
    (charge_of_a_free_text, "sms:SM1 is not due"),
    (unknown_too_long, "was UNKNOWN for 150.0 s"),
    (reply_sent_twice, "more than there are replies"),
]


def lost_sms(story: Story) -> None:
    story.sent["SM2"] = True


def occurrence_without_end(story: Story) -> None:
    story.without("reminders.events", type="ANSWERED")


def scheduled_and_forgotten(story: Story) -> None:
    story.rows = [r for r in story.rows if r.topic in ("sms.outbound", "sms.events", "reminders.events")]
    story.without("reminders.events", type="ANSWERED")


def try_without_end(story: Story) -> None:
    story.due(DUE + 1_500, 3)


def claim_without_end(story: Story) -> None:
    story.due(DUE + 1_500, 3)
    story.evidence(DUE + 1_510, 3, "CLAIMED")
    story.evidence(DUE + 1_520, 3, "UNKNOWN")


def call_that_rings_for_ever(story: Story) -> None:
    story.without("calls.events", state="BUSY")
    story.evidence(DUE + 40, 1, "RINGING", "CA1")


def second_call_unknown_to_us(story: Story) -> None:
    """A zombie's, of a try of its own, that no callback told of."""
    story.due(DUE + 500, 3)
    story.evidence(DUE + 510, 3, "CLAIMED")
    story.evidence(DUE + 520, 3, "NOT_PLACED")
    story.call(DUE + 600, 3, "CA3")


def charge_forgotten(story: Story) -> None:
    story.without("billing.charges", charge_id=f"answered:r:{DUE}")


def reply_forgotten(story: Story) -> None:
    story.without("sms.events", state="SENT")
    story.row("sms.events", T + 10, reply_id="r1", state="CLAIMED")


MISSING = [
    (lost_sms, "no outcome of SMS SM2"),
    (occurrence_without_end, "no end of O"),
    (scheduled_and_forgotten, "no end of O"),
    (try_without_end, "no end of K"),
    (claim_without_end, "no end of K"),
    (call_that_rings_for_ever, "no end of K"),
    (second_call_unknown_to_us, "call CA3 is not known"),
    (charge_forgotten, "no charge answered"),
    (reply_forgotten, "no end of reply"),
]


@pytest.mark.parametrize(("plant", "says"), WRONG, ids=lambda v: getattr(v, "__name__", ""))
def test_what_is_wrong_is_said(plant: Callable[[Story], None], says: str) -> None:
    """Each planted wrong is found, whatever else is right."""
    story = Story()
    plant(story)
    verdict = story.judge(DUE + 10_000)
    assert [sentence for sentence in verdict.wrong if says in sentence], (verdict.wrong, verdict.missing)
    assert not verdict.holds


@pytest.mark.parametrize(("plant", "says"), MISSING, ids=lambda v: getattr(v, "__name__", ""))
def test_what_is_missing_is_said(plant: Callable[[Story], None], says: str) -> None:
    """What has no end yet keeps the verdict from holding, and is not called wrong: it may still come."""
    story = Story()
    plant(story)
    verdict = story.judge(DUE + 10_000)
    assert [sentence for sentence in verdict.missing if says in sentence], (verdict.wrong, verdict.missing)
    assert not verdict.holds


def test_an_unknown_that_nothing_resolves_becomes_wrong() -> None:
    """It is missing at first, and wrong when T_resolve and 30 s are over."""
    story = Story()
    claim_without_end(story)
    claimed_at = DUE + 1_510
    assert not story.judge(claimed_at + RESOLVE_MS).wrong
    assert "UNKNOWN for" in story.judge(claimed_at + RESOLVE_MS + 30_001).wrong[0]


def test_the_table_shows_what_is_broken() -> None:
    """One row a case; a broken one says what, in the lines below it."""
    story = Story()
    double_call(story)
    lines = table([Story().judge(), story.judge()])
    assert lines[0].split()[0] == "case"
    assert lines[1].endswith("holds")
    assert lines[2].endswith("BROKEN")
    assert "2 calls of one K" in lines[3]
