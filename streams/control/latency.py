"""Quantiles of the recent past in constant memory: a histogram with geometric buckets, in two halves of a window.

A quantile is right to within one bucket, 10 %, which is finer than what is decided by it. As the sliding windows of
HdrHistogram and Prometheus summaries: the older half is dropped when the younger is full of time.
"""

from __future__ import annotations

from math import ceil, log
from typing import Final

FIRST_MS: Final = 1.0
GROWTH: Final = 1.1
BUCKETS: Final = 128  # up to 1 ms * 1.1 ** 127 = 180 s
_PER_BUCKET: Final = 1 / log(GROWTH)


class RecentLatency:
    """Over the last `window_ms` to `window_ms / 2`. Not thread-safe."""

    def __init__(self, window_ms: int) -> None:
        self._half_ms = window_ms // 2
        self._turned_ms = 0
        self._young, self._old = [0] * BUCKETS, [0] * BUCKETS
        self.count = 0

    def add(self, latency_ms: float, now_ms: int) -> None:
        self.turn(now_ms)
        self._young[_bucket(latency_ms)] += 1
        self.count += 1

    def turn(self, now_ms: int) -> None:
        """Forget what is too old."""
        since_ms = now_ms - self._turned_ms
        if 0 <= since_ms < self._half_ms:
            return
        gone = (
            self._old
            if 0 <= since_ms < 2 * self._half_ms
            else [a + b for a, b in zip(self._old, self._young, strict=True)]
        )
        kept = self._young if gone is self._old else [0] * BUCKETS
        self._old, self._young = kept, [0] * BUCKETS
        self.count -= sum(gone)
        self._turned_ms = now_ms

    def quantile_ms(self, q: float) -> float:
        """An upper bound of the value below which the share `q` lies; 0 when nothing is known."""
        left = ceil(q * self.count)
        if left <= 0:
            return 0.0
        for number in range(BUCKETS):
            left -= self._young[number] + self._old[number]
            if left <= 0:
                return FIRST_MS * GROWTH**number
        return FIRST_MS * GROWTH ** (BUCKETS - 1)


def _bucket(latency_ms: float) -> int:
    """The bucket whose upper bound is the first at or above the value."""
    if latency_ms <= FIRST_MS:
        return 0
    return min(BUCKETS - 1, ceil(log(latency_ms / FIRST_MS) * _PER_BUCKET - 1e-9))
