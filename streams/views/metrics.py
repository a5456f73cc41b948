"""Metrics of the read models: a table beside that of streams/metrics.py, on the page of a process that runs them."""

from __future__ import annotations

from collections.abc import Mapping

from streams.metrics import METRICS, Metric

VIEWS: tuple[Metric, ...] = (
    Metric(
        "ringback_views_records_total",
        "counter",
        "records",
        ("topic", "result"),
        "records of the topics by what they were to the read models: new, a copy of one that is known, or skipped",
        "skipped that grows: /v1/status says why and where they lie; copies are harmless",
    ),
    Metric(
        "ringback_views_behind_seconds",
        "gauge",
        "seconds",
        (),
        "how old the answers are: time since the figures held everything that was committed to the topics",
        "grows: /v1/status says which partition is not read, or what is held; a transaction that hangs holds it too",
    ),
    Metric(
        "ringback_views_whole",
        "gauge",
        "boolean",
        (),
        "1 when questions are answered; 0 while topics are first read, a schema is missing, or a partition is not ours",
        "0 for long: `held` of /v1/status names a missing schema (upgrade); else another worker has this one's name",
    ),
    Metric(
        "ringback_views_requests_total",
        "counter",
        "requests",
        ("endpoint", "status"),
        "questions answered, by HTTP status",
        "401: a caller has another token; 503: see ringback_views_whole; 500: the log has our mistake",
    ),
    Metric(
        "ringback_views_restarts_total",
        "counter",
        "starts",
        (),
        "starts from the last commit after something failed",
        "grows: the log names it; a full disk and two workers of one name are the usual ones",
    ),
)

VIEWS_METRICS: Mapping[str, Metric] = {metric.name: metric for metric in VIEWS}
WITH_VIEWS: Mapping[str, Metric] = {**METRICS, **VIEWS_METRICS}
