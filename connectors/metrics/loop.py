"""What the transactional loop tells about itself (`streams.runtime.telemetry.Telemetry`), as metrics."""

from __future__ import annotations

from streams.metrics import Metrics


class LoopMetrics:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def committed(self, stage: str, partition: int, records: int, dead: int) -> None:  # noqa: ARG002 (protocol)
        self._metrics.inc("ringback_loop_transactions_total", stage=stage)
        self._metrics.inc("ringback_loop_records_total", records, stage=stage)
        if dead:
            self._metrics.inc("ringback_loop_dead_letters_total", dead, stage=stage)

    def aborted(self, stage: str) -> None:
        self._metrics.inc("ringback_loop_aborts_total", stage=stage)

    def held(self, stage: str, partition: int, held: bool) -> None:
        self._metrics.set("ringback_loop_held", int(held), stage=stage, partition=str(partition))
