"""What the loop tells about itself; the exporter behind it is `connectors/metrics`."""

from __future__ import annotations

from typing import Protocol


class Telemetry(Protocol):
    def committed(self, stage: str, partition: int, records: int, dead: int) -> None:
        """A transaction has committed."""

    def aborted(self, stage: str) -> None:
        """A transaction was aborted and will be redone."""

    def held(self, stage: str, partition: int, held: bool) -> None:
        """A partition stands still, or goes on."""


class NoTelemetry:
    """For tests and benchmarks."""

    def committed(self, stage: str, partition: int, records: int, dead: int) -> None: ...

    def aborted(self, stage: str) -> None: ...

    def held(self, stage: str, partition: int, held: bool) -> None: ...
