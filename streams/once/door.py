"""An owner's way to the gate: raise the epoch, fence first, fill a server that has forgotten, only then enter.

                 Opened                  Enter was not answered, or NotReady
                    │                                   │
                    │            timer in the state ◀───┴──────────────┐
                    ▼                 ▼                                │
        ┌──▶ Fence(scope, epoch, live claims) ◀── Enter was Fenced     │
        │       │ entries          │ NotReady(generation)              │ Unavailable
        │       ▼                  ▼                                   │
        │     open    own claims end as NOT_SENT, then Look at the evidence up to now
        │       ▲                  ▼                                   │
        └─ no ──┼── FillPart…, Fill(all gates, open claims as gated) ──┘
                └─ yes ────────────┘

A fill of many gates goes in parts, each a step of its own: first all answers (which counts the gates as well), then the
gates, the mark with the last of them. The door stays shut meanwhile, so nothing is claimed between two parts.

What the door keeps in memory is about one tenure only, and survives an aborted transaction: an answer whose step was
aborted comes again, and "ask later" is a timer in the state, which is taken back and set again with that step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from streams.once.effects import Fence, Fill, FillPart, Unavailable
from streams.once.gate import GateEntry, NotReady
from streams.once.remembered import ENDED, Page
from streams.runtime.freshness import Look
from streams.runtime.processor import Do, Output, Result, State

AGAIN_MS = 500
# What a step of a few milliseconds reads.
PAGE = 500


@dataclass(frozen=True, slots=True)
class Claims:
    """What the door must know of its owner's attempts."""

    live: Callable[[State], Sequence[str]]  # gate keys of claims without an end
    remembered: Callable[[State, str, int], Page]  # every attempt that is remembered, for a rebuild
    give_back: Callable[
        [State, int], Iterable[Output]
    ]  # end with NOT_SENT what we claimed and have not posted
    resume: Callable[
        [State, int, dict[str, GateEntry]], Iterable[Output]
    ]  # go on, knowing what stood at the gate


class Door:
    """One owner's door for one partition. `topic` holds the evidence about its attempts."""

    KEY = "epoch"  # of the state record that counts the owners; its timer is "ask the gate again"

    def __init__(self, scope: str, topic: str, claims: Claims) -> None:
        self.scope = scope
        self.epoch = 0
        self.is_open = False
        self._topic = topic
        self._claims = claims
        self._generation = ""

    def opened(self, state: State) -> list[Output]:
        """A new owner: its first commit raises the epoch, then it fences."""
        return self._raise_above(state, self._known(state))

    def overtaken(self, state: State, epoch: int) -> list[Output]:
        """The gate has seen a newer owner, `epoch`.

        If there is one, this step cannot commit, and nothing happens. If it can, the gate is older than our log (its
        server outlived the topics): the epoch is raised above what it has seen.
        """
        if self._known(state) > epoch:
            return []
        self.is_open = False
        return self._raise_above(state, epoch)

    @classmethod
    def _known(cls, state: State) -> int:
        known = state.get(cls.KEY)
        return int(known["epoch"]) if known else 0

    def _raise_above(self, state: State, epoch: int) -> list[Output]:
        self.epoch = epoch + 1
        self._write(state, None)
        return self._fence(state)

    def _write(self, state: State, wake_at: int | None) -> None:
        state.put(self.KEY, "EpochState", {"epoch": self.epoch, "wake_at": wake_at})

    def _fence(self, state: State) -> list[Output]:
        return [Do(Fence(self.scope, self.epoch, tuple(self._claims.live(state))))]

    def shut(self, state: State, now_ms: int) -> None:
        """The gate did not answer, or has forgotten: nothing enters until it has been fenced again."""
        self.is_open = False
        known = state.get(self.KEY)
        if known is None or known["wake_at"] is None:
            self._write(state, now_ms + AGAIN_MS)

    def woken(self, state: State) -> list[Output]:
        """Time to ask the gate again."""
        self._write(state, None)
        return [] if self.is_open else self._fence(state)

    def answered(self, state: State, result: Result, now_ms: int) -> Iterable[Output] | None:
        """Outputs for an answer that is the door's; None when it is not."""
        effect, answer = result.effect, result.answer
        if isinstance(effect, Fence | Fill | FillPart) and isinstance(answer, Unavailable):
            self.shut(state, now_ms)
            return []
        if isinstance(effect, Fence):
            return self._fenced(state, effect, answer, now_ms)
        if isinstance(effect, Look) and effect.about is self:
            return [*self._fill(state)]
        if isinstance(effect, Fill | FillPart):
            if not answer:
                return self._fence(state)
            if isinstance(effect, FillPart):
                return [Do(self._next_part(state, effect))]
            # Whatever is open now may have been placed before the server forgot.
            return self._enter(state, now_ms, self._filled(state))
        return None

    def _filled(self, state: State) -> dict[str, GateEntry]:
        """The gates of the attempts that are open, as a fill has just written them."""
        found: dict[str, GateEntry] = {}
        after = ""
        while True:
            page = self._claims.remembered(state, after, PAGE)
            found |= {entry.key: entry for entry in page.entries}
            after = page.after
            if not after or after.startswith(ENDED):
                return found

    def _fill(self, state: State) -> list[Output]:
        page = self._claims.remembered(state, "", PAGE)
        if not page.after:
            return [Do(Fill(self.scope, self._generation, page.entries, page.answers))]
        counted = len(page.entries)
        return [
            Do(FillPart(self.scope, self._generation, ("answers", page.after), (), page.answers, 0, counted))
        ]

    def _next_part(self, state: State, before: FillPart) -> Fill | FillPart:
        """What follows a part that was written."""
        reads, after = before.cursor
        page = self._claims.remembered(state, after, PAGE)
        if reads == "answers":
            cursor = ("answers", page.after) if page.after else ("gates", "")
            of = before.of + len(page.entries)
            return FillPart(self.scope, before.generation, cursor, (), page.answers, 0, of)
        if not page.after:
            return Fill(self.scope, before.generation, page.entries)
        written = before.written + len(page.entries)
        return FillPart(
            self.scope, before.generation, ("gates", page.after), page.entries, (), written, before.of
        )

    def _fenced(
        self, state: State, effect: Fence, answer: dict[str, GateEntry] | NotReady, now_ms: int
    ) -> Iterable[Output]:
        if effect.epoch != self.epoch:
            return []  # asked before the epoch was raised again; another question is on its way
        if isinstance(answer, NotReady):
            self.is_open = False
            self._generation = answer.generation
            return [*self._claims.give_back(state, now_ms), Do(Look(self, (self._topic,)))]
        return self._enter(state, now_ms, answer)

    def _enter(self, state: State, now_ms: int, entries: dict[str, GateEntry]) -> Iterable[Output]:
        self.is_open = True
        return self._claims.resume(state, now_ms, entries)
