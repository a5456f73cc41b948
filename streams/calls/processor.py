"""The calling consumer: rings the user at most once an attempt, whatever fails.

Reads `reminders.due` (what to call), `calls.events` (what became of calls, told by the gateway and by former owners)
and `reminders.events` (who has opted out, what was cancelled). The protocol is in once/claiming.py (up to the request),
following.py (after it) and once/door.py (who may enter); this file says which event goes where.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import cast

from schemas.records import CallEvent, CallState, ReminderDue, ReminderEvent
from streams.calls.attempts import CallAttempts, MakeRequest, say_of
from streams.calls.book import Book, evidence_of, key_of, new_call, state_key
from streams.calls.following import Following, Unheard
from streams.control.admission import Admission
from streams.ids import Occurrence
from streams.once.claiming import Claiming
from streams.once.door import Claims, Door
from streams.once.effects import Ask, CancelCall, Checking, Enter, Fetch, Place, Release, Unavailable
from streams.once.gate import Fenced, GateEntry, NotReady, Verdict
from streams.once.outcome import outcome_when_late
from streams.once.remembered import Page
from streams.runtime.freshness import Look
from streams.runtime.processor import Event, Opened, Output, Record, Result, Send, State, Wake
from streams.tenants import Tenants
from streams.topology import CALLING, CALLS, DUE, EVENTS


class CallsProcessor:
    """The calls of one partition number. `request` builds what is sent to the carrier; `resolve_ms`: T_resolve;
    `admission`: the controllers of the account, none by default."""

    def __init__(
        self,
        partition: int,
        tenants: Tenants,
        request: MakeRequest,
        resolve_ms: int,
        admission: Admission | None = None,
    ) -> None:
        claims = Claims(self._live, self._remembered, self._give_back, self._resume)
        self._door = Door(f"{CALLING.name}:{partition}", CALLS.name, claims)
        self._following = Following(resolve_ms)
        self._claiming: Claiming[CallState] = Claiming(self._door, (EVENTS.name, CALLS.name), admission)
        self._tenants = tenants
        self._request = request

    def _attempts(self, book: Book) -> CallAttempts:
        return CallAttempts(book, self._tenants, self._request, self._following.settle)

    def _claim(self, book: Book, call: CallState, now_ms: int) -> Iterator[Output]:
        """Claim the try if nothing stands in its way; else let it wait for the user's open one, or end it unsent."""
        key, attempts = state_key(call), self._attempts(book)
        if why_not := attempts.why_not(call, now_ms):
            yield from self._claiming.not_sent(attempts, call, why_not, now_ms)
            return
        caller = book.caller(call["user"])
        if caller["open"] not in (None, key):
            if key not in caller["queue"]:
                caller["queue"].append(key)
                book.put_caller(caller)
            book.put(call)
            return
        caller["open"] = key
        book.put_caller(caller)
        yield from self._claiming.claim(attempts, call, now_ms)

    def step(self, state: State, event: Event, now_ms: int) -> Iterable[Output]:
        book = Book(state)
        return chain(self._step(state, book, event, now_ms), book.signals())

    def _step(self, state: State, book: Book, event: Event, now_ms: int) -> Iterable[Output]:
        match event:
            case Opened():
                return self._door.opened(state)
            case Record(topic=DUE.name):
                return self._due(book, cast(ReminderDue, event.value), now_ms)
            case Record(topic=CALLS.name):
                return self._following.absorb(book, cast(CallEvent, event.value), now_ms)
            case Record(topic=EVENTS.name):
                return self._fact(book, cast(ReminderEvent, event.value), now_ms)
            case Wake(key=Door.KEY):
                return self._door.woken(state)
            case Wake():
                return self._wake(book, event, now_ms)
            case Result():
                return self._answer(state, book, event, now_ms)
        raise TypeError(f"not an event of this stage: {event!r}")

    def late(self, result: Result, now_ms: int) -> Iterator[Send]:
        """The partition was given up while a request was out, or just before: say what became of it."""
        late = outcome_when_late(result.effect, result.answer)
        if late is not None:
            key, _, (state, sid, reason, code) = late
            yield evidence_of(key, state, now_ms, sid=sid, reason=reason, code=code)

    # -- records

    def _due(self, book: Book, due: ReminderDue, now_ms: int) -> Iterator[Output]:
        key = state_key(due)
        if book.call(key) is None and book.ended(key) is None:
            yield from self._claim(book, new_call(due), now_ms)

    def _fact(self, book: Book, fact: ReminderEvent, now_ms: int) -> Iterator[Output]:
        user = fact["user"]
        if fact["type"] in ("OPTED_OUT", "OPTED_IN"):
            caller = book.caller(user)
            caller["opted_out_at"] = fact["at"] if fact["type"] == "OPTED_OUT" else None
            book.put_caller(caller)
            if fact["type"] == "OPTED_OUT":
                yield from self._call_off(
                    [c for c in book.of_user(user) if c["phase"] != "ENDED"], book, now_ms
                )
        elif fact["type"] == "CANCEL_ASKED" and fact["reminder_id"] and fact["due_at"] is not None:
            occurrence = Occurrence(fact["reminder_id"], fact["due_at"])
            book.call_off(user, occurrence, now_ms)
            mine = [
                c for c in book.of_user(user) if c["phase"] != "ENDED" and key_of(c).occurrence == occurrence
            ]
            yield from self._call_off(mine, book, now_ms)

    def _call_off(self, calls: list[CallState], book: Book, now_ms: int) -> Iterator[Output]:
        """Calls that wait end unsent; those that ring are taken back; claims on their way fail their self-check."""
        for call in calls:
            if call["phase"] == "WAITING":
                yield from self._claim(book, call, now_ms)
            else:
                yield from self._following.take_back(call)

    # -- time

    def _wake(self, book: Book, wake: Wake, now_ms: int) -> Iterator[Output]:
        call = book.call(wake.key) if wake.key.startswith("c|") else None
        if call is None:
            book.forget(wake.key)
        elif call["phase"] == "WAITING":
            call["wake_at"] = None
            yield from self._claim(book, call, now_ms)
        else:
            yield from self._following.wake(book, call, now_ms)

    # -- answers

    def _answer(self, state: State, book: Book, result: Result, now_ms: int) -> Iterable[Output]:
        doors = self._door.answered(state, result, now_ms)
        if doors is not None:
            return doors
        answer = result.answer
        match result.effect:
            case Enter() as effect:
                return self._entered(state, book, effect, answer, now_ms)
            case Look(about=Checking() as checking):
                return self._claiming.looked(
                    self._attempts(book), checking, answer, now_ms, lambda c: self._claim(book, c, now_ms)
                )
            case Look(about=Unheard() as unheard):
                return self._following.unheard(book, unheard)
            case Release() as effect:
                return self._following.released(book, effect, answer, now_ms)
            case Place() as effect:
                noted = list(self._claiming.placed(self._attempts(book), effect, answer, now_ms))
                return noted or self.late(result, now_ms)
            case Ask() as effect:
                return self._following.asked(book, effect, answer, now_ms)
            case Fetch() | CancelCall() as effect:
                return self._following.fetched(book, effect, answer, now_ms)
        return []

    def _entered(
        self, state: State, book: Book, effect: Enter, answer: Verdict | Unavailable, now_ms: int
    ) -> Iterator[Output]:
        yield from self._claiming.entered(self._attempts(book), effect, answer, now_ms)
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
        return [str(key_of(call)) for _, call in Book(state).live() if call["phase"] != "WAITING"]

    def _remembered(self, state: State, after: str, limit: int) -> Page:
        calls, on = Book(state).remembered(after, limit)
        return Page(tuple(map(self._gate_of, calls)), tuple(p for call in calls for p in _answers(call)), on)

    def _gate_of(self, call: CallState) -> GateEntry:
        ended, gated = call["phase"] == "ENDED", call["phase"] != "WAITING"
        return GateEntry(str(key_of(call)), self._door.epoch, gated, ended, say_of(call))

    def _give_back(self, state: State, now_ms: int) -> Iterator[Output]:
        book = Book(state)
        for key, call in list(book.live()):
            if call["phase"] == "CLAIMED" and self._claiming.is_unposted(key):
                yield from self._claiming.not_sent(self._attempts(book), call, "gate_was_lost", now_ms)
        yield from book.signals()

    def _resume(self, state: State, now_ms: int, entries: dict[str, GateEntry]) -> Iterator[Output]:
        """The door is open: go on with every try, by what stood at the gate."""
        book = Book(state)
        calls = sorted(book.live(), key=lambda item: (item[1]["phase"] == "WAITING", item[1]["fire_at"]))
        for key, call in calls:
            entry = entries.get(str(key_of(call)))
            if call["phase"] == "WAITING":
                yield from self._claim(book, call, now_ms)
            elif call["phase"] == "UNKNOWN":
                yield from self._following.ask(book, call, now_ms)
            elif call["phase"] == "CLAIMED" and not self._claiming.is_under_way(key, call):
                if self._claiming.is_unposted(key) or entry is None or not entry.gated:
                    self._claiming.let_go(self._attempts(book), call)
                    yield from self._claim(book, call, now_ms)
                else:
                    yield from self._following.unknown(book, call, now_ms, "owner_lost")
        yield from book.signals()


def _answers(call: CallState) -> Iterator[tuple[str, str]]:
    """(occurrence, sid) of the call that was given the words."""
    for mark in call["marks"]:
        if mark.startswith("ANSWERED "):
            yield str(key_of(call).occurrence), mark.removeprefix("ANSWERED ")
