"""What the transactional loop tells about itself (`streams.runtime.telemetry.Telemetry`), as metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.metrics.books import Books
from streams.metrics import Metrics

log = logging.getLogger("ringback.conservation")
TALLY = "c|"  # counters in the state of the timer stream and of billing
FROM_THE_START = (
    "ringback_loop_records_total",
    "ringback_loop_transactions_total",
    "ringback_loop_aborts_total",
    "ringback_loop_dead_letters_total",
    "ringback_loop_restarts_total",
)


class LoopMetrics:
    """`books`: the process's, when its gauges are to be on the page. With `stage`, its counters stand there from the
    start: `increase` cannot see the first step of a counter that was not there before, and a flood may be one step."""

    def __init__(self, metrics: Metrics, books: Books | None = None, stage: str = "") -> None:
        self._metrics = metrics
        self._books = books or Books(metrics)
        for name in FROM_THE_START if stage else ():
            metrics.inc(name, 0, stage=stage)
        self._books.open(stage)

    def committed(self, stage: str, partition: int, records: int, dead: int) -> None:  # noqa: ARG002 (protocol)
        self._metrics.inc("ringback_loop_transactions_total", stage=stage)
        self._metrics.inc("ringback_loop_records_total", records, stage=stage)
        if dead:
            self._metrics.inc("ringback_loop_dead_letters_total", dead, stage=stage)

    def aborted(self, stage: str) -> None:
        self._metrics.inc("ringback_loop_aborts_total", stage=stage)

    def held(self, stage: str, partition: int, held: bool) -> None:
        self._metrics.set("ringback_loop_held", int(held), stage=stage, partition=str(partition))

    def counted(self, stage: str, partition: int, key: str, counters: Mapping[str, Any]) -> None:
        if not key.startswith(TALLY):
            return
        if stage == "reminders":
            self._books.occurrences.write(partition, key.removeprefix(TALLY), counters)
        elif stage == "billing":
            self._books.charges.write(partition, key.removeprefix(TALLY), counters)

    def audited(self, stage: str, partition: int, differences: Sequence[str]) -> None:
        result = "differ" if differences else "agree"
        self._metrics.inc("ringback_reminders_audits_total", result=result)
        for difference in differences:
            log.error("%s/%d: the books do not agree with the store: %s", stage, partition, difference)

    def observed(self, metric: str, value: float) -> None:
        self._metrics.observe(metric, value)

    def happened(self, metric: str) -> None:
        self._metrics.inc(metric)

    def unresolved(self, stage: str, partition: int, key: str, since_ms: int | None) -> None:
        self._books.unknown(stage, partition, key, since_ms)

    def gone(self, stage: str, partition: int) -> None:
        self._books.close(stage, partition)

    def standby_lag(self, stage: str, partition: int, records: int) -> None:
        self._metrics.set("ringback_standby_lag_records", records, stage=stage, partition=str(partition))
