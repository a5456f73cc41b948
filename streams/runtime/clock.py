"""Time as a parameter: one Clock for the whole pipeline.

Wall time is anchored to the monotonic clock when the process starts, so a step of the system's clock
neither fires a reminder early nor stalls it. Times are epoch milliseconds, UTC; ages and deadlines use
`monotonic_s`.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall time in epoch milliseconds; never goes back within a process."""

    def monotonic_s(self) -> float:
        """Seconds of a clock that only goes forward; its zero means nothing."""


class SystemClock:
    """The machine's clock, read once and carried on by the monotonic clock."""

    def __init__(self) -> None:
        self._offset_ms = time.time() * 1000 - time.monotonic() * 1000

    def now_ms(self) -> int:
        return int(self._offset_ms + time.monotonic() * 1000)

    def monotonic_s(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now_ms: int = 1_795_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_s = 1_000.0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by `seconds`."""
        self._now_ms += round(seconds * 1000)
        self._monotonic_s += seconds
