"""Waiting for a condition of the world that nothing announces: a process, a broker, another thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 40.0
POLL_S = 0.01

Found = TypeVar("Found")


def until(
    true: Callable[[], Found],
    what: str,
    patience_s: float = PATIENCE_S,
    poll_s: float = POLL_S,
    more: Callable[[], object] = str,
) -> Found:
    """The first true value of `true`; fails with `what` did not come within `patience_s`.

    `more`: what else the failure should say, such as the end of a log. It is asked only then.
    """
    end_s = time.monotonic() + patience_s
    while not (found := true()):
        assert time.monotonic() < end_s, f"did not happen within {patience_s} s: {what}\n{more()}".rstrip()
        time.sleep(poll_s)
    return found
