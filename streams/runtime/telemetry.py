"""What the loop tells about itself; the exporter behind it is `connectors/metrics`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from streams.runtime.processor import Count, Observe, Unresolved


class Telemetry(Protocol):
    def committed(self, stage: str, partition: int, records: int, dead: int) -> None:
        """A transaction has committed."""

    def aborted(self, stage: str) -> None:
        """A transaction was aborted and will be redone."""

    def held(self, stage: str, partition: int, held: bool) -> None:
        """A partition stands still, or goes on."""

    def counted(self, stage: str, partition: int, key: str, counters: Mapping[str, Any]) -> None:
        """A record of counters in the state of a partition, as a committed transaction left it (`State.add`)."""

    def audited(self, stage: str, partition: int, differences: Sequence[str]) -> None:
        """The counters of a partition were held against its store; what did not agree, a sentence each."""

    def observed(self, metric: str, value: float) -> None:
        """What a step had to tell (`Observe`), after its transaction has committed."""

    def happened(self, metric: str) -> None:
        """What a step had to count (`Count`), after its transaction has committed."""

    def unresolved(self, stage: str, partition: int, key: str, since_ms: int | None) -> None:
        """An attempt is UNKNOWN, or no more (`Unresolved`), after the transaction has committed."""

    def gone(self, stage: str, partition: int) -> None:
        """A partition was given up: what was counted of it is told by its new owner."""

    def standby_lag(self, stage: str, partition: int, records: int) -> None:
        """How much of a changelog the standby of a partition has not read; 0 when the partition is owned."""


class NoTelemetry:
    """For tests and benchmarks."""

    def committed(self, stage: str, partition: int, records: int, dead: int) -> None: ...

    def aborted(self, stage: str) -> None: ...

    def held(self, stage: str, partition: int, held: bool) -> None: ...

    def counted(self, stage: str, partition: int, key: str, counters: Mapping[str, Any]) -> None: ...

    def audited(self, stage: str, partition: int, differences: Sequence[str]) -> None: ...

    def observed(self, metric: str, value: float) -> None: ...

    def happened(self, metric: str) -> None: ...

    def unresolved(self, stage: str, partition: int, key: str, since_ms: int | None) -> None: ...

    def gone(self, stage: str, partition: int) -> None: ...

    def standby_lag(self, stage: str, partition: int, records: int) -> None: ...


def tell(telemetry: Telemetry, stage: str, partition: int, effect: object) -> bool:
    """Was the effect of a committed step one that only tells something? Then it has been told."""
    match effect:
        case Observe():
            telemetry.observed(effect.metric, effect.value)
        case Count():
            telemetry.happened(effect.metric)
        case Unresolved():
            telemetry.unresolved(stage, partition, effect.key, effect.since_ms)
        case _:
            return False
    return True
