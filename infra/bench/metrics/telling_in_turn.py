"""The loop's telemetry, told on for a stretch of records and swallowed for the next."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from streams.runtime.telemetry import NoTelemetry, Telemetry


class TellingInTurn:
    """Begins by telling nobody. `took_us`: CPU of this process a record, of each stretch that is over.

    `stage`: the name under which `inner` is told, whatever the loop is called here. The first stretch begins with the
    first commit, so that joining a group and making a store are in none.
    """

    def __init__(self, inner: Telemetry, stage: str, records: int, stretches: int) -> None:
        self._inner, self._nobody, self._stage = inner, NoTelemetry(), stage
        self._told: Telemetry = self._nobody
        self._wanted, self._stretches = records, stretches
        self._records = 0
        self._began_s: float | None = None
        self._began_on = threading.Semaphore(0)
        self._finished = False
        self.took_us: list[float] = []
        self.done = threading.Event()

    def wait_for_on(self) -> bool:
        """Returns when a stretch with telling begins; False when there is none any more."""
        self._began_on.acquire()
        return not self._finished

    def finish(self) -> None:
        """Nobody need wait any more."""
        self._finished = True
        self._began_on.release()

    def committed(self, _stage: str, partition: int, records: int, dead: int) -> None:
        self._told.committed(self._stage, partition, records, dead)
        if self._began_s is None:
            self._began_s = time.process_time()
            return
        self._records += records
        if self._records >= self._wanted and not self.done.is_set():
            self._turn()

    def _turn(self) -> None:
        now_s = time.process_time()
        assert self._began_s is not None
        self.took_us.append((now_s - self._began_s) * 1e6 / self._records)
        self._began_s, self._records = now_s, 0
        if len(self.took_us) == self._stretches:
            self._told = self._nobody
            self.done.set()
        elif self._told is self._nobody:
            self._told = self._inner
            self._began_on.release()
        else:
            self._told = self._nobody

    def counted(self, _stage: str, partition: int, key: str, counters: Mapping[str, Any]) -> None:
        self._told.counted(self._stage, partition, key, counters)

    def aborted(self, _stage: str) -> None:
        self._told.aborted(self._stage)

    def held(self, _stage: str, partition: int, held: bool) -> None:
        self._told.held(self._stage, partition, held)

    def audited(self, _stage: str, partition: int, differences: Sequence[str]) -> None:
        self._told.audited(self._stage, partition, differences)

    def observed(self, metric: str, value: float) -> None:
        self._told.observed(metric, value)

    def happened(self, metric: str) -> None:
        self._told.happened(metric)

    def unresolved(self, _stage: str, partition: int, key: str, since_ms: int | None) -> None:
        self._told.unresolved(self._stage, partition, key, since_ms)

    def gone(self, _stage: str, partition: int) -> None:
        self._told.gone(self._stage, partition)

    def standby_lag(self, _stage: str, partition: int, records: int) -> None:
        self._told.standby_lag(self._stage, partition, records)
