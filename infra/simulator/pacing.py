"""A queue that lets through so many a second: how the carrier treats calls beyond an account's CPS."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

CATCH_UP_S = 0.05  # what a late event loop may let through at once, so that a high pace is kept on average


class FullError(Exception):
    """The queue has reached its limit; the API answers 429."""


class Pace:
    """`start` runs at once or in its turn. One per account and kind; used from one event loop."""

    def __init__(self, per_second: float | None, limit: int) -> None:
        self._interval_s = None if per_second is None else 1.0 / per_second
        self._limit = limit
        self._waiting: deque[Callable[[], None]] = deque()
        self._next_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def submit(self, start: Callable[[], None]) -> int:
        """Take it; the estimate of its wait in ms. Raises FullError."""
        if self._interval_s is None:
            start()
            return 0
        if len(self._waiting) >= self._limit:
            raise FullError
        now = time.monotonic()
        if not self._waiting:
            self._next_at = max(self._next_at, now)  # time without work is not saved up
        estimate_s = self._next_at - now + len(self._waiting) * self._interval_s
        self._waiting.append(start)
        self._run(now)
        return int(estimate_s * 1000)

    def withdraw(self, start: Callable[[], None]) -> None:
        """Something cancelled while it waits frees its place."""
        if start in self._waiting:
            self._waiting.remove(start)

    def close(self) -> None:
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self, now: float) -> None:
        assert self._interval_s is not None
        while self._waiting and self._next_at <= now:
            self._next_at = max(self._next_at, now - CATCH_UP_S) + self._interval_s
            self._waiting.popleft()()
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, self._next_at - now), self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._run(time.monotonic())
