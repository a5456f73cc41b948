"""What timers will do, worked out before they are due.

A step is a function of state, event and time, so it can be taken ahead: on the state as it is, at the instant that
the timer names. When that instant has come, everything that the step has read is compared, byte for byte, with what
stands there then; if nothing differs, what it put out is what it would put out now, else the step is taken anew. (The
validation of optimistic concurrency control, Kung and Robinson 1981, with time as the second transaction.) So most of
the work of a burst is done before it, while the stage waits for the broker, and lateness is not what a step costs.

Only the coming window is kept in memory. Not for every processor: see `Foreseeable`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, Protocol, runtime_checkable

from streams.runtime.clients import Codec
from streams.runtime.encoded import encoded
from streams.runtime.processor import Do, Processor, Wake
from streams.runtime.store import Change, Store, Timer
from streams.runtime.view import StateView

WINDOW_MS = 5_000
# A timer that is late by no more takes its step at the instant that it names, as event time has it.
PUNCTUAL_MS = 1_000
# About 2 kB each. A burst beyond that takes its further steps when they are due.
MOST_ACTS = 40_000
# How far the window moves on before it is looked into again: a look costs as much as a step.
GRAIN_MS = 1_000
# What was set within the window and not looked at yet. Beyond that it takes its step when it is due.
MOST_MISSED = 10_000

START = Timer(0, "")


@runtime_checkable
class Foreseeable(Processor, Protocol):
    """A processor whose step on a timer depends on its state, the timer, the time and `outlook`, and changes nothing
    else."""

    def outlook(self) -> object:
        """What else the step depends on, tables for instance, as something that differs once they have changed."""


def instant(wake_at: int, now_ms: int) -> int:
    """The time at which the step of a timer is taken (epoch ms): with or without a rehearsal the same."""
    return wake_at if 0 <= now_ms - wake_at <= PUNCTUAL_MS else now_ms


class Act(NamedTuple):
    """What one timer will do if `read`, the values by key, are still the same.

    `sends` and `changes` hold the fields of Encoded and Change as plain tuples: those of strings and numbers the
    garbage collector lets go of at first sight, while tens of thousands of named ones would keep it for 100 ms each
    time it looks at everything.
    """

    wake_at: int
    read: tuple[tuple[str, bytes | None], ...]
    sends: tuple[tuple[Any, ...], ...]
    changes: tuple[tuple[Any, ...], ...]
    additions: tuple[tuple[str, str, Mapping[str, int]], ...]


@dataclass(slots=True)
class Rehearsal:
    """The coming timers of one partition, in the order of their times."""

    processor: Foreseeable
    acts: OrderedDict[str, Act] = field(default_factory=OrderedDict)
    outlook: object = None
    # Every timer up to this one was looked at, or else was set later, and then it is in `missed`.
    reached: Timer = START
    unfinished: bool = False  # are there more behind it in the window as it was looked into?
    missed: deque[Timer] = field(default_factory=lambda: deque(maxlen=MOST_MISSED))

    def take(self, timer: Timer, now_ms: int, view: StateView) -> Act | None:
        """The act of a timer that is due, if it still holds in `view`."""
        act = self.acts.pop(timer.key, None)
        if act is None or act.wake_at != timer.wake_at or now_ms - act.wake_at > PUNCTUAL_MS:
            return None
        if self.processor.outlook() != self.outlook:
            return None
        for key, value in act.read:
            if not view.holds(key, value):
                return None
        return act

    def note(self, changes: Iterable[Change]) -> None:
        """What a transaction has written to the store: reminders in a few seconds, retries, snoozes."""
        horizon_ms = self.reached.wake_at
        for key, _, wake_at in changes:
            if wake_at is not None and wake_at <= horizon_ms:
                self.missed.append(Timer(wake_at, key))

    def forget(self, before_ms: int) -> None:
        """Drop the acts of timers that were due by then: they have been called off, or are taken anew."""
        acts = self.acts
        while acts and next(iter(acts.values())).wake_at < before_ms:
            acts.popitem(last=False)

    def advance(self, store: Store, codec: Codec, now_ms: int, limit: int) -> bool:
        """Rehearse the next `limit` timers of the window; is there more to rehearse?"""
        processor = self.processor
        outlook = processor.outlook()
        if outlook != self.outlook:
            self.acts.clear()
            self.outlook, self.reached = outlook, START
            self.missed.clear()
        if self.reached.wake_at < now_ms:
            self.reached = Timer(now_ms, "")
        if self.missed:
            timers = [self.missed.popleft() for _ in range(min(limit, len(self.missed)))]
        else:
            until_ms = now_ms + WINDOW_MS
            timers = list(islice(store.timers(until_ms, self.reached), limit))
            self.unfinished = len(timers) == limit
            self.reached = timers[-1] if self.unfinished else Timer(until_ms, "")
        for timer in timers:
            if timer.wake_at >= now_ms and (act := _act(processor, store, codec, timer)) is not None:
                self.acts[timer.key] = act
        return self.lags(now_ms)

    def lags(self, now_ms: int) -> bool:
        """Has the window moved on since it was last looked into, or was something set in it?"""
        behind_ms = now_ms + WINDOW_MS - self.reached.wake_at
        return bool(self.missed) or self.unfinished or behind_ms > GRAIN_MS


class _Witness(StateView):
    """Notes what a step reads."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.read: dict[str, bytes | None] = {}
        self.additions: list[tuple[str, str, Mapping[str, int]]] = []
        self.scanned = False

    def raw(self, key: str) -> bytes | None:
        if self.pending(key) is not None:
            return super().raw(key)
        found = self.read[key] = super().raw(key)
        return found

    def add(self, key: str, name: str, amounts: Mapping[str, int]) -> None:
        self.additions.append((key, name, amounts))

    def scan(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        self.scanned = True
        return super().scan(prefix)


def _act(processor: Processor, store: Store, codec: Codec, timer: Timer) -> Act | None:
    """None where only the step itself will tell: it reads what cannot be compared, or asks for an effect."""
    view = _Witness(store)
    try:
        raw = view.raw(timer.key)
        if raw is None:
            return None
        event = Wake(timer.key, store.decode(raw)[1])
        if event.value["wake_at"] != timer.wake_at:
            return None
        outputs = list(processor.step(view, event, timer.wake_at))
        sends = [encoded(codec, output) for output in outputs if not isinstance(output, Do)]
    except Exception:
        # What is wrong is dealt with, and told, when the timer is due.
        return None
    moved = view.pending(timer.key)
    if view.scanned or len(sends) < len(outputs) or moved is None or moved.wake_at == timer.wake_at:
        return None
    return Act(
        timer.wake_at,
        tuple(view.read.items()),
        tuple(map(tuple, sends)),
        tuple(map(tuple, view.changes())),
        tuple(view.additions),
    )
