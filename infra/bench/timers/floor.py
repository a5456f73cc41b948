"""What all works do: a clean start, a warm-up, a wait until everything is accepted, a wait until it has fired."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.bench.reporting import Progress
from infra.bench.timers.load import Load, scattered, spread
from infra.bench.timers.scale import Scale
from infra.bench.timers.subject import Subject, Watch
from infra.bench.timers.tally import Tally, tally

POLL_S = 0.02
ACCEPT_S = 600.0
AHEAD_S = 3.0  # between the last acceptance and the first due instant, at least
PROBES = 100
COPIES_S = 1.0  # how long copies are waited for once everything has fired
FAR_MS = 3_600_000
WARM_USERS = 1_000_000  # users of warm-up and filling are nobody else's: W4 counts on its users being new
FILL_USERS = 2_000_000


class TooSlow(Exception):
    """The subject did not accept a load before it was due, so its lateness says nothing."""


class TooFew(ValueError):
    """The work was over within one step of the subject: there is no rate to be had."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far acceptance was at a moment: seconds (monotonic), commands, CPU seconds of the subject."""

    at_s: float
    count: int
    cpu_s: float


def now_ms() -> int:
    return int(time.time() * 1000)


def accept(subject: Subject, until: int, timeout_s: float = ACCEPT_S) -> list[Step]:
    """Wait until `until` commands are accepted. The steps of the way; raises TimeoutError."""
    steps: list[Step] = []
    end_s = time.monotonic() + timeout_s
    while not steps or steps[-1].count < until:
        count = subject.accepted()
        at_s = time.monotonic()
        if not steps or count != steps[-1].count:
            steps.append(Step(at_s, count, subject.cpu_s()))
        if count < until and at_s > end_s:
            raise TimeoutError(f"{subject.name} has accepted {count} of {until}")
        time.sleep(POLL_S)
    return steps


def wait_for(watch: Watch, count: int, timeout_s: float) -> bool:
    """Until `count` records came, then a moment for copies; False when they did not come in time."""
    end_s = time.monotonic() + timeout_s
    while watch.count < count and time.monotonic() < end_s:
        time.sleep(POLL_S)
    complete = watch.count >= count
    time.sleep(COPIES_S)
    return complete


def wait_while_any(watch: Watch, count: int, quiet_s: float) -> bool:
    """Until `count` records came, or none for `quiet_s`, then a moment for copies; False when they did not all come.

    For a work whose end says nothing about speed: what comes late on a slow machine is not lost.
    """
    seen, since_s = watch.count, time.monotonic()
    while watch.count < count and time.monotonic() - since_s < quiet_s:
        time.sleep(POLL_S)
        if watch.count != seen:
            seen, since_s = watch.count, time.monotonic()
    return wait_for(watch, count, 0.0)


class Floor:
    """One subject, begun clean; counts what it was asked for, and knows how fast it accepts."""

    def __init__(self, subject: Subject, scale: Scale, progress: Progress) -> None:
        self.subject, self.scale, self.progress = subject, scale, progress
        self.asked = 0
        self.accepts_per_s = 0.0

    def begin(self, pending: int | None = None) -> None:
        """Clean, start, warm up, and fill with far timers: `pending` of them, else as many as the scale says."""
        self.subject.clean()
        self.subject.start()
        with self.watching() as watch:
            for round_, count in enumerate(self.scale.warm_up):
                load = spread(f"warm{round_}", count, now_ms() + 3000, 2000, first_user=WARM_USERS)
                started_s = time.monotonic()
                self.ask(load)
                self.accepts_per_s = count / (time.monotonic() - started_s)
                if not wait_for(watch, sum(self.scale.warm_up[: round_ + 1]), 60):
                    raise TimeoutError(f"{self.subject.name} fired {watch.count} of its warm-up within 60 s")
        pending = self.scale.pending if pending is None else pending
        if pending:
            self.ask(scattered("fill", pending, now_ms() + FAR_MS, FAR_MS, 7, first_user=FILL_USERS))

    def restart(self) -> None:
        """Stop and start; returns when the new process has fired a few timers, so that it is fully there."""
        self.subject.stop()
        self.subject.start()
        with self.watching() as watch:
            load = spread("probe", PROBES, now_ms() + 1000, 1, first_user=WARM_USERS)
            self.subject.enqueue(load, range(PROBES))
            self.asked += PROBES
            if not wait_for(watch, PROBES, 60):
                raise TimeoutError(f"{self.subject.name} fires nothing after a restart")

    def ask(self, load: Load) -> list[Step]:
        """Enqueue all of it and wait until it is accepted."""
        self.subject.enqueue(load, range(len(load)))
        self.asked += len(load)
        return self.settle()

    def settle(self) -> list[Step]:
        """Wait until everything that was asked for is accepted."""
        return accept(self.subject, self.asked)

    def lead_ms(self, count: int) -> int:
        """How far ahead the first due instant must lie for `count` timers to be accepted before it."""
        return int((AHEAD_S + 1.6 * count / self.accepts_per_s) * 1000)

    def in_time(self, load: Load) -> float:
        """Seconds left until the load's first due instant. Raises TooSlow."""
        spare_s = (min(load.due_at) - now_ms()) / 1000
        if spare_s < 0.2:
            raise TooSlow(
                f"{self.subject.name} accepted {len(load)} timers {-spare_s:.1f} s after the first was due"
            )
        return spare_s

    def judge(self, load: Load, watch: Watch) -> Tally:
        return tally(load, watch.fired())

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        watch = self.subject.watch()
        try:
            yield watch
        finally:
            watch.close()
