"""A retry budget: tries again may not be more than a share of first tries, beyond a floor.

A bucket of tokens for each account under a cap of `per_second` starts:

    each first try          +0.2 tokens
    each second             +max(0.2, per_second / 3) tokens     the floor
    each try again          -1 token; without one it waits
    never more than         10 s of the floor, at least 10 tokens

So when the carrier has been away, what it left behind drains at no more than a third of the cap and a fifth of the
present load. The rest is for the reminders that are due now, which never ask the budget, and for the second attempts of
those that drained and were not answered: with half of the cap instead, the town of tests/property/outage was saturated
for minutes. The shape is Finagle's RetryBudget (20 % of requests, a floor a second, a bounded credit); the reason is
Google's SRE book, "Handling Overload".

A member keeps one for each tenant whose attempts it owns, so N members drain N floors; the gate's cap holds over all.
Not thread-safe; times are epoch ms.
"""

from __future__ import annotations

from typing import Final

SHARE: Final = 0.2
FLOOR_OF_CAP: Final = 1 / 3
LEAST_FLOOR: Final = 0.2
CREDIT_S: Final = 10.0
LEAST_CREDIT: Final = 10.0


class RetryBudget:
    """`per_second` is the cap of the account."""

    def __init__(self, per_second: float, now_ms: int) -> None:
        self._floor = max(LEAST_FLOOR, per_second * FLOOR_OF_CAP)
        self._most = max(LEAST_CREDIT, self._floor * CREDIT_S)
        self._tokens = self._most
        self._at_ms = now_ms

    def first(self, now_ms: int) -> None:
        """An attempt goes out for the first time."""
        self._refill(now_ms)
        self._tokens = min(self._most, self._tokens + SHARE)

    def wait_ms(self, now_ms: int) -> int:
        """0: a try again may go out; else the time until it could, if nobody else asked."""
        self._refill(now_ms)
        return 0 if self._tokens >= 1 else max(1, int((1 - self._tokens) / self._floor * 1000))

    def again(self, now_ms: int) -> None:
        """A try again goes out."""
        self._refill(now_ms)
        self._tokens = max(0.0, self._tokens - 1)  # in shadow it goes out all the same

    def _refill(self, now_ms: int) -> None:
        passed_s = max(0, now_ms - self._at_ms) / 1000
        self._tokens = min(self._most, self._tokens + passed_s * self._floor)
        self._at_ms = max(self._at_ms, now_ms)
