"""The timer stream against a model, through the real intake, view and store: the load race and everything near it.

Inputs come late, out of order and more than once, and share transactions with the timers that they race: a
cancel and the fire it is to prevent, a snooze and a retry, STOP and what is due. Transactions abort, the member
dies before its store has the commit, the disk is lost and comes back from the changelog, compacted or not, and the
clock jumps, backwards when the member starts anew. After every turn the facts, attempts, lists, counters and the
store must be what the model says (model.py), so a call after an acknowledged cancel, or a second one, is seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from streams.reminders.conservation import differences, fold
from streams.topology import CALLS
from tests.property.reminders.mailbox import BEGIN, GRACE, SCRIPTS, USERS, Input, Mailbox
from tests.property.reminders.model import DAY, MINUTE, SECOND, Facts, Occurrence
from tests.property.reminders.partition import FAULTS, Fault, Heard, numbers

OUTCOMES = {"SCHEDULED", "COMMAND_DONE", "ASKED_BACK", "REFUSED", "OPTED_OUT", "OPTED_IN"}


class TimerStream(Mailbox):
    """Rules put inputs into the mailbox or let a turn happen; a turn takes any part of it, in any order."""

    # -- what happens

    @rule(
        order=st.randoms(use_true_random=False),
        share=st.sampled_from([1.0, 1.0, 0.5]),
        faults=st.lists(st.sampled_from(FAULTS), max_size=3),
    )
    def turn(self, order: Any, share: float, faults: list[Fault]) -> None:
        order.shuffle(self.mailbox)
        self.deliver(round(len(self.mailbox) * share), faults)

    def deliver(self, taken: int, faults: list[Fault]) -> None:
        inputs, self.mailbox = self.mailbox[:taken], self.mailbox[taken:]
        # What is older than 30 days never gets here: `inbound` sets it aside.
        inputs = [i for i in inputs if self.clock.now - i[2].get("received_at", self.clock.now) < 30 * DAY]
        self.sent += inputs
        self._take(inputs, faults)

    @rule(
        forth=st.sampled_from([100, SECOND, SECOND, 2 * SECOND, 10 * SECOND, 30 * SECOND, 16 * MINUTE]),
        look=st.booleans(),
    )
    def time_passes(self, forth: int, look: bool) -> None:
        """Also a jump of the wall clock: nobody looks in between."""
        self.clock.now += forth
        if look:
            self._take([], [])

    @precondition(lambda self: self.clock.now < BEGIN + 250 * DAY)
    @rule(days=st.sampled_from([0, 0, 0, 0, 0, 4, 8, 36]))
    def long_pause(self, days: int) -> None:
        self.clock.now += days * DAY + MINUTE
        self._take([], [])

    @rule(back=st.sampled_from([500, 5 * SECOND, 60 * MINUTE]), fault=st.sampled_from(FAULTS[2:]))
    def start_anew_with_the_clock_set_back(self, back: int, fault: Fault) -> None:
        """Within a process the clock never goes back (streams/runtime/clock.py)."""
        self.clock.now -= back
        self.partition.strike(fault)
        self._take([], [])

    @precondition(lambda self: any(o.status == "waiting" for o in self.model.known))
    @rule(
        data=st.data(),
        early=st.sampled_from([0, 0, 0, 1, -GRACE, -GRACE - 1]),
        faults=st.lists(st.sampled_from(FAULTS), max_size=2),
    )
    def until_something_is_due(self, data: Any, early: int, faults: list[Fault]) -> None:
        """To the very instant, just before, or to the end of the grace; what is in the mailbox races with it."""
        o = data.draw(st.sampled_from([o for o in self.model.known if o.status == "waiting"]))
        self.clock.now = max(self.clock.now, o.until - early)
        self.deliver(len(self.mailbox), faults)

    @rule(
        user=st.sampled_from(USERS),
        race=st.sampled_from(["", "", "", "cancel", "snooze", "stop"]),
        after=st.sampled_from(["", "cancel", "snooze", "snooze back"]),
        ends=st.lists(st.sampled_from(SCRIPTS), max_size=4),
        faults=st.lists(st.sampled_from(FAULTS), max_size=2),
    )
    def ring(self, user: str, race: str, after: str, ends: list[list[str]], faults: list[Fault]) -> None:
        """A reminder comes due, its calls end like this, and a change of mind is read in the turn of the last one,
        another `after` it: where the interesting states are."""
        first = self.clock.now
        self.text(user, "remind", delay=2 * SECOND)
        self.deliver(len(self.mailbox), [])
        self.clock.now += 2 * SECOND
        last = max((o.number for o in self.model.of(user)), default=1)
        for end in ends:
            self.deliver(len(self.mailbox), faults)
            if self.unscripted:
                self.play(-1, end)
                self.deliver(len(self.mailbox), faults)
            o = self.model.numbered(user, last)
            if o is not None and o.status == "waiting":
                self.clock.now = max(self.clock.now, o.until)
        if race == "stop":
            self.say(user, "stop")
        elif race:
            self.text(user, race, number=last, delay=10 * SECOND if race == "snooze" else None)
        self.deliver(len(self.mailbox), faults)
        if after == "snooze back":  # to the instant that it was due already
            self.text(user, "snooze", number=last, received_at=first, delay=2 * SECOND)
        elif after:
            self.text(user, after, number=last, delay=10 * SECOND if after == "snooze" else None)
        self.deliver(len(self.mailbox), faults)

    # -- the judge

    def _take(self, inputs: list[Input], faults: list[Fault]) -> None:
        heard = self.partition.turn(inputs, faults)
        self.model.now = self.clock.now
        for fact in heard.facts:
            if (fact["message_sid"], "remind") in self.asked:
                self.sids[fact["reminder_id"]] = fact["message_sid"]
        put_out = Facts(
            (f["type"], self._sid(f), f["due_at"]) for f in heard.facts if f["type"] not in OUTCOMES
        )
        outcomes = {f["message_sid"]: f for f in heard.facts if f["type"] in OUTCOMES}
        assert len(outcomes) == sum(f["type"] in OUTCOMES for f in heard.facts), "two outcomes of one SMS"
        facts, expected = Facts(), {}
        for topic, _, value in inputs:
            if topic == CALLS.name:
                facts += self._evidence(value)
            elif value["message_sid"] not in self.model.read:
                self.model.read.add(value["message_sid"])
                kind, more = self._request(value, outcomes, heard)
                facts, expected[value["message_sid"]] = facts + more, kind
        assert {sid: f["type"] for sid, f in outcomes.items()} == expected
        facts += self.model.look(put_out)
        assert put_out == facts
        self._check_attempts(heard, in_order=not inputs)
        assert self.model.look(Facts()) == Facts(), "a timer was left behind"

    def _sid(self, fact: dict[str, Any]) -> str:
        return self.sids[fact["reminder_id"]]

    def _request(self, value: dict[str, Any], outcomes: dict[str, Any], heard: Heard) -> tuple[str, Facts]:
        user, sid, received = value["user"], value["message_sid"], value["received_at"]
        person, command = self.model.users[user], value["command"]
        refused = person.out(received)
        if command in ("stop", "start") or (command == "yes" and refused):
            return self.model.word(user, received, out=command == "stop"), Facts()
        if refused:
            self.model.classes[user, "refused"] += 1
            return "REFUSED", Facts()
        self.model.classes[user, "sms_charged"] += 1
        if command == "yes":
            return self.model.yes(user, received)
        if command == "cancel":
            return "COMMAND_DONE", self.model.cancel(user, value["number"])
        delay = value["when"]["in_seconds"] * SECOND if value["when"] else 0
        if command == "snooze":
            return self.model.snooze(user, value["number"], received, delay)
        if command == "remind":
            number = outcomes[sid]["number"]
            return self.model.remind(user, sid, received, delay, number if number is not None else -1)
        assert command == "list"
        self._check_list(user, sid, heard)
        return "COMMAND_DONE", Facts()

    def _check_list(self, user: str, sid: str, heard: Heard) -> None:
        said = [sms["body"] for sms in heard.sms if sms["in_reply_to"] == sid]
        if self.model.users[user].out():
            assert said == []
            return
        shown, live = numbers(said[0]), self.model.listed(user)
        assert set(shown) <= {o.number for o in live}
        assert len(shown) == min(len(live), 8)

    def _evidence(self, value: dict[str, Any]) -> Facts:
        sid = self.sids[value["reminder_id"]]
        found = [o for o in self.model.known if (o.sid, o.due) == (sid, value["due_at"])]
        if not found:
            return Facts()  # forgotten
        return self.model.evidence(found[0], value["attempt"], value["try"], value["state"])

    def _check_attempts(self, heard: Heard, in_order: bool) -> None:
        last: dict[str, int] = {}
        for due in heard.due:
            o = self._occurrence(due)
            key = (o.sid, o.due, due["attempt"], due["try"])
            assert key not in self.tries, "fired twice"
            self.tries.add(key)
            self.unscripted.append(due)
            assert (due["attempt"], due["try"]) == (o.attempt, o.try_)
            assert o.at <= due["fire_at"] <= o.until
            assert due["fire_at"] <= self.clock.now, "early"
            if o.expires is None:
                o.expires = due["fire_at"] + GRACE
            on_time = self.clock.now - due["fire_at"] <= SECOND
            o.fired_at = due["fire_at"] if on_time else self.clock.now
            assert due["expires_at"] == o.expires >= o.fired_at
            if in_order:  # nothing came late
                assert due["fire_at"] >= last.get(o.user, 0), "a user's calls out of their order"
            last[o.user] = due["fire_at"]

    def _occurrence(self, due: dict[str, Any]) -> Occurrence:
        sid = self.sids[due["reminder_id"]]
        return next(o for o in self.model.known if (o.sid, o.due) == (sid, due["due_at"]))

    @invariant()
    def books_and_store_agree_with_the_model(self) -> None:
        """Accepted = pending + fired + cancelled + expired + dead, and the numbers are the right ones."""
        values = self.partition.values()
        running = {key[2:]: value for key, value in values if key.startswith("c|")}
        assert differences(running, fold(values)) == []  # type: ignore[arg-type]
        expected: Counter[tuple[str, str]] = Counter()
        for (user, name), count in self.model.classes.items():
            expected[user.partition("|")[0], name] += count
        counted = Counter({(t, name): n for t, tally in running.items() for name, n in tally.items()})
        assert +counted == +expected

    def teardown(self) -> None:
        """Left alone, everything ends, and nothing is remembered for ever but opt-outs and one tally a tenant."""
        try:
            for _ in range(4):
                self.clock.now += 9 * DAY
                self._take([], [])
            # What rang at the last of these is given up at the first, forgotten at the second, its SMS at the third.
            for _ in range(3):
                self.clock.now += 40 * DAY
                self._take([], [])
            assert {key[0] for key, _ in self.partition.values()} <= {"p", "c"}
            self.clock.now += 500 * DAY
            self._take([], [])
            out = {user for user, known in self.model.users.items() if known.out()}
            assert {key[2:] for key, _ in self.partition.values("p|")} == out
            self.books_and_store_agree_with_the_model()
        finally:
            self.partition.close()
            self.folder.cleanup()


BRIEF = settings(
    max_examples=250, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestTimerStream = TimerStream.TestCase
TestTimerStream.settings = BRIEF


@pytest.fixture
def stream() -> Iterator[TimerStream]:
    """Histories that thousands of random ones have met once or never."""
    stream = TimerStream()
    yield stream
    stream.books_and_store_agree_with_the_model()
    stream.teardown()


def test_a_retry_at_the_end_of_the_grace_is_on_time_for_a_second(stream: TimerStream) -> None:
    """Its timer was within the grace, so the step is as of then; the call itself is for `calls` to refuse."""
    stream.text(USERS[0], "remind", delay=2 * SECOND)
    stream.deliver(1, [])
    stream.clock.now += 2 * SECOND + GRACE - 999
    stream.deliver(0, [])
    stream.play(-1, ["NOT_SENT"])
    stream.deliver(1, [])
    stream.clock.now += SECOND
    stream.deliver(0, [])
    assert len(stream.tries) == 2


def test_what_rings_just_before_the_end_is_forgotten_too(stream: TimerStream) -> None:
    """It comes due at the last of the shorter looks of `teardown`, and nothing is ever heard of it."""
    stream.text(USERS[0], "remind", delay=60 * DAY)
    stream.deliver(1, [])
    stream.long_pause(24)


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_the_timer_stream_for_long() -> None:
    """The same for minutes, with longer lives."""
    run_state_machine_as_test(
        TimerStream, settings=settings(BRIEF, max_examples=3_000, stateful_step_count=60)
    )
