"""Time as a parameter: one Clock for the whole pipeline.

Wall time is anchored to a steady clock, so a step of the system's clock neither fires a reminder early nor stalls it.
What the broker says of the time is the second opinion (`second_opinion.py`, which says which clock wins): where both
differ by more than a tolerance, timers are held. Times are epoch milliseconds, UTC; ages and deadlines use
`monotonic_s`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from streams.metrics import Metrics, NoMetrics
from streams.runtime.second_opinion import Line, SecondOpinion, Verdict

log = logging.getLogger("ringback.clock")

TOLERANCE_S = 5.0
# Two clocks are read one after the other; if more than this lies between, we were put to sleep there: read again.
READ_MS, READ_TRIES = 1.0, 5
TELL_EVERY_MS = 1_000.0


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall time in epoch milliseconds; never goes back within a process, but when it is found wrong."""

    def monotonic_s(self) -> float:
        """Seconds of a clock that only goes forward; its zero means nothing."""


def _steady() -> Callable[[], float]:
    """Linux's CLOCK_BOOTTIME goes on while the machine is suspended, CLOCK_MONOTONIC stands still."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    if boottime is None:
        return time.monotonic
    return partial(time.clock_gettime, boottime)


class SystemClock:
    """The machine's clock, carried on by a steady one and checked against the broker's. Thread-safe: one a process.

    `wall_s` and `steady_s` are where time comes from. Who reads and writes Kafka brings evidence (`appended`,
    `polled`, in steady seconds) and asks `may_fire` before timers; who only asks for the time needs none of it.
    """

    def __init__(
        self,
        tolerance_s: float = TOLERANCE_S,
        *,
        wall_s: Callable[[], float] = time.time,
        steady_s: Callable[[], float] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._wall_s = wall_s
        self.monotonic_s = steady_s or _steady()
        self._metrics = metrics or NoMetrics()
        self._lock = threading.Lock()
        self._opinion = SecondOpinion(*self._read(), tolerance_s * 1000)
        self._line = _per_second(self._opinion.line)
        self._told = Verdict.OK, 0
        self._told_ms = 0.0
        self._wall_told = False

    def now_ms(self) -> int:
        zero_ms, ms_per_s = self._line
        return int(zero_ms + self.monotonic_s() * ms_per_s)

    # -- the second opinion

    def appended(self, append_ms: int, sent_s: float) -> None:
        """A record that we sent at `sent_s` was appended then, and it is reported to us just now."""
        with self._lock:
            self._opinion.appended(append_ms, sent_s * 1000, self.monotonic_s() * 1000)

    def polled(self, append_ms: int) -> None:
        """A record that was appended then has just been polled."""
        with self._lock:
            self._opinion.polled(append_ms, self.monotonic_s() * 1000)

    def silent(self) -> None:
        """The broker does not tell its time: from now on nothing is held for lack of a second opinion."""
        with self._lock:
            alone = self._opinion.verdict is Verdict.UNPROVEN
            self._opinion.silent()
        if alone:
            log.warning(
                "the broker tells no append times (dead.letters is to have LogAppendTime): trusting our clock"
            )

    def wants_evidence(self) -> bool:
        """Should the caller ask the broker for its time? True at most once a second, and for one caller."""
        with self._lock:
            return self._opinion.wants_evidence(self.monotonic_s() * 1000)

    def may_fire(self) -> bool:
        """Judge by all evidence; False: timers wait. Asked once a turn, before timers are looked at."""
        with self._lock:
            wall_ms, steady_ms = self._read()
            verdict = self._opinion.rule(wall_ms, steady_ms)
            self._line = _per_second(self._opinion.line)
            if (verdict, self._opinion.anchored) != self._told or steady_ms - self._told_ms > TELL_EVERY_MS:
                self._tell(verdict, steady_ms)
        return verdict is Verdict.OK

    def _read(self) -> tuple[float, float]:
        """Wall and steady clock of one instant, ms."""
        for _ in range(READ_TRIES):
            before_ms = self.monotonic_s() * 1000
            wall_ms = self._wall_s() * 1000
            steady_ms = self.monotonic_s() * 1000
            if steady_ms - before_ms <= READ_MS:
                break
        return wall_ms, steady_ms

    def _tell(self, verdict: Verdict, steady_ms: float) -> None:
        """Metrics each second, and a word of the log for each change."""
        opinion = self._opinion
        before, anchored = self._told
        self._metrics.set("ringback_clock_held", int(verdict is Verdict.HOLD))
        self._metrics.set("ringback_clock_off_seconds", opinion.off_ms / 1000)
        self._metrics.set("ringback_clock_wall_off_seconds", opinion.wall_off_ms / 1000)
        if opinion.anchored > anchored:
            self._metrics.inc("ringback_clock_anchored_total", opinion.anchored - anchored)
            log.warning("our time was wrong, and is anchored anew: the wall clock and the broker agree")
        if verdict is Verdict.HOLD and before is not Verdict.HOLD:
            log.error(
                "timers are held: our clock is %.1f s %s the broker's, and the machine's wall clock does not agree "
                "with the broker's either; set the one that is wrong",
                abs(opinion.off_ms) / 1000,
                "ahead of" if opinion.off_ms > 0 else "behind",
            )
        elif before is Verdict.HOLD and verdict is Verdict.OK:
            log.warning("timers go on: our clock and the broker's agree again")
        self._told, self._told_ms = (verdict, opinion.anchored), steady_ms


def _per_second(line: Line) -> tuple[float, float]:
    """The same line for fewer steps in `now_ms`: time (ms) at 0 of the steady clock, ms a second of it."""
    return line.at(0.0), line.rate * 1000


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now_ms: int = 1_795_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_s = 1_000.0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by `seconds`."""
        self._now_ms += round(seconds * 1000)
        self._monotonic_s += seconds
