"""What a stage is to the loop: events in, outputs out, state by name. No I/O, no clock, no random.

    step(state, event, now_ms) -> outputs

The loop owns one `Processor` and one `State` per *partition number*: all topics a stage reads are
co-partitioned, so partition 3 of each of them, its state and its timers belong together and move together.

`State` is a view of the partition's store that belongs to one transaction. What a step puts into it is
written to the changelog topic in the same Kafka transaction as the outputs and the offsets, and dropped when
that transaction aborts; so a processor must keep nothing else that an abort would have to take back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

Value = Mapping[str, Any]  # a TypedDict of schemas.records

# Events and outputs are named tuples: several are made for every record, and a frozen dataclass takes four times as
# long.


class Record(NamedTuple):
    """A record that was polled, decoded."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    name: str
    value: dict[str, Any]
    headers: Sequence[tuple[str, bytes]] = ()


class Wake(NamedTuple):
    """The time in `value["wake_at"]` of a state record has come."""

    key: str
    value: dict[str, Any]


class Opened(NamedTuple):
    """The partition was taken over: its state is complete, nothing was polled yet."""

    partition: int


class SetAside(NamedTuple):
    """The timer at `key`, with what was its `value`, became a dead letter. For bookkeeping: nothing may be put out."""

    key: str
    value: dict[str, Any]


class Result(NamedTuple):
    """An effect that this processor asked for has an answer."""

    effect: Any
    answer: Any


Event = Record | Wake | SetAside | Opened | Result


class Send(NamedTuple):
    """Produce one record, in the transaction of the step. `key` is the topic's key (section 1 of the design)."""

    topic: str
    key: str | None
    name: str
    value: Value
    headers: Sequence[tuple[str, bytes]] = ()


class Do(NamedTuple):
    """Run `effect` outside Kafka, but only after the transaction of the step has committed."""

    effect: Any


class Observe(NamedTuple):
    """An effect that needs no hands: one value for a histogram of streams/metrics, told after the commit. It has no
    answer; where nobody keeps metrics it does nothing."""

    metric: str
    value: float


class Count(NamedTuple):
    """The same for a counter without labels: something happened once more."""

    metric: str


class Unresolved(NamedTuple):
    """The same for what waits to be resolved: the attempt at `key` of the state has been UNKNOWN since `since_ms`
    (epoch ms), or is no more (None). Told again after every takeover."""

    key: str
    since_ms: int | None


Signal = Observe | Count | Unresolved
Output = Send | Do


class State(Protocol):
    """A partition's keyed state as one transaction sees it. Keys are strings, values Avro records.

    A value whose `wake_at` (epoch ms) is not None is a timer: the loop hands it back as `Wake` when the time
    has come. The step must then delete the record or move its `wake_at` into the future or to None.
    """

    def get(self, key: str) -> dict[str, Any] | None:
        """A copy of the value, or None."""

    def put(self, key: str, name: str, value: Value) -> None:
        """Write `value`, an Avro record called `name`."""

    def add(self, key: str, name: str, amounts: Mapping[str, int]) -> None:
        """Add to counters: a record called `name` whose fields are integers, all of them named in `amounts`.

        Cheap: it is written once a transaction. What was added is seen from the next transaction on, and the key is
        never put. Amounts that are all zero write nothing, but the record is told to the telemetry like any other.
        """

    def delete(self, key: str) -> None:
        """Remove the key (a tombstone in the changelog). Removing what is not there does nothing."""

    def scan(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """All values whose key starts with `prefix`, in key order, as they were when the scan began."""

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, dict[str, Any]]]:
        """The first `limit` of what a scan would give behind the key `after`; "" for the beginning.

        For what is too much to be read in one step: the next step goes on behind the last key of this one.
        """


class Processor(Protocol):
    """One stage's work on one partition number."""

    def step(self, state: State, event: Event, now_ms: int) -> Iterable[Output]:
        """React to one event. Raises `Poison` for an event that can never be processed."""

    def late(self, result: Result, now_ms: int) -> Iterable[Send]:
        """An answer that came after the partition was given up: what must still be told, as plain evidence."""


@runtime_checkable
class Bounded(Processor, Protocol):
    """A processor whose work goes on outside Kafka, and which can have too much of it begun."""

    @property
    def crowded(self) -> bool:
        """Should no more be read from the first of the stage's topics for now? The others are read on: they tell
        what became of what was begun."""


class Poison(Exception):
    """This event can never be processed: dead letter, with `reason` (a word) and `detail` (a sentence)."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(slots=True)
class DictState:
    """`State` in a dictionary, for unit tests of processors; passes the same behaviour suite as the store."""

    values: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def get(self, key: str) -> dict[str, Any] | None:
        found = self.values.get(key)
        return deepcopy(found[1]) if found else None

    def put(self, key: str, name: str, value: Value) -> None:
        self.values[key] = (name, deepcopy(dict(value)))

    def add(self, key: str, name: str, amounts: Mapping[str, int]) -> None:
        before = self.get(key) or {}
        self.put(key, name, {field: before.get(field, 0) + amount for field, amount in amounts.items()})

    def delete(self, key: str) -> None:
        self.values.pop(key, None)

    def scan(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        found = [(key, deepcopy(value)) for key, (_, value) in self.values.items() if key.startswith(prefix)]
        yield from sorted(found, key=lambda pair: pair[0])

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, dict[str, Any]]]:
        return [pair for pair in self.scan(prefix) if pair[0] > after][:limit]

    def due(self, now_ms: int) -> list[Wake]:
        """What the loop would wake now, earliest first."""
        timers = [
            (v["wake_at"], k, v)
            for k, (_, v) in self.values.items()
            if (v.get("wake_at") or now_ms + 1) <= now_ms
        ]
        return [Wake(key, deepcopy(value)) for _, key, value in sorted(timers, key=lambda t: t[:2])]
