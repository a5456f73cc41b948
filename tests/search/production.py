"""The production code, driven: the calls stage, the gate's double, the answer machine. Nothing here decides anything.

Each driver thaws a state, lets the real code take one step, and freezes what came of it. A step that was taken before,
from the same state, with the same event, is remembered.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, NamedTuple, TypeVar

from connectors.hands import run
from schemas.records import CallState
from streams.calls.book import key_of
from streams.calls.processor import CallsProcessor
from streams.ids import CallKey, user_number
from streams.once import answering
from streams.once.answering import AnswerEffect, GiveWords, PickedUp, ReadGate, Reply, WhichLife
from streams.once.carrier import CallRequest
from streams.once.effects import Unavailable
from streams.once.gate import GateEntry, GateUnavailable, Passed
from streams.once.memory_gate import MemoryGate, MemoryServer
from streams.once.window import ClaimWindow, Line
from streams.runtime.clock import ManualClock
from streams.runtime.processor import DictState, Do, Event, Result, Send
from streams.tenants import Tenant, TenantTable
from tests.search.frozen import NOW, Frozen, Numbered, freeze, older, thaw

USER, OURS = "acme|+14155550101", "+14155550100"
RESOLVE_MS = 10_000  # T_resolve: long enough for one question before the last

T = TypeVar("T")
Evidence = tuple[CallKey, str, str | None, int | None]  # attempt, state, sid, epoch


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("it waits")


def request(call: CallState) -> CallRequest:
    """The request says which try it is for, and which owner asks."""
    return CallRequest(user_number(call["user"]), call["from"], str(key_of(call)), "", str(call["epoch"]), 30)


class Stepped(NamedTuple):
    """What a step did. `memory`, `values`: numbers of the states after; `wrote`: is there anything to commit?"""

    memory: int
    values: int
    sends: tuple[Evidence, ...]
    effects: tuple[Any, ...]
    wrote: bool


class Stage:
    """`CallsProcessor` as a function of (memory, state, event)."""

    def __init__(self) -> None:
        # No cap on calls a second: slots are another promise than this search is about.
        tenants = TenantTable([Tenant(id="acme", numbers=(OURS,), calls_per_second=1e9)])
        self._processor = CallsProcessor(3, tenants, request, RESOLVE_MS)
        self._parts = _with_their_parts(
            [self._processor._door, self._processor._claiming, self._processor._following]
        )
        self._constant = [
            {name for name, value in vars(part).items() if not _is_memory(value)} for part in self._parts
        ]
        self.memories: Numbered[Any] = Numbered()
        self.values: Numbered[Any] = Numbered()
        self.events: Numbered[Any] = Numbered()
        self._steps: dict[tuple[int, int, int], Stepped] = {}
        self._lates: dict[int, tuple[Evidence, ...]] = {}
        self._older: dict[tuple[str, int, int], int] = {}
        self.fresh = self._remember()
        self.empty = self.values.number(freeze({}))

    def step(self, memory: int, values: int, event: int) -> Stepped:
        stepped = self._steps.get((memory, values, event))
        if stepped is None:
            stepped = self._steps[memory, values, event] = self._step(
                memory, values, thaw(self.events.of[event])
            )
        return stepped

    def _step(self, memory: int, values: int, event: Event) -> Stepped:
        self._recall(memory)
        state = DictState(thaw(self.values.of[values]))
        sends, effects = [], []
        for output in self._processor.step(state, event, NOW):
            if isinstance(output, Do):
                effects.append(freeze(output.effect))
            else:
                sends.append(evidence_of(output))
        after = self.values.number(freeze(_forgetful(state.values)))
        return Stepped(self._remember(), after, tuple(sends), tuple(effects), after != values or bool(sends))

    @property
    def taken(self) -> int:
        """How many different steps were taken."""
        return len(self._steps)

    def unlike(self) -> list[Event]:
        """Events of steps that come out otherwise when they are taken again: the stage keeps memory that is not seen
        here, and a search that remembers its steps would be worth nothing."""
        events = self.events.of
        again = [
            (event, was, self._step(m, v, thaw(events[event]))) for (m, v, event), was in self._steps.items()
        ]
        return [thaw(events[event]) for event, was, now in again if was != now]

    def late(self, result: int) -> tuple[Evidence, ...]:
        """What is written plainly when this answer comes after the partition was given up."""
        known = self._lates.get(result)
        if known is None:
            sends = self._processor.late(thaw(self.events.of[result]), NOW)
            known = self._lates[result] = tuple(evidence_of(send) for send in sends)
        return known

    def older(self, kind: str, number: int, by_ms: int) -> int:
        """`by_ms` pass for a thing of a `kind`: memories, values or events."""
        key = (kind, number, by_ms)
        after = self._older.get(key)
        if after is None:
            things: Numbered[Any] = getattr(self, kind)
            after = self._older[key] = things.number(older(things.of[number], by_ms))
        return after

    # -- what the processor keeps beside its state

    def _remember(self) -> int:
        kept = []
        for part, constant in zip(self._parts, self._constant, strict=True):
            kept.append({n: v for n, v in vars(part).items() if n not in constant})
        return self.memories.number(freeze(kept))

    def _recall(self, memory: int) -> None:
        for part, kept in zip(self._parts, thaw(self.memories.of[memory]), strict=True):
            vars(part).update(kept)


def _with_their_parts(owners: list[Any]) -> list[Any]:
    """The objects that a stage keeps its memory in. The window of claims and its line are left out: there is always
    room for the two that can be open here."""
    parts = [
        part
        for owner in owners
        for part in vars(owner).values()
        if type(part).__module__.startswith("streams.once.")
        and hasattr(part, "__dict__")
        and not isinstance(part, ClaimWindow | Line)
        and part not in owners
    ]
    return [*owners, *parts]


def _is_memory(value: Any) -> bool:
    """What changes while a stage runs is plain data; what it was built from is objects and tuples."""
    return isinstance(value, bool | int | str | dict | set | list)


def _forgetful(values: dict[str, tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The state without what no decision reads: how often was asked, and the times of what has ended."""
    for key, (_, value) in values.items():
        if "asked" in value:
            value["asked"] = 0
        if key.startswith("e|"):
            value["claimed_at"] = value["first_claimed_at"] = value["placed_at"] = None
    return values


