"""Any history of texts, evidence, copies, pauses and timers keeps the promises of the timer stream.

The machine plays one user of one tenant. What must hold is judged from what was put out (facts, SMS, attempts)
and from what the test itself did, not from the state of the processor, save for the last claims: nothing stays
behind, and there is never more than one pending attempt of an occurrence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.streams.reminders.line import OUTCOMES, Line, tenant, timer

DAY_S = 86_400
TEXTS = [
    "Remind me to buy milk in 5 seconds",
    "Remind me to buy eggs in 2 minutes",
    "Remind me to call mum at 6:30 PM",
    "Remind me to buy milk",
    "gibberish",
    "list",
    *("cancel 1", "cancel 2", "cancel 3"),
    *("snooze", "snooze", "snooze 1 for 2 minutes", "snooze 2 for 5 seconds", "snooze 30 seconds"),
    "timezone Tokyo",
    "HELP",
    "STOP",
    "START",
    "YES",
]
STATES = [
    *("CLAIMED", "UNKNOWN", "NOT_SENT", "NOT_PLACED", "PLACED", "PLACED_LATE", "RINGING", "ANSWERED", "TOLD"),
    *("COMPLETED", "CANCELED", "FAILED", "NO_ANSWER", "BUSY"),
]
ENDS = {"CANCELLED", "EXPIRED", "MISSED", "GAVE_UP"}
Occurrence = tuple[str, int]


class AnyHistory(RuleBasedStateMachine):
    """Rules are what the world may do; invariants are checked after each."""

    line: Line

    @initialize(
        confirm=st.booleans(),
        strict=st.booleans(),
        quiet=st.sampled_from([None, "22:00-07:00", "12:00-12:05"]),
        attempts=st.integers(1, 3),
        flood=st.sampled_from([None, 3]),
        per_day=st.sampled_from([None, 4]),
        calls=st.sampled_from([None, None, 5]),
    )
    def sign_up(
        self,
        confirm: bool,
        strict: bool,
        quiet: str | None,
        attempts: int,
        flood: int | None,
        per_day: int | None,
        calls: int | None,
    ) -> None:
        self.line = Line(
            tenant(
                confirm_first_contact=confirm,
                quiet_hours=quiet,
                quiet_hours_strict=strict,
                max_attempts=attempts,
                stop_reply=True,
                flood_sms_per_minute=flood,
                reminders_per_user_per_day=per_day,
                calls_per_day=calls,
            )
        )
        self.texts: list[tuple[str, int]] = []
        self.words: list[tuple[int, bool]] = []  # (received_at, out), as far as they were read
        self.sms_before = self.due_before = 0

    @rule(body=st.sampled_from(TEXTS), late_ms=st.sampled_from([0, 0, 0, 500, 30_000, 1_200_000]))
    def text(self, body: str, late_ms: int) -> None:
        received_at = self.line.now_ms - late_ms
        self.texts.append((body, received_at))
        if body in ("STOP", "START", "YES"):
            self.words.append((received_at, body == "STOP"))
        self.line.text(body, received_at, f"SM{len(self.texts)}")

    @precondition(lambda self: self.texts)
    @rule(data=st.data())
    def copy_of_a_text(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.texts) - 1))
        body, received_at = self.texts[place]
        self._changes_nothing(lambda: self.line.text(body, received_at, f"SM{place + 1}"))

    @precondition(lambda self: self.line.due)
    @rule(data=st.data(), state=st.sampled_from(STATES), sid=st.sampled_from(["CA1", "CA1", "CA2"]))
    def evidence(self, data: st.DataObject, state: str, sid: str) -> None:
        self._evidence(data, state, sid, None)

    @precondition(lambda self: self.line.due)
    @rule(
        data=st.data(),
        digits=st.sampled_from(["1", "2", "2", "9", "7"]),
        ago_ms=st.sampled_from([0, 0, 90_000]),
    )
    def press_a_key(self, data: st.DataObject, digits: str, ago_ms: int) -> None:
        """In a call of ours, answered or not as far as we know yet."""
        pressed_at = self.line.now_ms - ago_ms
        known = len(self.line.facts)
        self._evidence(data, "ANSWERED", "CA1", digits, pressed_at)
        if any(fact["reason"] == "key_pressed" for fact in self.line.facts[known:]):
            self.words.append((pressed_at, True))

    def _evidence(
        self, data: st.DataObject, state: str, sid: str, digits: str | None, at: int | None = None
    ) -> None:
        back = data.draw(st.sampled_from([0, 0, 0, 1, 2])) % len(self.line.due)
        due = self.line.due[-1 - back]
        sid = f"{sid} of {due['attempt']}.{due['try']}"
        self.line.evidence(state, sid, due, digits, at)
        self._changes_nothing(lambda: self.line.evidence(state, sid, due, digits, at))

    @rule(ends=st.lists(st.sampled_from(["NOT_SENT", "BUSY", "FAILED", "COMPLETED"]), min_size=1, max_size=3))
    def ring(self, ends: list[str]) -> None:
        """A reminder is asked for and comes due, and its tries end like this: where the interesting states are."""
        self.text(TEXTS[0], 0)
        self.line.wait(5)
        for end in ends:
            if self.line.due:
                due = self.line.due[-1]
                self.line.evidence(end, f"CA1 of {due['attempt']}.{due['try']}", due)
            self.until_the_next_timer()

    @precondition(lambda self: self.line.next_timer() is not None)
    @rule()
    def until_the_next_timer(self) -> None:
        at_ms = self.line.next_timer()
        if at_ms is not None and at_ms - self.line.now_ms < 2 * 3_600_000:
            self.line.wait(max(0, at_ms - self.line.now_ms) / 1000)

    @rule()
    def wake_too_early(self) -> None:
        """Whoever wakes a waiting reminder before its time gets nothing."""
        for key, (_, value) in list(self.line.state.values.items()):
            if value.get("status") == "WAITING" and value["fire_at"] > self.line.now_ms:
                self._changes_nothing(lambda key=key: self.line.step(timer(self.line, key)))

    @rule(seconds=st.sampled_from([0.5, 5, 30, 120, 900, 40_000]))
    def wait(self, seconds: float) -> None:
        self.line.wait(seconds)

    @precondition(lambda self: self.line.next_timer() is not None)
    @rule(seconds=st.sampled_from([1, 600, 2_000]))
    def be_away(self, seconds: float) -> None:
        self.line.now_ms += round(seconds * 1000)
        if (self.line.next_timer() or 0) <= self.line.now_ms:
            self.line.wake()

    @invariant()
    def each_text_has_exactly_one_outcome(self) -> None:
        outcomes = Counter(
            fact["message_sid"]
            for fact in self.line.facts
            if fact["type"] in OUTCOMES and fact["reason"] != "key_pressed"
        )
        assert outcomes == {f"SM{n}": 1 for n in range(1, len(self.texts) + 1)}
        assert all(f["type"] in OUTCOMES for f in self.line.facts if f["message_sid"] is not None)

    @invariant()
    def nothing_is_put_out_twice(self) -> None:
        assert max(Counter(fact["event_id"] for fact in self.line.facts).values(), default=1) == 1
        assert max(Counter(sms["reply_id"] for sms in self.line.sms).values(), default=1) == 1
        tries = Counter((d["reminder_id"], d["due_at"], d["attempt"], d["try"]) for d in self.line.due)
        assert max(tries.values(), default=1) == 1

    @invariant()
    def never_early_never_after_expiry_one_fired_fact_each(self) -> None:
        fired = [fact for fact in self.line.facts if fact["type"] == "FIRED"]
        assert len(fired) == len(self.line.due)
        for fact, due in zip(fired, self.line.due, strict=True):
            assert due["due_at"] <= due["fire_at"] <= fact["at"] <= due["expires_at"]
            if due["quiet_from"] is not None:
                assert fact["at"] < due["quiet_from"]
            assert (fact["attempt"], fact["try"]) == (due["attempt"], due["try"])

    @invariant()
    def an_occurrence_is_answered_at_most_once_and_ends_at_most_once(self) -> None:
        assert max(self._by_occurrence({"ANSWERED"}).values(), default=0) <= 1
        assert max(self._by_occurrence(ENDS).values(), default=0) <= 1

    @invariant()
    def an_occurrence_has_at_most_one_pending_attempt(self) -> None:
        pending = Counter(
            (value["reminder_id"], value["due_at"])
            for name, value in self.line.state.values.values()
            if name == "ReminderState" and value["status"] in ("WAITING", "OUT")
        )
        assert max(pending.values(), default=0) <= 1

    @invariant()
    def nobody_who_opted_out_is_called_or_answered(self) -> None:
        """Judged by the words read so far: at the same instant STOP is the later one."""
        sms, self.sms_before = self.line.sms[self.sms_before :], len(self.line.sms)
        due, self.due_before = self.line.due[self.due_before :], len(self.line.due)
        if self.words and max(self.words)[1]:
            assert due == []
            assert {answer["kind"] for answer in sms} <= {"help", "stop", "start"}

    def teardown(self) -> None:
        """Left alone, everything comes to its end in writing, and nothing is remembered but the user."""
        if not hasattr(self, "line"):
            return
        self.line.wait(60 * DAY_S)
        assert {name for name, _ in self.line.state.values.values()} <= {
            "ProfileState",
            "TallyState",
            "SpendState",
        }
        self.an_occurrence_is_answered_at_most_once_and_ends_at_most_once()
        fired = {(due["reminder_id"], due["due_at"]) for due in self.line.due}
        ended = set(self._by_occurrence(ENDS | {"ANSWERED"}))
        accepted = self._accepted()
        last = {occurrences[-1] for occurrences in accepted.values()}
        assert ended >= fired | last, "an occurrence never ended"
        known = {occurrence for occurrences in accepted.values() for occurrence in occurrences}
        assert ended | fired <= known, "an occurrence that nobody asked for"

    def _accepted(self) -> dict[str, list[Occurrence]]:
        """Each reminder's occurrences in the order in which facts gave it one."""
        accepted: dict[str, list[Occurrence]] = defaultdict(list)
        for fact in self.line.facts:
            kept = fact["type"] == "ASKED_BACK" and fact["reminder_id"] is not None
            if kept or fact["type"] in ("SCHEDULED", "CHANGED"):
                accepted[fact["reminder_id"]].append((fact["reminder_id"], fact["due_at"]))
        return accepted

    def _by_occurrence(self, types: set[str]) -> Counter[Occurrence]:
        return Counter((f["reminder_id"], f["due_at"]) for f in self.line.facts if f["type"] in types)

    def _changes_nothing(self, step: Any) -> None:
        before = (len(self.line.facts), len(self.line.sms), len(self.line.due), dict(self.line.state.values))
        step()
        after = (len(self.line.facts), len(self.line.sms), len(self.line.due), dict(self.line.state.values))
        assert after == before


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=200, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
