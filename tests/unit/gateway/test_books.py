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


def test_what_is_owed_and_what_was_charged_stand_side_by_side() -> None:
    """Added up over partitions and currencies, so that their difference can be watched; money in units."""
    metrics = PrometheusMetrics()
    books = Books(metrics)
    metrics.before_page(books.show)
    loop: Telemetry = LoopMetrics(metrics, books, "billing")
    for partition in (0, 1):
        loop.counted("reminders", partition, "c|acme", {**EMPTY, "sms_charged": 3, "answered": 1})
    made = {"sms": 2, "answered": 1, "sms_millionths": 15_000, "answered_millionths": 50_000}
    loop.counted("billing", 0, "c|acme|EUR", made)
    loop.counted("billing", 1, "c|acme|USD", made)
    metrics.page()
    for kind, owed, charged, euros in (("sms", 6, 4, 0.015), ("answered", 2, 2, 0.05)):
        assert metrics.value("ringback_charges_owed", tenant="acme", kind=kind) == owed
        assert metrics.value("ringback_charges", tenant="acme", kind=kind) == charged
        assert metrics.value("ringback_charged", tenant="acme", kind=kind, currency="EUR") == euros
    loop.gone("billing", 0)
    metrics.page()
    assert metrics.value("ringback_charges", tenant="acme", kind="sms") == 2
    assert metrics.value("ringback_charges_owed", tenant="acme", kind="sms") == 6


def test_attempts_that_are_unknown_are_counted_with_the_age_of_the_oldest() -> None:
    """None at the start; a partition that is given up takes its own along."""
    metrics, now_ms = PrometheusMetrics(), 100_000
    books = Books(metrics, lambda: now_ms)
    metrics.before_page(books.show)
    loop: Telemetry = LoopMetrics(metrics, books, "calls")

    def shown() -> tuple[float, float]:
        metrics.page()
        names = ("ringback_unknown_open", "ringback_unknown_oldest_age_seconds")
        open_, age_s = (metrics.value(name, kind="call") for name in names)
        return open_, age_s

    assert b'ringback_unknown_open{kind="call"} 0.0' in metrics.page()[0]
    loop.unresolved("calls", 0, "c|one", 40_000)
    loop.unresolved("calls", 0, "c|one", 40_000)
    loop.unresolved("calls", 1, "c|two", 90_000)
    assert shown() == (2, 60)
    loop.gone("calls", 0)
    assert shown() == (1, 10)
    loop.unresolved("calls", 1, "c|two", None)
    loop.unresolved("calls", 1, "c|three", None)
    assert shown() == (0, 0)


def test_a_stage_has_its_counters_from_the_start() -> None:
    """`increase` over a counter that was not there before sees nothing of its first step, which may be the flood."""
    metrics = PrometheusMetrics()
    LoopMetrics(metrics, stage="inbound")
    page = metrics.page()[0].decode()
    for name in ("dead_letters", "records", "restarts", "aborts"):
        assert f'ringback_loop_{name}_total{{stage="inbound"}} 0.0' in page
