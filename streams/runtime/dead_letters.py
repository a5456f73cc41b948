"""Dead letters: bytes that cannot be processed are set aside, with the reason, in the same transaction.

They have a limit. A flood of them means that our deploy is bad, not that the world is: more than a share of the
records within a minute stops the partition, with an alarm, before the topic is emptied into `dead.letters`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass

from streams.runtime.processor import Poison, Value

# What librdkafka lets into one record is 1,000,000 bytes (message.max.bytes), less what a batch adds to it.
MAX_RECORD_BYTES = 990_000
# A value of the broker's greatest size (1 MiB) would not fit again with its envelope, and the key stands in it twice.
MAX_VALUE_BYTES = 900_000
MAX_KEY_BYTES = 40_000
_DETAIL_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Source:
    """Where a dead letter came from; for a timer the changelog, whose offset is not known (-1)."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None

    @property
    def short_key(self) -> bytes | None:
        """The key as the dead letter carries it: cut where it is absurdly long."""
        return self.key[:MAX_KEY_BYTES] if self.key is not None else None


def dead_letter(source: Source, poison: Poison, now_ms: int) -> Value:
    """The DeadLetter record; a value too large for the broker is cut, its length and hash tell of it."""
    value = source.value
    return {
        "source_topic": source.topic,
        "source_partition": source.partition,
        "source_offset": source.offset,
        "source_timestamp": source.timestamp_ms,
        "reason": poison.reason,
        "detail": poison.detail[:_DETAIL_CHARS],
        "key": source.short_key,
        "value": value[:MAX_VALUE_BYTES] if value is not None else None,
        "value_length": len(value) if value is not None else 0,
        "value_sha256": hashlib.sha256(value or b"").hexdigest(),
        "at": now_ms,
    }


@dataclass(frozen=True, slots=True)
class DeadLetterLimit:
    """More than `share` of at least `records` records within `window_s` stops the partition."""

    share: float = 0.10
    records: int = 1_000
    window_s: float = 60.0


class DeadLetterRate:
    """Counts a partition's records and dead letters over a sliding window, in steps of a second."""

    def __init__(self, limit: DeadLetterLimit) -> None:
        self._limit = limit
        self._seconds: deque[tuple[int, int, int]] = deque()  # (second, events, dead letters)
        self._events = self._dead = 0  # their sums

    def add(self, events: int, dead: int, now_s: float) -> bool:
        """Note what one transaction held, records and timers alike; True when the limit is passed."""
        self._events, self._dead = self._events + events, self._dead + dead
        second = int(now_s)
        if self._seconds and self._seconds[-1][0] == second:
            _, events_before, dead_before = self._seconds.pop()
            events, dead = events + events_before, dead + dead_before
        self._seconds.append((second, events, dead))
        while self._seconds[0][0] <= now_s - self._limit.window_s:
            _, events_then, dead_then = self._seconds.popleft()
            self._events, self._dead = self._events - events_then, self._dead - dead_then
        return self._events >= self._limit.records and self._dead > self._limit.share * self._events
