"""What is said again and again is said once in a while: ten clients of one process retry the same dead broker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable

QUIET_S = 5.0


class Repeats:
    """Lets each thing through once in `QUIET_S`."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._said_s: dict[Hashable, float] = {}

    def says(self, what: Hashable) -> bool:
        now_s = self._now_s()
        if now_s - self._said_s.get(what, -QUIET_S) < QUIET_S:
            return False
        self._said_s[what] = now_s
        return True


class OnceInAWhile(logging.Filter):
    """For the logger of a library that tells of each try: of one message, whatever is put into it, one line a while."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._repeats = Repeats(now_s)

    def filter(self, record: logging.LogRecord) -> bool:
        return self._repeats.says((record.name, record.levelno, str(record.msg)))
