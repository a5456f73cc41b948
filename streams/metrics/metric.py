"""What a metric is: a row of the tables beside this file, and the protocol behind which numbers are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

# Seconds. From one script in Redis (0.1 ms) to the carrier's patience with a webhook (15 s).
LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)
# Seconds. From a commit (10 ms) to the grace within which a call may be late (15 minutes).
LATENESS_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)

CONTEXT = "for context"
"""What to do about a figure that is neither good nor bad by itself."""


@dataclass(frozen=True, slots=True)
class Metric:
    """`unit` is what one step means; `what_to_do` is for whoever sees a bad figure, and never empty (CONTEXT where
    there is no bad figure); `buckets` are a histogram's upper bounds in its unit."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    meaning: str
    what_to_do: str
    buckets: tuple[float, ...] = ()


class Metrics(Protocol):
    """Where numbers go. Each method raises UndeclaredMetric; none of them waits."""

    def inc(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Add one value to a histogram."""
