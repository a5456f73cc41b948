"""A world of three clocks, moved by tests: a broker's, a machine's wall clock, and the machine's steady one."""

from __future__ import annotations

from streams.runtime.clock import SystemClock

START_MS = 1_795_000_000_000.0
TURN_MS = 100.0


class World:
    """One member's loop, as far as the clock sees it. `on_its_way_ms`: a record to the broker, its report back."""

    def __init__(
        self,
        *,
        wall_off_ms: float = 0.0,
        drift_ppm: float = 0.0,
        wall_drifts: bool = False,
        on_its_way_ms: float = 2.0,
        tolerance_s: float = 5.0,
    ) -> None:
        self.broker_ms = START_MS
        self.wall_ms = START_MS + wall_off_ms
        self.steady_ms = 7_000_000.0
        self.on_its_way_ms = on_its_way_ms
        self._rate = 1 + drift_ppm * 1e-6
        self._wall_rate = self._rate if wall_drifts else 1.0
        self.clock = SystemClock(
            tolerance_s, wall_s=lambda: self.wall_ms / 1000, steady_s=lambda: self.steady_ms / 1000
        )

    def go_on(self, ms: float) -> None:
        self.broker_ms += ms
        self.wall_ms += ms * self._wall_rate
        self.steady_ms += ms * self._rate

    def pause(self, ms: float) -> None:
        """The machine stands still, all of its clocks with it, as a virtual machine does."""
        self.broker_ms += ms

    def commit(self) -> None:
        """A record is appended and reported."""
        sent_s = self.clock.monotonic_s()
        self.go_on(self.on_its_way_ms)
        append_ms = int(self.broker_ms)
        self.go_on(self.on_its_way_ms)
        self.clock.appended(append_ms, sent_s)

    def turn(self, *, traffic: bool = False) -> bool:
        """One turn of a loop: may timers fire?"""
        self.go_on(TURN_MS)
        if traffic:
            self.commit()
        fires = self.clock.may_fire()
        if self.clock.wants_evidence():
            self.commit()
            fires = self.clock.may_fire()
        return fires

    def turns(self, seconds: float, *, traffic: bool = False) -> list[bool]:
        end_ms = self.broker_ms + seconds * 1000
        fired = []
        while self.broker_ms < end_ms:
            fired.append(self.turn(traffic=traffic))
        return fired

    @property
    def ahead_ms(self) -> float:
        """How far our time is ahead of the broker's: how early a timer would fire."""
        return self.clock.now_ms() - self.broker_ms
