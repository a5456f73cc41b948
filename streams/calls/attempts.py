"""Calls as the once-protocol sees them: when a try may be claimed, what is sent, what follows from a state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.records import CallState
from streams.calls.book import Book, evidence, key_of, state_key
from streams.control.admission import Timing
from streams.once.carrier import CallRequest
from streams.once.gate import Cap, Say
from streams.runtime.processor import Output
from streams.tenants import Tenants

MakeRequest = Callable[[CallState], CallRequest]
Settle = Callable[[Book, CallState, int], Iterator[Output]]


@dataclass(frozen=True, slots=True)
class CallAttempts:
    """`Attempts` over the book of one step."""

    book: Book
    tenants: Tenants
    make_request: MakeRequest
    settle: Settle

    def find(self, key: str) -> CallState | None:
        return self.book.call(key)

    def put(self, attempt: CallState) -> None:
        self.book.put(attempt)

    def key(self, attempt: CallState) -> str:
        return state_key(attempt)

    def gate_key(self, attempt: CallState) -> str:
        return str(key_of(attempt))

    def why_not(self, attempt: CallState, now_ms: int) -> str:
        if off := self.book.is_off(attempt):
            return off
        if now_ms >= attempt["expires_at"]:
            return "expired"
        quiet_from, quiet_until = attempt["quiet_from"], attempt["quiet_until"]
        if quiet_from is not None and quiet_until is not None and quiet_from <= now_ms < quiet_until:
            return "quiet_hours"
        return ""

    def request(self, attempt: CallState) -> CallRequest:
        return self.make_request(attempt)

    def due_ms(self, attempt: CallState) -> int:
        return attempt["fire_at"]

    def say(self, attempt: CallState) -> Say:
        return say_of(attempt)

    def cap(self, attempt: CallState) -> Cap:
        tenant = self.tenants.get(attempt["tenant"])
        if tenant is None:
            return Cap(attempt["tenant"], 1.0)
        return Cap(
            attempt["tenant"], tenant.calls_per_second, attempt["from"], tenant.calls_per_second_per_number
        )

    def timing(self, attempt: CallState) -> Timing:
        return Timing(attempt["try"], attempt["fire_at"], attempt["expires_at"])

    def note(
        self,
        attempt: CallState,
        state: str,
        now_ms: int,
        sid: str | None = None,
        reason: str | None = None,
        code: int | None = None,
    ) -> Iterator[Output]:
        self.book.absorb(attempt, state, sid)
        if state == "PLACED":
            attempt["placed_at"] = now_ms
        yield evidence(attempt, state, now_ms, sid=sid, reason=reason, code=code)
        self.book.put(attempt)
        yield from self.settle(self.book, attempt, now_ms)


def say_of(call: CallState) -> Say:
    """What the gateway needs when the user picks up."""
    return Say(call["user"], call["subject"], call["language"], call["tenant"])
