"""One partition number at this member: its state, its processor, how far it has read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from streams.runtime.dead_letters import DeadLetterRate
from streams.runtime.processor import Bounded, Processor
from streams.runtime.rehearsal import Foreseeable, Rehearsal
from streams.runtime.store import Store

MakeProcessor = Callable[[int], Processor]

# Some 500 bytes each; beyond that they are read again.
MOST_COUNTERS = 10_000

_tenures = itertools.count(1)


@dataclass(slots=True)
class Task:
    """A partition number that this member owns. `positions`: topic → next offset to read.

    Positions are the loop's own, seeded from the group's committed offsets, because what `Consumer.position()`
    says before the first record is -1001, and a transaction with such offsets fences nobody.
    """

    partition: int
    processor: Processor
    store: Store | None
    dead_letters: DeadLetterRate
    positions: dict[str, int] = field(default_factory=dict)
    # One stay of a partition at this member; answers of effects name the tenure that asked.
    tenure: int = field(default_factory=lambda: next(_tenures))
    restored: bool = False
    opened: bool = False
    # Why the partition stands still, and the monotonic second at which it is tried again.
    held_because: str = ""
    held_until_s: float = 0.0
    # Its first topic is not read for now: the processor is crowded.
    throttled: bool = False
    # epoch ms of the next timer; None: no timer. Kept here so that idle turns do not ask the store.
    next_wake_ms: int | None = None
    changelog_offset: int = 0
    # Counters of that name of all records, summed up: for the note beside the offsets (note.py).
    pending: int = 0
    # Records of counters as the last transaction left them (State.add): most are added to again soon.
    counters: dict[str, dict[str, Any]] = field(default_factory=dict)
    # What its coming timers will do, where that can be foreseen.
    rehearsal: Rehearsal | None = None
    # The processor, where it can be crowded.
    bounded: Bounded | None = None
    # An audit under way (audits.py).
    audit: Iterator[list[str] | None] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.processor, Foreseeable):
            self.rehearsal = Rehearsal(self.processor)
        if isinstance(self.processor, Bounded):
            self.bounded = self.processor

    @property
    def runs(self) -> bool:
        """May records and timers take their step?"""
        return self.opened and not self.held_because

    @property
    def crowded(self) -> bool:
        """Does its processor ask for no more?"""
        return self.bounded is not None and self.bounded.crowded

    @property
    def waits(self) -> bool:
        """Is it held for a while? Its answers wait with it; those of one that a person must look at come home."""
        return bool(self.held_because) and self.held_until_s != math.inf

    def remember(self, counters: Mapping[str, dict[str, Any]]) -> None:
        """Keep what a committed transaction has added up."""
        if len(self.counters) + len(counters) > MOST_COUNTERS:
            self.counters.clear()
        self.counters.update(counters)

    def close(self, *, sync: bool = False) -> None:
        """`sync`: as Store.close."""
        self.audit = None  # it reads the store
        if self.store:
            self.store.close(sync=sync)
            self.store = None
        self.restored = self.opened = False
