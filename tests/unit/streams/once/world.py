"""A world for one partition of a stage of the once-protocol: log, broker, gate, carrier, owners, all in memory.

The processor, the hands' way of running an effect and the gate's double are the real ones. What a test chooses is the
order of things: when an effect runs, whether its reply is lost, whether a transaction is aborted, when another owner
takes over, when the gate's server loses its data. Time moves only when the test says so.

Fencing is the broker's: a transaction of an owner that is no longer the newest fails, whatever it holds; a step that
writes nothing to Kafka needs no transaction, so a zombie can take it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from connectors.hands import nothing_known
from streams.once.carrier import CarrierUnavailableError
from streams.once.effects import Enter, Unavailable
from streams.once.gate import GateUnavailable, Passed, Verdict
from streams.once.memory_gate import MemoryGate, MemoryServer
from streams.runtime.clock import ManualClock
from streams.runtime.freshness import Look
from streams.runtime.processor import (
    DictState,
    Do,
    Event,
    Observe,
    Opened,
    Processor,
    Record,
    Result,
    Send,
    Signal,
    Value,
)
from tests.unit.streams.once.performing import perform
from tests.unit.streams.once.scripted import ScriptedCarrier

T = TypeVar("T")
Values = dict[str, tuple[str, dict[str, Any]]]


def now(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing, as those of the doubles do."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("it waits")


class TransactionState(DictState):
    """State that knows whether it was written to: only then is there anything to commit."""

    written = False

    def put(self, key: str, name: str, value: Value) -> None:
        self.written = True
        super().put(key, name, copy.deepcopy(dict(value)))

    def delete(self, key: str) -> None:
        self.written = self.written or key in self.values
        super().delete(key)


class WatchedGate(MemoryGate):
    """Keeps who passed, and the greatest epoch that fenced, over all lives of the server."""

    def __init__(self, server: MemoryServer) -> None:
        super().__init__(server)
        self.passed: list[tuple[str, int, int]] = []  # (key, epoch, greatest epoch seen by then)
        self.fenced_by = 0

    async def enter(self, scope: str, key: str, epoch: int, *rest: Any) -> Verdict:
        verdict = await super().enter(scope, key, epoch, *rest)
        if isinstance(verdict, Passed):
            self.passed.append((key, epoch, self.fenced_by))
        return verdict

    async def fence(self, scope: str, epoch: int, keys: Any) -> Any:
        stood = await super().fence(scope, epoch, keys)
        self.fenced_by = max(self.fenced_by, epoch)
        return stood


@dataclass(eq=False)
class Pending:
    """An effect that was released and not answered. `ends`: what a Look must have read; None before its sample."""

    effect: Any
    at_ms: int
    ends: Mapping[str, int] | None = None
    sampled_ms: int = 0


@dataclass
class World:
    """`make` gives the processor of a new tenure; `topics` are those that the stage reads."""

    make: Callable[[], Processor]
    topics: tuple[str, ...]
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.log: dict[str, list[tuple[str, Value]]] = {topic: [] for topic in self.topics}
        self.elsewhere: list[Send] = []
        self.observed: list[Observe] = []
        self.signals: list[Signal] = []
        self.committed: Values = {}
        self.positions = dict.fromkeys(self.topics, 0)
        self.server = MemoryServer(self.clock)
        self.gate = WatchedGate(self.server)
        self.carrier = ScriptedCarrier(self.clock)
        self.generation = 0
        self.owner = self.take_over()

    # -- the broker

    def take_over(self) -> Owner:
        """A new owner; the one before may still believe that it is the owner."""
        self.generation += 1
        self.owner = Owner(self, self.make(), self.generation)
        return self.owner

    def append(self, topic: str, name: str, value: Mapping[str, Any]) -> None:
        self.log[topic].append((name, copy.deepcopy(dict(value))))

    def send(self, sends: list[Send]) -> None:
        for each in sends:
            if each.topic in self.log:
                self.append(each.topic, each.name, each.value)
            else:
                self.elsewhere.append(each)

    def evidence(self, topic: str) -> list[dict[str, Any]]:
        return [dict(value) for _, value in self.log[topic]]

    # -- time

    def settle(self) -> None:
        """Let the present owner do all there is to do, replies included; time stands still."""
        for _ in range(10_000):
            moved = self.owner.turn()
            for pending in self.owner.runnable():
                moved = self.owner.run(pending) or moved
            if not moved:
                return
        raise AssertionError("it never comes to rest")

    def pass_time(self, seconds: float) -> None:
        """Let time pass, from one thing that waits for it to the next."""
        end_ms = self.clock.now_ms() + round(seconds * 1000)
        self.settle()
        while (next_ms := min([*self.owner.times(), end_ms])) < end_ms:
            self.clock.advance(max(next_ms - self.clock.now_ms(), 1) / 1000)
            self.settle()
        self.clock.advance((end_ms - self.clock.now_ms()) / 1000)
        self.settle()


class Owner:
    """One tenure of the partition. `lost`: it knows that it is not the owner any more."""

    def __init__(self, world: World, processor: Processor, generation: int) -> None:
        self.world = world
        self.processor = processor
        self.generation = generation
        self.values: Values = copy.deepcopy(world.committed)
        self.positions = dict(world.positions)
        self.pending: list[Pending] = []
        self.inbox: list[Result] = []
        self.opened = False
        self.lost = False

    # -- transactions

    def turn(self, *, abort: bool = False, commit_lost: bool = False) -> bool:
        """Answers, records and timers in one transaction; False when there was nothing to do.

        `abort`: it is taken back and comes again. `commit_lost`: it is committed, but we do not hear of it.
        """
        if self.lost:
            self._write_late()
            return False
        world = self.world
        state = TransactionState(copy.deepcopy(self.values))
        sends: list[Send] = []
        effects: list[Any] = []
        answers, self.inbox = self.inbox, []
        positions = dict(self.positions)
        taken = 0
        for event in self._events(state, answers, positions):
            taken += 1
            for output in self.processor.step(state, event, world.clock.now_ms()):
                if isinstance(output, Do):
                    effects.append(output.effect)
                else:
                    sends.append(output)
        if state.written or sends or positions != self.positions:
            if abort or self.generation != world.generation:
                self.inbox = answers + self.inbox
                self.lost = self.generation != world.generation
                return not self.lost
            world.send(sends)
            world.committed, world.positions = state.values, positions
            if commit_lost:
                self.inbox, self.lost = answers + self.inbox, True
                return False
        self.values, self.positions = copy.deepcopy(state.values), positions
        self.opened = True
        now_ms = world.clock.now_ms()
        world.observed += [e for e in effects if isinstance(e, Observe)]
        world.signals += [e for e in effects if isinstance(e, Signal)]
        asked = [e for e in effects if not isinstance(e, Signal)]
        self.pending += [Pending(e, now_ms + getattr(e, "delay_ms", 0)) for e in asked]
        return taken > 0

    def _events(self, state: DictState, answers: list[Result], positions: dict[str, int]) -> Iterator[Event]:
        if not self.opened:
            yield Opened(0)
            return
        yield from answers
        for topic in self.world.topics:
            for offset in range(positions[topic], len(self.world.log[topic])):
                name, value = self.world.log[topic][offset]
                positions[topic] = offset + 1
                yield Record(topic, 0, offset, 0, None, name, copy.deepcopy(dict(value)))
        now_ms = self.world.clock.now_ms()
        for wake in state.due(now_ms):
            present = state.get(wake.key)
            if present is not None and present["wake_at"] is not None and present["wake_at"] <= now_ms:
                yield wake._replace(value=present)

    def give_up(self) -> None:
        """The partition is revoked."""
        self.lost = True
        self._write_late()

    def _write_late(self) -> None:
        for result in self.inbox:
            self.world.send(list(self.processor.late(result, self.world.clock.now_ms())))
        self.inbox = []

    # -- effects

    def waiting(self, kind: type) -> list[Pending]:
        """Effects of a kind that are out; of a Look, also by what it is about."""
        return [p for p in self.pending if isinstance(p.effect, kind) or isinstance(_about(p.effect), kind)]

    def runnable(self) -> list[Pending]:
        return [p for p in self.pending if p.at_ms <= self.world.clock.now_ms()]

    def times(self) -> list[int]:
        """When something is to be done next."""
        wakes = [value["wake_at"] for _, value in self.values.values() if value.get("wake_at") is not None]
        return [*wakes, *(p.at_ms for p in self.pending if not isinstance(p.effect, Look))]

    def run(self, pending: Pending, *, reply_lost: bool = False) -> bool:
        """Run the effect and hear its answer; False when it cannot be answered yet (a Look that waits)."""
        if isinstance(pending.effect, Look):
            return self._look(pending)
        self.pending.remove(pending)
        effect = pending.effect
        at_once = replace(effect, delay_ms=0) if isinstance(effect, Enter) else effect
        try:
            answer = now(perform(at_once, self.world.gate, self.world.carrier, self.world.clock))
        except (GateUnavailable, CarrierUnavailableError) as error:
            answer = Unavailable(str(error))
        self.inbox.append(Result(effect, nothing_known(effect, "reply lost") if reply_lost else answer))
        return True

    def work_until(self, kind: type) -> None:
        """Work until an effect of this kind is out, and leave it there."""
        while not self.waiting(kind):
            self.turn()
            for pending in self.runnable():
                if pending not in self.waiting(kind):
                    self.run(pending)

    def fail(self, pending: Pending) -> None:
        """The effect was not run, and we cannot know."""
        self.pending.remove(pending)
        self.inbox.append(Result(pending.effect, nothing_known(pending.effect, "nobody answered")))

    def _look(self, pending: Pending) -> bool:
        if pending.ends is None:
            pending.ends = {topic: len(self.world.log[topic]) for topic in pending.effect.topics}
            pending.sampled_ms = self.world.clock.now_ms()
        if self.lost or any(self.positions[topic] < end for topic, end in pending.ends.items()):
            return False
        self.pending.remove(pending)
        self.inbox.append(Result(pending.effect, pending.sampled_ms))
        return True


def _about(effect: Any) -> Any:
    return effect.about if isinstance(effect, Look) else None
