"""An owner's way to the gate: raise the epoch, fence first, fill a server that has forgotten, only then enter.

                 Opened                       Enter was not answered, or NotReady
                    │                                        │
                    ▼                                        ▼
        ┌──▶ Fence(scope, epoch, live claims) ◀──────────────┘
        │       │ entries          │ NotReady(generation)          │ Unavailable: again, later
        │       ▼                  ▼                               ▼
        │     open    own claims end as NOT_SENT, then Look at the evidence up to now
        │       ▲                  ▼
        └─ no ──┼──────── Fill(all gates, open claims as gated)
                └─ yes ────────────┘

Whoever has a newer epoch has been here since: `Fenced` at the gate stops us. What the door keeps in memory is about
one tenure only; an aborted transaction leaves at most a question that is asked twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from streams.once.effects import Fence, Fill, Unavailable
from streams.once.gate import GateEntry, NotReady
from streams.runtime.freshness import Look
from streams.runtime.processor import Do, Output, Result, State

_EPOCH_KEY = "epoch"
AGAIN_MS = 500


@dataclass(frozen=True, slots=True)
class Claims:
    """What the door must know of its owner's attempts."""

    live: Callable[[State], Sequence[str]]  # gate keys of claims without an end
    all: Callable[[State], Iterable[GateEntry]]  # every attempt that is remembered, for a rebuild
    answers: Callable[[State], Iterable[tuple[str, str]]]  # (occurrence, sid) of words that were given
    give_back: Callable[
        [State, int], Iterable[Output]
    ]  # end with NOT_SENT what we claimed and have not posted
    resume: Callable[
        [State, int, dict[str, GateEntry]], Iterable[Output]
    ]  # go on, knowing what stood at the gate


class Door:
    """One owner's door for one partition. `topic` holds the evidence about its attempts."""

    def __init__(self, scope: str, topic: str, claims: Claims) -> None:
        self.scope = scope
        self.epoch = 0
        self.is_open = False
        self._topic = topic
        self._claims = claims
        self._generation = ""

    def opened(self, state: State) -> list[Output]:
        """A new owner: its first commit raises the epoch, then it fences."""
        known = state.get(_EPOCH_KEY)
        self.epoch = (known["epoch"] if known else 0) + 1
        state.put(_EPOCH_KEY, "EpochState", {"epoch": self.epoch, "wake_at": None})
        return self._fence(state, 0)

    def shut(self, state: State) -> list[Output]:
        """The gate did not answer, or has forgotten: nothing enters until it has been fenced again."""
        if not self.is_open:
            return []
        self.is_open = False
        return self._fence(state, AGAIN_MS)

    def _fence(self, state: State, delay_ms: int) -> list[Output]:
        return [Do(Fence(self.scope, self.epoch, tuple(self._claims.live(state)), delay_ms))]

    def answered(self, state: State, result: Result, now_ms: int) -> Iterable[Output] | None:
        """Outputs for an answer that is the door's; None when it is not."""
        effect, answer = result.effect, result.answer
        if isinstance(effect, Fence):
            return self._fenced(state, answer, now_ms)
        if isinstance(effect, Look) and effect.about is self:
            entries, answers = tuple(self._claims.all(state)), tuple(self._claims.answers(state))
            return [Do(Fill(self.scope, self._generation, entries, answers))]
        if isinstance(effect, Fill):
            if answer is not True:
                return self._fence(state, AGAIN_MS if isinstance(answer, Unavailable) else 0)
            # Whatever is open now may have been placed before the server forgot.
            return self._enter(state, now_ms, {entry.key: entry for entry in effect.entries})
        return None

    def _fenced(
        self, state: State, answer: dict[str, GateEntry] | NotReady | Unavailable, now_ms: int
    ) -> Iterable[Output]:
        if isinstance(answer, Unavailable):
            return self._fence(state, AGAIN_MS)
        if isinstance(answer, NotReady):
            self._generation = answer.generation
            return [*self._claims.give_back(state, now_ms), Do(Look(self, (self._topic,)))]
        return self._enter(state, now_ms, answer)

    def _enter(self, state: State, now_ms: int, entries: dict[str, GateEntry]) -> Iterable[Output]:
        self.is_open = True
        return self._claims.resume(state, now_ms, entries)
