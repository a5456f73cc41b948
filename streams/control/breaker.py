"""A circuit breaker for one carrier account: when it fails, stop asking, and find out with a few when it is back.

             half of at least 5 requests failed,
             or the account was refused                      opened long enough
    CLOSED ────────────────────────────────────▶ OPEN ─────────────────────────▶ HALF_OPEN
       ▲                                           ▲                                  │
       │                                           └──────── a probe failed ──────────┤
       └───────────────────────────── 3 probes in a row went well ────────────────────┘

Written here and not taken from a library (pybreaker, aiobreaker, purgatory): those read the wall clock, count failures
in a row only, and guard one function; this one takes the time as a parameter, counts a share of a window, and is asked
in two places, before a claim is made and before its request is sent. Pattern: M. Nygard, "Release It!", chapter 5.

Not thread-safe; times are epoch ms.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

from streams.retry import full_jitter_ms

State = Literal["closed", "half_open", "open"]

WINDOW_MS: Final = 30_000  # twice the read timeout, so that requests that time out meet in one window
BUCKETS: Final = 6
LEAST_FAILURES: Final = 5
SHARE: Final = 0.5
OPEN_BASE_MS: Final = 5_000
OPEN_CAP_MS: Final = 60_000
PROBES: Final = 3
# What was claimed for a probe and was not sent by then will not be: a claim lives for 2 s.
RESERVED_MS: Final = 2_500
PLAIN: Final = 0  # the token of a request that is no probe


class Breaker:
    """`seed` tells apart the breakers of many members, so that they do not probe in the same moment."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._state: State = "closed"
        self._width_ms = WINDOW_MS // BUCKETS
        self._buckets: deque[list[int]] = deque(maxlen=BUCKETS)  # [number of the bucket, requests, failures]
        self._until_ms = 0
        self._rounds = 0
        self._opening = 0  # counts the times it was half open; the token of a probe
        self._probing = 0
        self._went_well = 0
        self._reserved: deque[int] = deque()
        self.because = ""
        self.closed_at = 0  # when an outage was last over; 0: there was none

    def state(self, now_ms: int) -> State:
        if self._state == "open" and now_ms >= self._until_ms:
            self._state, self._probing, self._went_well = "half_open", 0, 0
            self._opening += 1
            self._reserved.clear()
        return self._state

    # -- before a claim

    def wait_ms(self, now_ms: int) -> int:
        """0: an attempt may be claimed now; else ask again after so many ms."""
        state = self.state(now_ms)
        if state == "closed":
            return 0
        if state == "open":
            return self._until_ms - now_ms
        while self._reserved and self._reserved[0] + RESERVED_MS <= now_ms:
            self._reserved.popleft()
        return 0 if len(self._reserved) + self._probing < PROBES else 1_000

    def reserve(self, now_ms: int) -> None:
        """An attempt was claimed: while half open, its request will be one of the probes."""
        if self.state(now_ms) == "half_open":
            self._reserved.append(now_ms)

    # -- before a request, and after it

    def enter(self, now_ms: int) -> int | None:
        """None: no request may be sent now. Else a token, with which `leave` must follow."""
        state = self.state(now_ms)
        if state == "closed":
            return PLAIN
        if state == "open" or self._probing >= PROBES:
            return None
        self._probing += 1
        if self._reserved:
            self._reserved.popleft()
        return self._opening

    def leave(self, token: int, failed: bool | None, now_ms: int) -> None:
        """The request has its answer: it failed, it went well, or (None) that says nothing about the carrier.

        While half open only its own probes count: an answer from before tells of the outage that is known.
        """
        if self.state(now_ms) == "half_open":
            if token != self._opening:
                return
            self._probing -= 1
            if failed:
                self._open(now_ms, "a probe failed")
            elif failed is False:
                self._went_well += 1
                if self._went_well >= PROBES:
                    self._close(now_ms)
        elif self._state == "closed" and failed is not None:
            self._count(failed, now_ms)

    def trip(self, now_ms: int, because: str) -> None:
        """Every request would fail alike, so do not ask for a while: at once for as long as it ever is open."""
        self._rounds = 8
        self._open(now_ms, because)

    # -- inside

    def _count(self, failed: bool, now_ms: int) -> None:
        number = now_ms // self._width_ms
        if not self._buckets or self._buckets[-1][0] != number:
            self._buckets.append([number, 0, 0])
        self._buckets[-1][1] += 1
        self._buckets[-1][2] += failed
        if failed:
            fresh = [b for b in self._buckets if b[0] > number - BUCKETS]
            requests, failures = sum(b[1] for b in fresh), sum(b[2] for b in fresh)
            if failures >= LEAST_FAILURES and failures >= SHARE * requests:
                self._open(now_ms, f"{failures} of {requests} requests failed")

    def _open(self, now_ms: int, because: str) -> None:
        ceiling_ms = min(OPEN_CAP_MS, OPEN_BASE_MS << self._rounds)
        # Half of it for certain, the other half by the dice (equal jitter).
        half_ms = ceiling_ms // 2
        self._until_ms = now_ms + half_ms + full_jitter_ms(f"{self._seed}|{now_ms}", 0, half_ms, half_ms)
        self._state, self.because = "open", because
        self._rounds = min(self._rounds + 1, 8)

    def _close(self, now_ms: int) -> None:
        self._state, self._rounds, self.because = "closed", 0, ""
        self._buckets.clear()
        self._reserved.clear()
        self.closed_at = now_ms
