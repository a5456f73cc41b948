"""What the call protocol needs of an attempt, be it a call or an SMS reply: its owner says how it keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypedDict, TypeVar

from streams.control.admission import Timing
from streams.once.carrier import CallRequest, MessageRequest
from streams.once.gate import Cap, Say
from streams.runtime.processor import Output


class Attempt(TypedDict):
    """The fields of a state record that the protocol needs."""

    tenant: str
    phase: str  # WAITING, CLAIMED, UNKNOWN, …
    epoch: int
    claimed_at: int | None
    first_claimed_at: int | None
    wake_at: int | None


A = TypeVar("A", bound=Attempt)


class Attempts(Protocol[A]):
    """One partition's attempts, for the length of a step."""

    def find(self, key: str) -> A | None:
        """An attempt that has not ended, by its state key."""

    def put(self, attempt: A) -> None: ...

    def key(self, attempt: A) -> str:
        """Its state key."""

    def gate_key(self, attempt: A) -> str: ...

    def why_not(self, attempt: A, now_ms: int) -> str:
        """A reason in the world not to do it now (called off, too late), or nothing."""

    def request(self, attempt: A) -> CallRequest | MessageRequest: ...

    def due_ms(self, attempt: A) -> int:
        """When it was to go out (epoch ms)."""

    def say(self, attempt: A) -> Say | None: ...

    def cap(self, attempt: A) -> Cap: ...

    def timing(self, attempt: A) -> Timing: ...

    def note(
        self,
        attempt: A,
        state: str,
        now_ms: int,
        sid: str | None = None,
        reason: str | None = None,
        code: int | None = None,
    ) -> Iterator[Output]:
        """Fold a state into the attempt, write it as evidence, and do what follows from it."""
