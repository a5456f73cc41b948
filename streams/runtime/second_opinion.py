"""Is our clock right? A pure judge between three clocks: the machine's wall clock, a steady one, and the broker's.

Our own time is carried on by the *steady* clock from where it was last anchored, so a step of the wall clock changes
nothing. The broker's append times are the second opinion. All are compared as offsets, "time minus steady clock":

- a delivery report bounds the broker's offset from both sides: sent <= appended <= reported. What agrees with the
  bounds that we have makes them tighter, what contradicts them replaces them: somebody jumped, or drifted;
- a polled record bounds it from below only: its append time is past. An old one, in catch-up, says nothing; one that
  the bounds do not allow is a reason to ask, and no more, since a broker that was set back leaves such records behind;
- where there is doubt a caller is asked to ask the broker at once (`wants_evidence`), else once a minute.

Which clock wins. Due times are made from append times, event time is clamped to them, and they are the one clock that
all members share: so the broker wins, and our own time is drawn towards it, at most SLEW_RATE faster or slower than
the steady clock. That is slow drift, of either, followed. It wins only up to the tolerance. Beyond it one of the two
is wrong, nobody here can tell which, and a timer that fires by the wrong one wakes people at night: then the verdict
is HOLD, and the time we report is the earlier of the two, so that records which flow on are not past due by either.
The wall clock is a witness: if it agrees with the broker, our own time is the odd one (the machine was paused, or
started with a wrong clock that has been set since) and is anchored anew. Otherwise a HOLD ends when the broker
comes back to us.

The idea of intersecting intervals, false tickers left out, is Marzullo's (RFC 5905, section 11.2.1).
"""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

# Our own time goes at most this much faster or slower than the steady clock while it is drawn to the broker's,
# and the less the nearer it is: in a stall of up to SLEW_MS it does not overshoot.
SLEW_RATE = 0.05
SLEW_MS = 10_000.0
# A wall clock that has moved by more than this against the steady one was set, and a record that is by so much later
# than the broker's clock allows is a sign: something happened, ask the broker.
STEP_MS = 50.0
SOON_MS, ONCE_A_WHILE_MS = 1_000.0, 60_000.0


class Verdict(Enum):
    """May timers fire? UNPROVEN: no broker has told its time yet."""

    UNPROVEN = "unproven"
    OK = "ok"
    HOLD = "hold"


class Line(NamedTuple):
    """Time (epoch ms) as a function of the steady clock (ms): a point and a slope."""

    steady_ms: float
    time_ms: float
    rate: float = 1.0

    def at(self, steady_ms: float) -> float:
        return self.time_ms + (steady_ms - self.steady_ms) * self.rate


class SecondOpinion:
    """Evidence in, verdict out. Times are ms; `steady_ms` may not go back. Not thread-safe."""

    def __init__(self, wall_ms: float, steady_ms: float, tolerance_ms: float) -> None:
        self._tolerance_ms = tolerance_ms
        self._own = Line(steady_ms, wall_ms)
        self.line = self._own
        """What to tell whoever asks for the time."""
        self.verdict = Verdict.UNPROVEN
        self.off_ms = 0.0
        """How far our own time is ahead of what the broker's allows, negative when it is behind."""
        self.anchored = 0
        """How often the wall clock and the broker have overruled our own time."""
        self.wall_off_ms = 0.0
        """The wall clock less our own time."""
        self._low, self._high = -math.inf, math.inf
        self._proved_ms = -math.inf
        self._asked_ms = -math.inf
        self._wall_then = wall_ms - steady_ms
        self._new_proof = False
        self._doubt = False

    # -- evidence

    def appended(self, append_ms: int, sent_ms: float, reported_ms: float) -> None:
        """A record of ours, sent and reported at these steady times, was appended then by the broker's clock."""
        # Append times are cut to whole milliseconds: 7 is anything from 7 to 8.
        low, high = append_ms - reported_ms, append_ms + 1 - sent_ms
        if low > self._high or high < self._low:
            self._low, self._high = low, high
        else:
            self._low, self._high = max(low, self._low), min(high, self._high)
        self._proved_ms = reported_ms
        self._new_proof, self._doubt = True, False

    def polled(self, append_ms: int, polled_ms: float) -> None:
        """A record that we read at this steady time was appended then by the broker's clock."""
        if append_ms - polled_ms > self._high + STEP_MS:
            self._doubt = True

    def silent(self) -> None:
        """The broker does not tell append times (its topics keep the producers'): there is no second opinion."""
        if self.verdict is Verdict.UNPROVEN:
            self.verdict = Verdict.OK

    def wants_evidence(self, steady_ms: float) -> bool:
        """Should somebody go and ask the broker now? True at most once in SOON_MS."""
        urgent = self.verdict is not Verdict.OK or self._doubt
        wait_ms = SOON_MS if urgent else ONCE_A_WHILE_MS
        if steady_ms - max(self._proved_ms, self._asked_ms) < wait_ms:
            return False
        self._asked_ms = steady_ms
        return True

    # -- verdict

    def rule(self, wall_ms: float, steady_ms: float) -> Verdict:
        """Judge anew. Both clocks are read together; called before timers are looked at, and at least each second."""
        own, wall = self._own_offset(steady_ms), wall_ms - steady_ms
        self.wall_off_ms = wall - own
        if self._new_proof:
            self._wall_then, self._new_proof = wall, False
        elif abs(wall - self._wall_then) > STEP_MS:
            self._wall_then, self._doubt = wall, True
        if self.verdict is not Verdict.UNPROVEN or self._proved_ms > -math.inf:
            own = self._judge(own, wall)
        pull = -self._outside(own) if self.verdict is Verdict.OK else 0.0
        rate = 1 + min(SLEW_RATE, max(-SLEW_RATE, pull / SLEW_MS))
        self._own = Line(steady_ms, steady_ms + own, rate)
        if self.verdict is Verdict.HOLD:
            self.line = Line(steady_ms, steady_ms + min(own, self._high))
        else:
            self.line = self._own
        return self.verdict

    def _judge(self, own: float, wall: float) -> float:
        """Sets the verdict; the offset of our own time from here on."""
        self.off_ms = off_ms = self._outside(own)
        # Half of it, or a hold would end and begin again at every breath of a clock that is just so far off.
        agrees = self._tolerance_ms / 2
        if abs(off_ms) <= (agrees if self.verdict is Verdict.HOLD else self._tolerance_ms):
            if self.verdict is not Verdict.OK:
                own -= off_ms  # nothing has fired meanwhile, so there is nothing to be gentle with
            self.verdict = Verdict.OK
        elif abs(self._outside(wall)) <= agrees:
            own = min(self._high, max(self._low, wall))
            self.verdict = Verdict.OK
            self.anchored += 1
        else:
            self.verdict = Verdict.HOLD
            return own
        self.off_ms = self._outside(own)
        return own

    def _outside(self, offset: float) -> float:
        """How far `offset` is above the broker's bounds, negative when it is below, 0 within."""
        if offset > self._high:
            return offset - self._high
        return min(0.0, offset - self._low)

    def _own_offset(self, steady_ms: float) -> float:
        """Our own time carried on; drawing near ends after SLEW_MS without anybody looking."""
        drawn_ms = min(steady_ms - self._own.steady_ms, SLEW_MS) * (self._own.rate - 1)
        return self._own.time_ms - self._own.steady_ms + drawn_ms
