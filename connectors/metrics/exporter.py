"""`streams.metrics.Metrics` on prometheus-client: one registry, built from the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder

from streams.metrics import METRICS, Metric, declared

Family = TypeVar("Family", Counter, Gauge, Histogram)


class PrometheusMetrics:
    """Thread-safe. Every metric of `table` is in the page from the start, those without labels at zero."""

    def __init__(self, table: Mapping[str, Metric] = METRICS) -> None:
        self._registry = CollectorRegistry()
        self._table = table
        self._shows: list[Callable[[], None]] = []
        self._children: dict[tuple[object, ...], Any] = {}
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in table.values():
            name, meaning, labels = metric.name, metric.meaning, metric.labels
            if metric.type == "counter":
                self._counters[name] = Counter(name, meaning, labels, registry=self._registry)
            elif metric.type == "gauge":
                self._gauges[name] = Gauge(name, meaning, labels, registry=self._registry)
            else:
                self._histograms[name] = Histogram(
                    name, meaning, labels, buckets=metric.buckets, registry=self._registry
                )

    def inc(self, name: str, amount: float = 1, /, **labels: str) -> None:
        self._child(self._counters, "counter", name, labels).inc(amount)

    def set(self, name: str, value: float, /, **labels: str) -> None:
        self._child(self._gauges, "gauge", name, labels).set(value)

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        self._child(self._histograms, "histogram", name, labels).observe(value)

    def _child(self, family: Mapping[str, Family], kind: str, name: str, labels: Mapping[str, str]) -> Family:
        """The series of these labels. Found once: looking it up took four times as long as counting. Labels are
        bounded by the table, so is the memory of them."""
        key = (kind, name, *labels.items())
        child = self._children.get(key)
        if child is None:
            declared(name, kind, labels, self._table)
            child = family[name].labels(**labels) if labels else family[name]
            self._children[key] = child
        return cast(Family, child)

    def value(self, name: str, /, **labels: str) -> float:
        """What stands there now (a histogram: its count), 0 if nothing does."""
        sample = f"{name}_count" if name in self._histograms else name
        return self._registry.get_sample_value(sample, labels) or 0.0

    def before_page(self, show: Callable[[], None]) -> None:
        """Have `show` set what is too dear to set at each change. It runs on the thread that serves the page."""
        self._shows.append(show)

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """The page that Prometheus scrapes and its content type, in the format that `accept` asks for."""
        for show in self._shows:
            show()
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type
