"""`Gate` in a dictionary, for tests of the stages: passes the same behaviour suite as the real server.

One `MemoryServer` stands for the server; any number of `MemoryGate`s are its clients. `restart()` begins a new
life of the server, with or without its data; while `away` is set every method raises GateUnavailable.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from streams.once.gate import (
    Cap,
    Fenced,
    GateEntry,
    GateUnavailable,
    NotReady,
    Passed,
    Say,
    Taken,
    Verdict,
    Wait,
)
from streams.runtime.clock import Clock, SystemClock


@dataclass(slots=True)
class _Scope:
    epoch: int = 0
    ready: str | None = None


@dataclass(slots=True)
class MemoryServer:
    """What all clients share. Nothing expires: a test is shorter than eight days."""

    clock: Clock = field(default_factory=SystemClock)
    away: bool = False
    life: int = 1
    gates: dict[str, GateEntry] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    scopes: dict[str, _Scope] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    next_start_ms: dict[str, float] = field(default_factory=dict)

    def restart(self, *, keep: bool = True) -> None:
        """A new generation. `keep`: what was stored is still there, as after a restart with its file."""
        self.life += 1
        if not keep:
            for stored in (self.gates, self.tokens, self.scopes, self.answers, self.next_start_ms):
                stored.clear()

    def scope(self, name: str) -> _Scope:
        return self.scopes.setdefault(name, _Scope())

    def gate(self, key: str) -> GateEntry:
        return self.gates.get(key) or GateEntry(key, epoch=0, gated=False, finished=False)


class MemoryGate:
    """One client of a `MemoryServer`. No method waits for anything, so each is one step, like a script."""

    def __init__(self, server: MemoryServer | None = None) -> None:
        self.server = server or MemoryServer()

    async def generation(self) -> str:
        return self._generation()

    async def enter(
        self, scope: str, key: str, epoch: int, token: str, say: Say | None, cap: Cap | None
    ) -> Verdict:
        generation, server = self._generation(), self.server
        owner, stands = server.scope(scope), server.gate(key)
        if owner.ready != generation:
            return NotReady(generation)
        newest = max(owner.epoch, stands.epoch)
        if newest > epoch:
            return Fenced(newest)
        if stands.gated and not stands.finished and server.tokens.get(key) == token:
            return Passed()
        if stands.gated or stands.finished:
            return Taken()
        if cap is not None and (wait_ms := self._take_slots(cap)):
            return Wait(wait_ms)
        owner.epoch = epoch
        server.gates[key] = GateEntry(key, epoch, gated=True, finished=False, say=say or stands.say)
        server.tokens[key] = token
        return Passed()

    async def fence(self, scope: str, epoch: int, keys: Sequence[str]) -> dict[str, GateEntry]:
        self._generation()
        server = self.server
        stood = {key: server.gates[key] for key in keys if key in server.gates}
        owner = server.scope(scope)
        owner.epoch = max(owner.epoch, epoch)
        for key in keys:
            stands = server.gate(key)
            server.gates[key] = replace(stands, epoch=max(stands.epoch, epoch))
        return stood

    async def fill(
        self,
        scope: str,
        generation: str,
        entries: Iterable[GateEntry],
        answers: Iterable[tuple[str, str]] = (),
        *,
        last: bool = True,
    ) -> bool:
        if self._generation() != generation:
            return False
        for occurrence, sid in answers:  # before the gates, as on the real server
            self.server.answers.setdefault(occurrence, sid)
        for entry in entries:
            if self._generation() != generation:
                return False
            self._raise_to(scope, entry)
        if self._generation() != generation:
            return False
        if last:
            self.server.scope(scope).ready = generation
        return True

    async def ready(self, scope: str) -> bool:
        return self._generation() == self.server.scope(scope).ready

    async def finish(self, keys: Sequence[str]) -> None:
        self._generation()
        for key in keys:
            self.server.gates[key] = replace(self.server.gate(key), finished=True)

    async def read(self, key: str) -> GateEntry | None:
        self._generation()
        return self.server.gates.get(key)

    async def answer(self, occurrence: str, sid: str, generation: str | None = None) -> str:
        if generation not in (None, self._generation()):
            raise GateUnavailable("the server was restarted or replaced meanwhile", "replaced")
        return self.server.answers.setdefault(occurrence, sid)

    async def release(self, occurrence: str, sid: str) -> None:
        self._generation()
        if self.server.answers.get(occurrence) == sid:
            del self.server.answers[occurrence]

    def _generation(self) -> str:
        if self.server.away:
            raise GateUnavailable("the server is away")
        return f"life-{self.server.life}"

    def _raise_to(self, scope: str, entry: GateEntry) -> None:
        server = self.server
        owner, stands = server.scope(scope), server.gate(entry.key)
        owner.epoch = max(owner.epoch, entry.epoch)
        server.gates[entry.key] = GateEntry(
            entry.key,
            max(stands.epoch, entry.epoch),
            stands.gated or entry.gated,
            stands.finished or entry.finished,
            entry.say or stands.say,
        )

    def _take_slots(self, cap: Cap) -> int:
        """As in gate.lua: strict spacing. The longest wait in ms; 0 takes a slot of each rate."""
        now, starts, wait_ms = self.server.clock.now_ms(), self.server.next_start_ms, 0
        for name, per_second in cap.rates:
            if per_second <= 0:
                wait_ms = max(wait_ms, 1000)
                continue
            starts[name] = min(starts.get(name, 0.0), now + 1000 / per_second)
            wait_ms = max(wait_ms, math.ceil(starts[name] - now))
        if wait_ms == 0:
            starts.update((name, now + 1000 / per_second) for name, per_second in cap.rates)
        return wait_ms
