"""The timer stream's books on the metrics page."""

from __future__ import annotations

from connectors.metrics import Books, LoopMetrics, PrometheusMetrics
from streams.reminders.conservation import EMPTY
from streams.runtime.telemetry import Telemetry


def test_the_page_shows_the_sum_over_the_partitions_that_are_here() -> None:
    """Members of one process share the books; a partition that was given up counts no more."""
    metrics = PrometheusMetrics()
    books = Books(metrics)
    metrics.before_page(books.show)
    first: Telemetry = LoopMetrics(metrics, books)
    second: Telemetry = LoopMetrics(metrics, books)
    first.counted("reminders", 0, "c|acme", {**EMPTY, "accepted": 3, "pending": 3})
    first.counted("reminders", 0, "c|acme", {**EMPTY, "accepted": 3, "pending": 1, "fired": 2, "open": 1})
    second.counted("reminders", 1, "c|acme", {**EMPTY, "accepted": 2, "pending": 1, "refused": 4})
    metrics.page()
    assert metrics.value("ringback_sms_refused", tenant="acme") == 4
    assert metrics.value("ringback_reminders", tenant="acme", **{"class": "accepted"}) == 5
    assert metrics.value("ringback_reminders", tenant="acme", **{"class": "open"}) == 1
    assert metrics.value("ringback_reminders_unaccounted", tenant="acme") == 1
    first.gone("reminders", 0)
    second.gone("reminders", 1)
    metrics.page()
    assert metrics.value("ringback_reminders", tenant="acme", **{"class": "accepted"}) == 0
    assert metrics.value("ringback_reminders_unaccounted", tenant="acme") == 0


def test_an_audit_that_differs_is_counted_apart() -> None:
    """The alert is on `differ`."""
    metrics = PrometheusMetrics()
    loop: Telemetry = LoopMetrics(metrics)
    loop.audited("reminders", 0, [])
    loop.audited("reminders", 1, ["tenant acme: 1 counted as pending, 0 in the store"])
    for result in ("agree", "differ"):
        assert metrics.value("ringback_reminders_audits_total", result=result) == 1
