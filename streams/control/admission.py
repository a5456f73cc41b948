"""What the owners of attempts ask before they claim one: may it go out now, or when shall it ask again?

An attempt that is told to wait is not claimed: it stays WAITING with a timer in the state. So waiting costs no try, no
gate and no request, and cannot end as UNKNOWN. `streams/control/account.py` is the real thing; like the table of
tenants it is shared memory that a step reads; what a step tells it, it tells again when its transaction was aborted.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from streams.once.gate import Cap


class Timing(NamedTuple):
    """When an attempt was to start, by when it makes sense, and the how-manieth try it is (from 1). Epoch ms."""

    try_: int
    start_at: int
    end_at: int


class Admission(Protocol):
    def wait_ms(self, key: str, cap: Cap, timing: Timing, now_ms: int) -> int:
        """0: claim it; else ask again after so many ms. `key` spreads those who wait."""

    def claimed(self, cap: Cap, timing: Timing, now_ms: int) -> None:
        """It was claimed."""

    def unsent(self, reason: str) -> None:
        """A try certainly did not reach the carrier, or was refused by it: another one follows, or the end."""


class Unguarded:
    """Everybody may always go."""

    def wait_ms(self, key: str, cap: Cap, timing: Timing, now_ms: int) -> int:  # noqa: ARG002
        return 0

    def claimed(self, cap: Cap, timing: Timing, now_ms: int) -> None: ...

    def unsent(self, reason: str) -> None: ...
