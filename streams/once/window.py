"""How many claims an owner may have that are not posted yet: no more than it can post in time.

A claim is worth two seconds (`CLAIM_MAX_AGE_MS`); one that comes to its request later is given back, and all the work
on it was for nothing. How many can be posted within that depends on machine, broker, gate and carrier, and changes, so
the bound is found by what happened to the last ones: it grows by one for each claim that was posted early, and is
halved, once a round, when one was late. (Additive increase, multiplicative decrease, as TCP's; RFC 5681, section 3.1,
is where "one for each" comes from: it doubles within a round.) What finds no room waits in a line in memory; when the
line is long, the owner takes no more from its input until it is short.
"""

from __future__ import annotations

EARLY_MS = 300
LATE_MS = 700
START, LEAST, MOST = 32, 4, 1_000
# Hysteresis: reading on is a request to the broker, not a thing to do for each claim.
CROWDED, RELIEVED = 400, 100


class ClaimWindow:
    """The bound of one tenure, in claims."""

    def __init__(self) -> None:
        self.size = START
        self._halved_ms = 0

    def posted(self, age_ms: int, now_ms: int) -> None:
        """A claim has come to its request, or was too old for it, `age_ms` after it was made."""
        if age_ms <= EARLY_MS:
            self.size = min(MOST, self.size + 1)
        elif age_ms > LATE_MS and now_ms - self._halved_ms > age_ms:
            # Claims of the same round are late for the same reason.
            self.size = max(LEAST, self.size // 2)
            self._halved_ms = now_ms


class Line:
    """Attempts that wait for room in the window, first come, first served. Memory of one tenure."""

    def __init__(self) -> None:
        self._keys: dict[str, None] = {}
        self._crowded = False

    def __len__(self) -> int:
        return len(self._keys)

    def join(self, key: str) -> None:
        """Whoever stands in it already keeps the place."""
        self._keys.setdefault(key)

    def leave(self, key: str) -> None:
        self._keys.pop(key, None)

    def pop(self) -> str | None:
        """The first in the line."""
        first = next(iter(self._keys), None)
        if first is not None:
            del self._keys[first]
        return first

    @property
    def crowded(self) -> bool:
        """Should nobody join it now?"""
        self._crowded = len(self._keys) > (RELIEVED if self._crowded else CROWDED)
        return self._crowded
