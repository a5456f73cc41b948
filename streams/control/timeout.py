"""The read timeout that the carrier's latency asks for, upward only.

    timeout = min(cap, max(configured, 3 * q99))    over the last 5 to 10 minutes

A timeout that is too short costs an UNKNOWN: a call that nobody may repeat, up to two minutes of not knowing, perhaps a
reminder that ends NOT_PLACED. One that is too long costs a place in the window of requests for a while. So it is never
below what is configured, whatever is observed, and it only rises while the carrier is slow, not while it is away:
a request that ran into the timeout counts with the time that it had (it would have taken longer), but as long as fewer
than half of the requests were answered, the configured value holds.
"""

from __future__ import annotations

from typing import Final

from streams.control.latency import RecentLatency

WINDOW_MS: Final = 600_000
LEAST: Final = 100
QUANTILE: Final = 0.99
FACTOR: Final = 3.0
DECIDE_EVERY_MS: Final = 1_000


class AdaptiveTimeout:
    """`floor_ms` is the configured timeout, `cap_ms` what it never exceeds (at least `floor_ms`). Not thread-safe."""

    def __init__(self, floor_ms: int, cap_ms: int) -> None:
        self._floor_ms, self._cap_ms = floor_ms, max(floor_ms, cap_ms)
        self._all = RecentLatency(WINDOW_MS)
        self._answered = RecentLatency(WINDOW_MS)
        self._decided_ms = -DECIDE_EVERY_MS
        self._timeout_ms = floor_ms

    def observe(self, latency_ms: float, answered: bool, now_ms: int) -> None:
        """A request was answered after that long, or was given up after it."""
        self._all.add(latency_ms, now_ms)
        if answered:
            self._answered.add(latency_ms, now_ms)

    def timeout_ms(self, now_ms: int) -> int:
        """For a request that is sent now."""
        if 0 <= now_ms - self._decided_ms < DECIDE_EVERY_MS:
            return self._timeout_ms
        self._decided_ms = now_ms
        self._all.turn(now_ms)
        self._answered.turn(now_ms)
        self._timeout_ms = self._floor_ms
        if self._all.count >= LEAST and 2 * self._answered.count >= self._all.count:
            wanted_ms = round(FACTOR * self._all.quantile_ms(QUANTILE))
            self._timeout_ms = min(self._cap_ms, max(self._floor_ms, wanted_ms))
        return self._timeout_ms