def evidence_of(send: Send) -> Evidence:
    value = send.value
    key = CallKey(value["reminder_id"], value["due_at"], value["attempt"], value["try"])
    epoch = value["epoch"] if value["state"] == "CLAIMED" else None
    return key, value["state"], value["call_sid"], epoch


class Gates:
    """`MemoryGate` as a function of (server, effect). A server is a number too."""

    def __init__(self) -> None:
        self.servers: Numbered[Any] = Numbered()
        self._runs: dict[tuple[int, Any], tuple[int, Any]] = {}
        self.empty = self._freeze(MemoryServer())

    def run(self, server: int, effect: Any) -> tuple[int, Any]:
        """(server after, frozen answer) of an effect of the owners, run as the hands do, or of the answer machine."""
        ran = self._runs.get((server, effect))
        if ran is None:
            there = self.thaw(server)
            try:
                answer = freeze(at_once(_run(effect, MemoryGate(there))))
            except GateUnavailable as away:
                answer = Unavailable(str(away))
            ran = self._runs[server, effect] = (self._freeze(there), answer)
        return ran

    def restart(self, server: int, *, keep: bool) -> int:
        there = self.thaw(server)
        there.restart(keep=keep)
        return self._freeze(there)

    def forget_gates(self, server: int) -> int:
        """What a lifetime of seconds would do; no step of the protocol does."""
        there = self.thaw(server)
        there.gates.clear()
        there.tokens.clear()
        return self._freeze(there)

    def _freeze(self, there: MemoryServer) -> int:
        scopes = {name: (scope.epoch, scope.ready) for name, scope in there.scopes.items()}
        return self.servers.number(freeze((there.life, there.gates, there.tokens, scopes, there.answers)))

    def thaw(self, server: int) -> MemoryServer:
        life, gates, tokens, scopes, answers = thaw(self.servers.of[server])
        there = MemoryServer(ManualClock(), life=life, gates=gates, tokens=tokens, answers=answers)
        for name, (epoch, ready) in scopes.items():
            there.scope(name).epoch, there.scope(name).ready = epoch, ready
        return there


async def _run(effect: Any, gate: MemoryGate) -> Any:
    match effect:
        case WhichLife():
            return await gate.generation()
        case ReadGate(key):
            return await gate.read(key)
        case GiveWords():
            return await gate.answer(effect.occurrence, effect.sid, effect.generation)
    return await run(effect, gate, None)  # type: ignore[arg-type]


Talk = tuple[PickedUp, AnswerEffect | Reply]


def answered(talk: Talk, answer: Any) -> Talk:
    """The next step of the answer machine. It is never tired of being asked again: how often does not matter here."""
    return answering.step(talk[0], thaw(answer))


def picked_up(key: CallKey, sid: str) -> Talk:
    return answering.pick_up(key, sid, user_number(USER))


def is_passed(result: Result) -> bool:
    return isinstance(result.answer, Passed)


def entries_of(answer: Frozen) -> dict[str, GateEntry]:
    return dict(answer.items)
