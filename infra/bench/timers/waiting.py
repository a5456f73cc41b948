"""Waiting for a condition that nothing announces."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_S = 0.02


def until(holds: Callable[[], bool], otherwise: str, timeout_s: float, poll_s: float = POLL_S) -> None:
    """Raises TimeoutError with the words of `otherwise`. `poll_s`: longer where asking costs something."""
    end_s = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end_s:
            raise TimeoutError(otherwise)
        time.sleep(poll_s)
