"""A member with warm standbys, as a test drives it: a changelog in memory, real stores, a clock that it moves."""

from __future__ import annotations

import math
from pathlib import Path

from schemas import codec
from streams.runtime.clock import ManualClock
from streams.runtime.dead_letters import DeadLetterLimit, DeadLetterRate
from streams.runtime.standby import PAUSE_S, Standbys
from streams.runtime.store import Store
from streams.runtime.task import Task
from streams.runtime.telemetry import NoTelemetry
from tests.unit.runtime.changelog import STAGE, Changelog
from tests.unit.runtime.stores import EPOCH, epoch, open_store

NEVER = math.inf


class Lags(NoTelemetry):
    def __init__(self) -> None:
        self.of: dict[int, int] = {}

    def standby_lag(self, stage: str, partition: int, records: int) -> None:  # noqa: ARG002
        self.of[partition] = records


class SlowClock(ManualClock):
    """Each look at it takes `look_s`."""

    look_s = 0.0

    def monotonic_s(self) -> float:
        self.advance(self.look_s)
        return super().monotonic_s()


class Member:
    """A member with a standby, on a changelog of three partitions; `owned` are its tasks."""

    def __init__(self, folder: Path, *, enabled: bool = True) -> None:
        self.log = Changelog(3)
        self.clock = SlowClock()
        self.lags = Lags()
        self.folder = folder
        self.owned: dict[int, Task] = {}
        self.standbys = self.make(enabled)

    def make(self, enabled: bool = True) -> Standbys:
        return Standbys(
            STAGE,
            self.log,  # type: ignore[arg-type]
            self.log,  # type: ignore[arg-type]
            lambda number: open_store(self.folder / f"{number}.lmdb"),
            clock=self.clock,
            telemetry=self.lags,
            enabled=enabled,
        )

    def write(self, number: int, *keys: str, count: int = 1) -> None:
        for key in keys:
            self.log.write(number, key, codec.encode(EPOCH, epoch(count)))

    def pass_time(self, seconds: float = 2.0) -> None:
        """Turns of an idle loop."""
        for _ in range(round(seconds / PAUSE_S) + 1):
            self.standbys.advance(self.owned.values(), NEVER)
            self.clock.advance(PAUSE_S)

    def gain(self, number: int) -> Store:
        task = Task(number, None, None, DeadLetterRate(DeadLetterLimit()))  # type: ignore[arg-type]
        task.store = self.standbys.hand_over(number)
        self.owned[number] = task
        assert task.store is not None
        return task.store

    def lose(self, number: int) -> None:
        self.owned.pop(number).close()

    def offset(self, number: int) -> int | None:
        """How far the standby of a partition has come."""
        tail = self.standbys._tails().get(number)
        return tail.position if tail else None
