"""State, time and coroutines of a simulation: as the loop's, but quick enough for thousands of users in one process."""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator, Mapping
from typing import Any

from streams.runtime.clock import ManualClock
from streams.runtime.processor import Value, Wake


class IndexedState:
    """`State` in dictionaries, with a heap of timers and an index of the keys of each user."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {}
        self._of: dict[str, set[str]] = defaultdict(set)
        self._timers: list[tuple[int, str]] = []

    def get(self, key: str) -> dict[str, Any] | None:
        found = self.values.get(key)
        return None if found is None else _copy(found)

    def put(self, key: str, name: str, value: Value) -> None:  # noqa: ARG002
        self.values[key] = _copy(value)
        self._of[_owner(key)].add(key)
        wake_at = value.get("wake_at")
        if wake_at is not None:
            heapq.heappush(self._timers, (wake_at, key))

    def add(self, key: str, name: str, amounts: Mapping[str, int]) -> None:
        before = self.values.get(key, {})
        self.put(key, name, {field: before.get(field, 0) + amount for field, amount in amounts.items()})

    def delete(self, key: str) -> None:
        if self.values.pop(key, None) is not None:
            self._of[_owner(key)].discard(key)

    def scan(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        keys = self._of.get(prefix, ()) if prefix.count("|") >= 3 else self.values
        for key in sorted(k for k in keys if k.startswith(prefix)):
            yield key, _copy(self.values[key])

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, dict[str, Any]]]:
        return [pair for pair in self.scan(prefix) if pair[0] > after][:limit]

    def next_wake_ms(self) -> int | None:
        while self._timers:
            wake_at, key = self._timers[0]
            if self.values.get(key, {}).get("wake_at") == wake_at:
                return wake_at
            heapq.heappop(self._timers)
        return None

    def due(self, now_ms: int) -> Wake | None:
        """The earliest timer whose time has come."""
        wake_at = self.next_wake_ms()
        if wake_at is None or wake_at > now_ms:
            return None
        _, key = heapq.heappop(self._timers)
        return Wake(key, _copy(self.values[key]))


def _owner(key: str) -> str:
    """`c|acme|+1415` of `c|acme|+1415|r1|0|1|1`, with the separator that a scan would have."""
    parts = key.split("|")
    return "|".join(parts[:3]) + "|" if len(parts) > 3 else ""


def _copy(value: Value) -> dict[str, Any]:
    return {k: v.copy() if isinstance(v, dict | list) else v for k, v in value.items()}


class Pause(Awaitable[None]):
    """What a coroutine of the simulation waits for: time."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def __await__(self) -> Generator[Pause, None, None]:
        yield self


class Calendar:
    """What happens when. Time jumps from one thing to the next."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self._number = itertools.count()
        self._entries: list[tuple[int, int, Callable[[], None]]] = []

    def after(self, ms: int, do: Callable[[], None]) -> None:
        heapq.heappush(self._entries, (self.clock.now_ms() + ms, next(self._number), do))

    def next_ms(self) -> int | None:
        return self._entries[0][0] if self._entries else None

    def take(self) -> Callable[[], None] | None:
        """What is to be done now."""
        if self._entries and self._entries[0][0] <= self.clock.now_ms():
            return heapq.heappop(self._entries)[2]
        return None

    def drive(self, coroutine: Coroutine[Any, Any, Any], done: Callable[[Any], None]) -> None:
        """Run a coroutine that waits for nothing but `Pause`."""
        try:
            pause = coroutine.send(None)
        except StopIteration as end:
            done(end.value)
        else:
            self.after(pause.ms, lambda: self.drive(coroutine, done))
