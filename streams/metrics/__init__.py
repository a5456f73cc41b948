"""Every metric, as data: name, type, unit, labels, meaning, what to do. Nothing emits what is not declared here.

Names follow Prometheus: the unit is in the name (`_seconds`, `_bytes`), counters end in `_total`. Labels have
few values by nature: no phone numbers, no texts, no ids. The exporter (`connectors/metrics`), dashboards, rules
and documentation derive from `METRICS`: one file a subject, a row a metric.
"""

from __future__ import annotations

from collections.abc import Mapping

from streams.metrics.backfill import BACKFILL
from streams.metrics.carrier import CARRIER
from streams.metrics.clock import CLOCK
from streams.metrics.control import CONTROL
from streams.metrics.gateway import GATEWAY
from streams.metrics.loop import LOOP
from streams.metrics.metric import CONTEXT, LATENCY_BUCKETS_S, LATENESS_BUCKETS_S, Metric, Metrics
from streams.metrics.money import MONEY
from streams.metrics.once import ONCE
from streams.metrics.reminders import REMINDERS

__all__ = [
    "CONTEXT",
    "LATENCY_BUCKETS_S",
    "LATENESS_BUCKETS_S",
    "METRICS",
    "Metric",
    "Metrics",
    "NoMetrics",
    "UndeclaredMetric",
    "declared",
]

METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (*GATEWAY, *LOOP, *CLOCK, *REMINDERS, *MONEY, *ONCE, *CARRIER, *CONTROL, *BACKFILL)
}


class UndeclaredMetric(LookupError):
    """The name is not in the table, or used as another type or with other labels: a mistake in our code."""


def declared(
    name: str, kind: str, labels: Mapping[str, str], table: Mapping[str, Metric] = METRICS
) -> Metric:
    """The metric that is called so and used right. Raises UndeclaredMetric, saying what is wrong."""
    metric = table.get(name)
    if metric is None:
        raise UndeclaredMetric(f"{name} is not declared in streams/metrics")
    if metric.type != kind:
        raise UndeclaredMetric(f"{name} is a {metric.type}, not a {kind}")
    if set(labels) != set(metric.labels):
        raise UndeclaredMetric(f"{name} has the labels {metric.labels}, not {tuple(sorted(labels))}")
    return metric


class NoMetrics:
    """Keeps nothing and still refuses what is not declared; for tests and benchmarks."""

    def inc(self, name: str, _amount: float = 1, /, **labels: str) -> None:
        declared(name, "counter", labels)

    def set(self, name: str, _value: float, /, **labels: str) -> None:
        declared(name, "gauge", labels)

    def observe(self, name: str, _value: float, /, **labels: str) -> None:
        declared(name, "histogram", labels)
