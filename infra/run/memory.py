"""Memory that a burst has left free is given back to the system.

glibc keeps what was freed, in an arena for each of the client library's threads: after a backlog of 100,000 requests
a stage held 90 MB, of which it used 42. Linux with glibc alone has `malloc_trim`; elsewhere nothing is done.
"""

from __future__ import annotations

import ctypes
import threading
from pathlib import Path

STATUS = Path("/proc/self/status")
LOOK_EVERY_S = 1.0
WORTH_BYTES = 16 * 2**20  # a trim takes some milliseconds
# Between two trims that free nothing, because it is all in use.
MOST_LOOKS = 60


def anonymous_bytes() -> int:
    """What this process holds beside files and shared pages (RssAnon of proc_pid_status(5)); 0: not to be known."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)


class GiveBack:
    """A thread that trims the heap while it is larger by WORTH_BYTES than it ever was after a trim."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="give-back", daemon=True)

    def __enter__(self) -> GiveBack:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            trim = ctypes.CDLL(None).malloc_trim
        except (OSError, AttributeError):  # not glibc
            return
        least, looks = anonymous_bytes(), 1
        while least and not self._stop.wait(LOOK_EVERY_S * looks):
            before = anonymous_bytes()
            if before < least + WORTH_BYTES:
                looks = 1
                continue
            trim(0)
            after = anonymous_bytes()
            least = min(least, after)
            looks = 1 if before - after > WORTH_BYTES // 4 else min(2 * looks, MOST_LOOKS)
