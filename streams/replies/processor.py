"""SMS back to the user, each at most once: the same protocol as calls (streams/once), with `sms.events` as evidence.

Reads `sms.outbound` (what to send), `sms.events` (what became of it) and `reminders.events` (who has opted out).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from schemas.records import ReminderEvent, ReplyState, SmsEvent, SmsReply
from streams.control.admission import Admission
from streams.once.claiming import Claiming
from streams.once.door import Claims, Door
from streams.once.effects import Ask, Checking, Enter, FetchMessage, Place, Unavailable
from streams.once.gate import Fenced, GateEntry, NotReady, Verdict
from streams.once.outcome import outcome_when_late
from streams.once.remembered import Page
from streams.replies.attempts import ENDS, MakeRequest, ReplyAttempts
from streams.replies.book import Book, absorb, evidence_of, gate_key, new_reply, state_key
from streams.runtime.freshness import Look
from streams.runtime.processor import Event, Opened, Output, Record, Result, Send, State, Wake
from streams.topology import EVENTS, OUTBOUND, REPLIES, SMS_EVENTS


class RepliesProcessor:
    """The replies of one partition number. `request` builds what is sent to the carrier; `resolve_ms`: T_resolve;
    `admission`: the controllers of the account, none by default."""

    def __init__(
        self, partition: int, request: MakeRequest, resolve_ms: int, admission: Admission | None = None
    ) -> None:
        claims = Claims(self._live, self._remembered, self._give_back, self._resume)
        self._door = Door(f"{REPLIES.name}:{partition}", SMS_EVENTS.name, claims)
        self._claiming: Claiming[ReplyState] = Claiming(self._door, (EVENTS.name, SMS_EVENTS.name), admission)
        self._request = request
        self._resolve_ms = resolve_ms

    def _attempts(self, state: State) -> ReplyAttempts:
        return ReplyAttempts(Book(state), self._request)

    def step(self, state: State, event: Event, now_ms: int) -> Iterable[Output]:
        match event:
            case Opened():
                return self._door.opened(state)
            case Record(topic=OUTBOUND.name):
                return self._outbound(state, cast(SmsReply, event.value), now_ms)
            case Record(topic=SMS_EVENTS.name):
                return self._evidence(state, cast(SmsEvent, event.value), now_ms)
            case Record(topic=EVENTS.name):
                return self._fact(state, cast(ReminderEvent, event.value), now_ms)
            case Wake(key=Door.KEY):
                return self._door.woken(state)
            case Wake():
                return self._wake(state, event, now_ms)
            case Result():
                return self._answer(state, event, now_ms)
        raise TypeError(f"not an event of this stage: {event!r}")

    def late(self, result: Result, now_ms: int) -> Iterator[Send]:
        """The partition was given up while a request was out, or just before: say what became of it."""
        late = outcome_when_late(result.effect, result.answer)
        if late is not None:
            key, gate, (said, sid, reason, code) = late
            state = "SENT" if said == "PLACED" else said
            yield evidence_of(key, gate, state, now_ms, sid, reason, code=code)

    # -- records

    def _outbound(self, state: State, asked: SmsReply, now_ms: int) -> Iterator[Output]:
        book = Book(state)
        if book.reply(state_key(asked)) is None and book.ended(state_key(asked)) is None:
            yield from self._claim(state, new_reply(asked), now_ms)

    def _claim(self, state: State, reply: ReplyState, now_ms: int) -> Iterator[Output]:
        attempts = self._attempts(state)
        if why_not := attempts.why_not(reply, now_ms):
            yield from attempts.note(reply, "FAILED", now_ms, reason=why_not)
        else:
            yield from self._claiming.claim(attempts, reply, now_ms)

    def _evidence(self, state: State, event: SmsEvent, now_ms: int) -> Iterator[Output]:
        book, key = Book(state), state_key(event)
        reply = book.reply(key)
        if reply is None:
            ended = book.ended(key)
            if ended is not None and absorb(ended, event["state"], event["message_sid"]):
                book.put_ended(ended, now_ms)
        elif event["try"] == reply["try"] and absorb(reply, event["state"], event["message_sid"]):
            if event["state"] in ENDS:
                yield from self._attempts(state).end(reply, now_ms)
            elif event["state"] == "NOT_SENT":
                # A former owner gave the try back after it had lost the partition.
                yield from self._attempts(state).note(reply, "NOT_SENT", now_ms, reason=event["reason"])
            else:
                book.put(reply)

    def _fact(self, state: State, fact: ReminderEvent, now_ms: int) -> Iterator[Output]:
        book = Book(state)
        if fact["type"] == "OPTED_IN":
            book.opt(fact["user"], None)
        elif fact["type"] == "OPTED_OUT":
            book.opt(fact["user"], fact["at"])
            for reply in [r for r in book.of_user(fact["user"]) if r["phase"] == "WAITING"]:
                yield from self._claim(state, reply, now_ms)

    # -- time

    def _wake(self, state: State, wake: Wake, now_ms: int) -> Iterator[Output]:
        book = Book(state)
        reply = book.reply(wake.key) if wake.key.startswith("c|") else None
        ended = book.ended(wake.key) if wake.key.startswith("e|") else None
        if ended is not None:
            yield from self._attempts(state).wake_ended(ended, now_ms)
        elif reply is None:
            book.forget(wake.key)
        elif reply["phase"] == "WAITING":
            reply["wake_at"] = None
            yield from self._claim(state, reply, now_ms)
        elif reply["phase"] == "UNKNOWN":
            yield from self._attempts(state).ask(reply, now_ms, self._resolve_ms)
        else:
            reply["wake_at"] = None
            book.put(reply)

    # -- answers

    def _answer(self, state: State, result: Result, now_ms: int) -> Iterable[Output]:
        doors = self._door.answered(state, result, now_ms)
        if doors is not None:
            return doors
        attempts, answer = self._attempts(state), result.answer
        match result.effect:
            case Enter() as effect:
                return self._entered(state, effect, answer, now_ms)
            case Look(about=Checking() as checking):
                return self._claiming.looked(
                    attempts, checking, answer, now_ms, lambda r: self._claim(state, r, now_ms)
                )
            case Place() as effect:
                return list(self._claiming.placed(attempts, effect, answer, now_ms)) or self.late(
                    result, now_ms
                )
            case Ask() as effect:
                return attempts.asked(effect, answer, now_ms, self._resolve_ms)
            case FetchMessage() as effect:
                return attempts.fetched(effect, answer, now_ms)
        return []

    def _entered(
        self, state: State, effect: Enter, answer: Verdict | Unavailable, now_ms: int
    ) -> Iterator[Output]:
        yield from self._claiming.entered(self._attempts(state), effect, answer, now_ms)
        if isinstance(answer, NotReady | Unavailable):
            self._door.shut(state, now_ms)
        elif isinstance(answer, Fenced):
            yield from self._door.overtaken(state, answer.epoch)

    @property
    def crowded(self) -> bool:
        """As `Bounded` has it."""
        return self._claiming.crowded

    # -- what the door asks

    @staticmethod
    def _live(state: State) -> list[str]:
        return [gate_key(reply) for _, reply in Book(state).live() if reply["phase"] != "WAITING"]

    def _remembered(self, state: State, after: str, limit: int) -> Page:
        replies, on = Book(state).remembered(after, limit)
        return Page(tuple(map(self._gate_of, replies)), (), on)

    def _gate_of(self, reply: ReplyState) -> GateEntry:
        ended, gated = reply["phase"] == "ENDED", reply["phase"] != "WAITING"
        return GateEntry(gate_key(reply), self._door.epoch, gated, ended)

    def _give_back(self, state: State, now_ms: int) -> Iterator[Output]:
        attempts = self._attempts(state)
        for key, reply in list(Book(state).live()):
            if reply["phase"] == "CLAIMED" and self._claiming.is_unposted(key):
                yield from self._claiming.not_sent(attempts, reply, "gate_was_lost", now_ms)

    def _resume(self, state: State, now_ms: int, entries: dict[str, GateEntry]) -> Iterator[Output]:
        attempts = self._attempts(state)
        for key, reply in list(Book(state).live()):
            entry = entries.get(gate_key(reply))
            if reply["phase"] == "WAITING" and reply["wake_at"] is None:
                yield from self._claim(state, reply, now_ms)
            elif reply["phase"] == "UNKNOWN":
                yield from attempts.ask(reply, now_ms, self._resolve_ms)
            elif reply["phase"] == "CLAIMED" and not self._claiming.is_under_way(key, reply):
                if self._claiming.is_unposted(key) or entry is None or not entry.gated:
                    self._claiming.let_go(attempts, reply)
                    yield from self._claim(state, reply, now_ms)
                else:
                    yield from attempts.unknown(reply, now_ms, self._resolve_ms)
