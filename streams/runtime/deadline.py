"""One monotonic budget that is handed down, instead of a timeout at every level."""

from __future__ import annotations

import time


class Deadline:
    """`seconds` from now; callees ask what is left, so nested waits never add up."""

    def __init__(self, seconds: float) -> None:
        self._end_s = time.monotonic() + seconds

    def left_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end_s - time.monotonic())

    @property
    def passed(self) -> bool:
        return self.left_s() == 0.0
