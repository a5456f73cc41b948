"""Metrics for Prometheus, from the table in `streams/metrics`."""

from connectors.metrics.books import Books
from connectors.metrics.exporter import PrometheusMetrics
from connectors.metrics.loop import LoopMetrics

__all__ = ["Books", "LoopMetrics", "PrometheusMetrics"]
