"""What follows a request: evidence is folded, an unknown outcome is resolved, an end releases the user.

An UNKNOWN is resolved by evidence that arrives, or by the carrier's list, asked for the last time `resolve_ms` after
the claim (once/asking.py); what is not found by then was NOT_PLACED, and that is final. A call whose callbacks stay
away is asked for until it has an end, also one that turned up for a try that was written off. Steps 5, 7 and 8 of the
call protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.records import CallEvent, CallState
from streams.calls import fold
from streams.calls.book import Book, evidence, fold_of, key_of, state_key
from streams.ids import user_number
from streams.once.asking import CLOCK_SLACK_MS, next_ask_ms, next_fetch_ms, why_not_found
from streams.once.carrier import CALL_STATES, CarrierCall
from streams.once.effects import Ask, CancelCall, Fetch, Finish, Release, Unavailable
from streams.runtime.freshness import Look
from streams.runtime.processor import Do, Observe, Output
from streams.topology import CALLS

# An ANSWERED may be on its way for as long as the gateway tries to deliver it.
UNHEARD_WAIT_MS = 10_000
RING_TIMEOUT_S = 30
# A call that must not ring any more and could not be taken back is tried again this soon.
_CANCEL_AGAIN_MS = 1_000


@dataclass(frozen=True, slots=True)
class Unheard:
    """What a Look is about: a call that completed, and of which no ANSWERED is known."""

    state_key: str


class Following:
    """What happens to a try after its request. `resolve_ms`: how long an UNKNOWN may stay open."""

    def __init__(self, resolve_ms: int) -> None:
        self._resolve_ms = resolve_ms

    # -- evidence

    def absorb(self, book: Book, event: CallEvent, now_ms: int) -> Iterator[Output]:
        """Fold what somebody saw of a try."""
        key = state_key(event)
        call = book.call(key)
        if call is not None:
            second = event["call_sid"] is not None and call["sids"] and event["call_sid"] not in call["sids"]
            yield from _carriers_queue(call, event)
            if book.absorb(call, event["state"], event["call_sid"]):
                if second and event["call_sid"] is not None:
                    yield Do(CancelCall(key, event["call_sid"]))
                book.put(call)
                yield from self.settle(book, call, now_ms)
            return
        ended = book.ended(key)
        if ended is not None:
            before = ended["sids"]
            if book.absorb(ended, event["state"], event["call_sid"]):
                yield from self._late(book, ended, event, before, now_ms)

    def _late(
        self, book: Book, call: CallState, event: CallEvent, before: Mapping[str, str], now_ms: int
    ) -> Iterator[Output]:
        """A call has turned up for a try that was written off. Who picked up gets the words; nobody is rung more.

        The try is followed again until the call has its end in writing. Who reads the evidence may have read of the
        call before it read that the try was over, and then waits for that end.
        """
        sid, known = event["call_sid"], fold_of(call)
        if not fold.running(known) and not fold.unheard(known):
            book.put_ended(call)
            return
        rings = sid is not None and sid in fold.running(known) and not fold.is_answered(known)
        if rings and "NOT_PLACED" in call["marks"] and sid not in before and event["state"] != "PLACED_LATE":
            yield evidence(call, "PLACED_LATE", now_ms, sid=sid)
        book.reopen(call)
        yield from self.settle(book, call, now_ms)
        if rings and sid is not None and not book.is_off(call):  # those that are off, settle takes back
            yield Do(CancelCall(state_key(call), sid))

    # -- the end of a try

    def settle(self, book: Book, call: CallState, now_ms: int) -> Iterator[Output]:
        """After a change: follow a call that runs, or free its user and end the try."""
        known = fold_of(call)
        if fold.is_open(known):
            if fold.running(known) and call["phase"] != "PLACED":
                call["phase"], call["wake_at"] = "PLACED", _next_fetch_ms(call, now_ms)
                book.put(call)
                if book.is_off(call):
                    # The user said no while the request was out.
                    yield from self.take_back(call)
            return
        caller = book.caller(call["user"])
        if caller["open"] == state_key(call):
            caller["open"] = None
        if state_key(call) in caller["queue"]:
            caller["queue"].remove(state_key(call))
        waiting = None
        while waiting is None and caller["queue"] and caller["open"] is None:
            waiting = book.call(caller["queue"].pop(0))
        book.put_caller(caller)
        if waiting is not None:
            # Its turn: woken at once, in the same way as a try whose time has come.
            waiting["wake_at"] = now_ms
            book.put(waiting)
        if fold.unheard(known):
            if call["phase"] != "UNHEARD":
                call["phase"], call["wake_at"] = "UNHEARD", now_ms + UNHEARD_WAIT_MS
                book.put(call)
            return
        book.end(call, now_ms)
        yield Do(Finish((str(key_of(call)),)))

    @staticmethod
    def _is_unwanted(book: Book, call: CallState) -> bool:
        """Must a call of this try not ring (any more)? One that was picked up goes on."""
        return bool(book.is_off(call)) or not {"NOT_SENT", "NOT_PLACED"}.isdisjoint(call["marks"])

    @staticmethod
    def take_back(call: CallState) -> Iterator[Output]:
        """The user wants no call any more: end what rings, but not what was picked up."""
        known = fold_of(call)
        if not fold.is_answered(known):
            for sid in fold.running(known):
                yield Do(CancelCall(state_key(call), sid))

    def unheard(self, book: Book, about: Unheard) -> Iterator[Output]:
        """All evidence is known, and nobody was given the words in these calls: free the words, before all else."""
        call = book.call(about.state_key)
        if call is None or call["phase"] != "UNHEARD":
            return
        for sid in fold.unheard(fold_of(call)):
            yield Do(Release(about.state_key, str(key_of(call).occurrence), sid))

    def released(
        self, book: Book, effect: Release, answer: Unavailable | None, now_ms: int
    ) -> Iterator[Output]:
        """The words are free: the call FAILED. A gate that did not answer is asked again at the next wake."""
        call = book.call(effect.state_key)
        if call is None or isinstance(answer, Unavailable) or effect.sid not in fold.unheard(fold_of(call)):
            return
        book.absorb(call, "FAILED", effect.sid)
        yield evidence(call, "FAILED", now_ms, sid=effect.sid, reason="nobody_heard_it")
        book.put(call)
        yield from self.settle(book, call, now_ms)

    # -- time passes

    def wake(self, book: Book, call: CallState, now_ms: int) -> Iterator[Output]:
        """The next look at a try that nothing was heard of."""
        key = state_key(call)
        if call["phase"] == "UNKNOWN":
            yield from self.ask(book, call, now_ms)
        elif call["phase"] == "PLACED":
            call["wake_at"] = _next_fetch_ms(call, now_ms)
            book.put(call)
            if self._is_unwanted(book, call) and not fold.is_answered(fold_of(call)):
                yield from self.take_back(call)
            else:
                for sid in fold.running(fold_of(call)):
                    yield Do(Fetch(key, sid))
        elif call["phase"] == "UNHEARD":
            call["wake_at"] = now_ms + UNHEARD_WAIT_MS
            book.put(call)
            yield Do(Look(Unheard(key), (CALLS.name,)))
        else:
            call["wake_at"] = None
            book.put(call)

    def unknown(self, book: Book, call: CallState, now_ms: int, reason: str) -> Iterator[Output]:
        """Somebody entered the gate for this try, and nobody knows what became of it."""
        book.absorb(call, "UNKNOWN")
        call["phase"] = "UNKNOWN"
        yield evidence(call, "UNKNOWN", now_ms, reason=reason)
        yield from self.ask(book, call, now_ms)

    def ask(self, book: Book, call: CallState, now_ms: int) -> Iterator[Output]:
        """Ask the carrier's list, and set the time of the next question."""
        since = call["first_claimed_at"] or now_ms
        call["wake_at"] = next_ask_ms(since, self._resolve_ms, now_ms)
        call["asked"] += 1
        book.put(call)
        yield Do(
            Ask(state_key(call), "call", user_number(call["user"]), call["from"], since - CLOCK_SLACK_MS)
        )

    def asked(
        self, book: Book, effect: Ask, found: Sequence[CarrierCall] | Unavailable, now_ms: int
    ) -> Iterator[Output]:
        """The list's answer: to and from are all it can be asked by, so what is bound to another try is left out."""
        call = book.call(effect.state_key)
        if call is None or call["phase"] != "UNKNOWN":
            return
        bound = {sid for other in book.of_user(call["user"]) for sid in other["sids"]}
        unbound = [] if isinstance(found, Unavailable) else [c for c in found if c.sid not in bound]
        if unbound:
            for number, seen in enumerate(unbound):
                if number > 0:
                    yield Do(CancelCall(effect.state_key, seen.sid))
                state = CALL_STATES.get(seen.status, "PLACED")
                book.absorb(call, state, seen.sid)
                yield evidence(call, state, now_ms, sid=seen.sid, reason="found_at_carrier")
            book.put(call)
            yield from self.settle(book, call, now_ms)
        elif now_ms >= (call["first_claimed_at"] or 0) + self._resolve_ms:
            book.absorb(call, "NOT_PLACED")
            yield evidence(call, "NOT_PLACED", now_ms, reason=why_not_found(found))
            book.put(call)
            yield from self.settle(book, call, now_ms)

    def fetched(
        self, book: Book, effect: Fetch | CancelCall, seen: CarrierCall | Unavailable | None, now_ms: int
    ) -> Iterator[Output]:
        """What the carrier says of a call is evidence like any callback."""
        call = book.call(effect.state_key)
        if call is None:
            return
        if isinstance(seen, Unavailable):
            if isinstance(effect, CancelCall) and call["phase"] == "PLACED":
                call["wake_at"] = now_ms + _CANCEL_AGAIN_MS
                book.put(call)
            return
        # A call that the carrier does not know rings nobody; without an end it would keep the user waiting for ever.
        state = CALL_STATES.get(seen.status, "PLACED") if seen else "FAILED"
        if book.absorb(call, state, effect.sid):
            reason = "asked_carrier" if seen else "carrier_knows_no_such_call"
            yield evidence(call, state, now_ms, sid=effect.sid, reason=reason)
            book.put(call)
            yield from self.settle(book, call, now_ms)


def _next_fetch_ms(call: CallState, now_ms: int) -> int:
    return next_fetch_ms(call["first_claimed_at"] or now_ms, RING_TIMEOUT_S * 1_000, now_ms)


def _carriers_queue(call: CallState, event: CallEvent) -> Iterator[Output]:
    """How long the carrier kept the call before it rang, told by the first that is heard of it after PLACED."""
    sid, placed_at = event["call_sid"], call["placed_at"]
    if sid is None or placed_at is None or event["state"] not in ("RINGING", "ANSWERED"):
        return
    if call["sids"].get(sid) == "PLACED" and f"ANSWERED {sid}" not in call["marks"]:
        yield Do(Observe("ringback_carrier_queue_seconds", max(0, event["at"] - placed_at) / 1000))
