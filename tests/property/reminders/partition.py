"""One partition of the timer stream without a broker: the production intake, step, view and store.

What Kafka does is played: a log of inputs with offsets, a changelog, transactions that commit or abort. What
happens to a member is played too: it dies between the commit and its store, or its disk is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from confluent_kafka import Message

from streams.reminders.processor import Reminders
from streams.runtime.dead_letters import DeadLetterLimit, DeadLetterRate
from streams.runtime.intake import Intake
from streams.runtime.partitions import Partitions
from streams.runtime.store import Proof, Store
from streams.runtime.task import Task
from streams.runtime.wire import Wire
from streams.tenants import Tenants
from streams.topology import CALLS, DUE, EVENTS, OUTBOUND, REMINDERS, REQUESTS

Fault = Literal["none", "abort", "reopen", "die before the store", "lose the store", "lose it, log compacted"]
FAULTS: tuple[Fault, ...] = (
    "none",
    "abort",
    "reopen",
    "die before the store",
    "lose the store",
    "lose it, log compacted",
)
LOG = "reminders.changelog"


@dataclass
class JumpingClock:
    """Moved by the test, to and fro."""

    now: int

    def now_ms(self) -> int:
        return self.now

    def monotonic_s(self) -> float:
        return self.now / 1000


@dataclass(frozen=True)
class Polled:
    """As much of a client's Message as the loop reads."""

    topic_: str
    offset_: int
    value_: bytes

    def topic(self) -> str:
        return self.topic_

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.offset_

    def error(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, 0

    def key(self) -> bytes:
        return b""

    def value(self) -> bytes:
        return self.value_

    def headers(self) -> list[tuple[str, bytes]]:
        return []


class Owned:
    """The one partition that this member has, as the intake asks for it."""

    def __init__(self, task: Task) -> None:
        self.tasks = {task.partition: task}

    def __iter__(self) -> Any:
        return iter(self.tasks.values())


@dataclass
class Heard:
    """What a turn has put out, decoded and in order."""

    facts: list[dict[str, Any]] = field(default_factory=list)
    due: list[dict[str, Any]] = field(default_factory=list)
    sms: list[dict[str, Any]] = field(default_factory=list)


class Partition:
    """`turn` reads inputs and fires timers until nothing is due, in transactions of few timers each."""

    MAX_WAKES = 3

    def __init__(self, folder: Path, tenants: Tenants, clock: JumpingClock) -> None:
        self._path = folder / "0.store"
        self._tenants = tenants
        self._clock = clock
        self._wire = Wire()
        self._log: list[tuple[int, str, bytes | None]] = []
        self._end = 0
        self._positions = {REQUESTS.name: 0, CALLS.name: 0}
        self._take_over()

    # -- inputs

    def turn(self, inputs: Sequence[tuple[str, str, dict[str, Any]]], faults: Iterable[Fault]) -> Heard:
        """Commit `inputs` (topic, Avro name, value) in one transaction with the first timers, then further timers.

        Each fault strikes one transaction; an aborted one is done again.
        """
        heard = Heard()
        strikes: Iterator[Fault] = iter(faults)
        messages = self._polled(inputs)
        while messages or self._is_due():
            fault: Fault = next(strikes, "none")
            if not self._transact(messages, fault, heard):
                continue
            messages = []
        self._rehearse()
        return heard

    def _rehearse(self) -> None:
        """Work out all timers of the coming window, so that most of those that fire are played."""
        while self._intake.rehearse():
            pass

    def _polled(self, inputs: Sequence[tuple[str, str, dict[str, Any]]]) -> list[Polled]:
        polled, ends = [], dict(self._positions)
        for topic, name, value in inputs:
            polled.append(Polled(topic, ends[topic], self._wire.encode(topic, name, value)))
            ends[topic] += 1
        return polled

    def _is_due(self) -> bool:
        wake = self._task.next_wake_ms
        return wake is not None and wake <= self._clock.now

    def _transact(self, messages: list[Polled], fault: Fault, heard: Heard) -> bool:
        works = self._intake.collect([], cast(list[Message], messages))
        for work in works:
            work.seal()
            assert not work.dead, "a dead letter"
            self._rehearse()  # as the loop does while it waits for the broker: before the store knows
            if fault == "abort":
                return False
            changes = list(work.changes)
            for change in changes:
                self._log.append((self._end, change.key, change.value))
                self._end += 1
            self._task.positions.update(work.positions)
            self._positions.update(work.positions)
            self._hear(work.sends, heard)
            if fault in ("none", "reopen"):
                self.store.write(changes, self._proof())
                self._task.next_wake_ms = self.store.next_wake_ms()
                assert self._task.rehearsal is not None
                self._task.rehearsal.note(changes)
        self.strike(fault)
        return True

    def _hear(self, sends: Iterable[Any], heard: Heard) -> None:
        lists = {EVENTS.name: heard.facts, DUE.name: heard.due, OUTBOUND.name: heard.sms}
        for send in sends:
            lists[send.topic].append(self._wire.decode(send.topic, send.value, None, 0)[1])

    # -- what happens to a member

    def strike(self, fault: Fault) -> None:
        """Die, or lose the disk, and come back."""
        if fault in ("none", "abort"):
            return
        self.store.close()
        if fault.startswith("lose"):
            for path in self._path.parent.iterdir():
                path.unlink()
        if fault == "lose it, log compacted":
            last = {key: offset for offset, key, _ in self._log}
            self._log = [(o, k, v) for o, k, v in self._log if last[k] == o and v is not None]
        self._take_over()

    def _take_over(self) -> None:
        self.store = Store(
            self._path,
            lambda name, value: self._wire.encode(LOG, name, value),
            lambda data: self._wire.decode(LOG, data, None, 0),
            lambda data: self._wire.wake_at(LOG, data),
        )
        proof = self.store.proof()
        start = proof.changelog_offset if proof else 0
        tail = [self.store.replayed(key, value) for offset, key, value in self._log if offset >= start]
        self.store.write(tail, self._proof())
        processor = Reminders(self._tenants)
        self._task = Task(0, processor, self.store, DeadLetterRate(DeadLetterLimit()))
        self._task.positions.update(self._positions)
        self._task.restored = self._task.opened = True
        self._task.next_wake_ms = self.store.next_wake_ms()
        self._intake = Intake(
            REMINDERS,
            cast(Partitions, Owned(self._task)),
            self._wire,
            self._clock,
            max_wakes=self.MAX_WAKES,
            hold=self._never,
            keep=self._never,
        )

    def _never(self, *why: object) -> None:
        raise AssertionError(f"held: {why}")

    def _proof(self) -> Proof:
        return Proof("cluster", "topic", self._end, 1)

    # -- what is kept

    def values(self, prefix: str = "") -> list[tuple[str, dict[str, Any]]]:
        """Everything in the store, decoded."""
        return [(key, self.store.decode(value)[1]) for key, value in self.store.scan(prefix)]

    def close(self) -> None:
        self.store.close()


def numbers(body: str) -> list[int]:
    """The reminder numbers that a LIST reply shows, in its order."""
    return [int(n) for n in re.findall(r"^(\d+): ", body, re.M)]
