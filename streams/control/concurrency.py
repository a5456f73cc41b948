"""How many requests may be out at the carrier at once: additive increase, multiplicative decrease.

    no room (429, 10004)      window = max(least, 0.7 * window), once for all that was sent before the last decrease
    answered, window in use   window = min(cap, window + 1 / window), so by one for each window of answers

The carrier limits concurrent requests of an account and says so (429, "exceeds allowed concurrency"), and such a
request was never processed: the plain signal that AIMD needs (Chiu and Jain 1989; TCP's congestion avoidance, RFC
5681). Timeouts and 5xx are no such signal, and a few of them would keep the window small for ever. A gradient of the
latency (Vegas, Netflix' concurrency-limits) was not taken: the latency of a carrier says more about its own day than
about our load, and to shrink the window for it would delay reminders without helping anybody.

It begins at the cap: nothing is taken from who was never refused. Not thread-safe; times are epoch ms.
"""

from __future__ import annotations

from typing import Final

LEAST: Final = 4
DECREASE: Final = 0.7


class ConcurrencyLimit:
    """`cap` is what the connection pool holds. `limit` is what the rule would allow now."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self._least = min(LEAST, cap)
        self._size = float(cap)
        self._decreased_ms = -1

    @property
    def limit(self) -> int:
        return int(self._size)

    def answered(self, in_flight: int) -> None:
        """A request was acted upon, or refused for what it asks. `in_flight`: with it, how many were out."""
        if self._size < self.cap and 2 * in_flight >= self._size:
            self._size = min(float(self.cap), self._size + 1 / self._size)

    def no_room(self, sent_ms: int, now_ms: int) -> bool:
        """The carrier had no room for a request sent at `sent_ms`; True when the window shrank for it."""
        if sent_ms <= self._decreased_ms:
            return False  # sent under the old window: that it was too large is known
        self._size = max(float(self._least), self._size * DECREASE)
        self._decreased_ms = now_ms
        return True
