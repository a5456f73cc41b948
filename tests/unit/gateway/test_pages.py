"""Probes, metrics, words."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from confluent_kafka import KafkaError
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from connectors.gateway import twiml
from connectors.gateway.frames import frame
from connectors.metrics import LoopMetrics, PrometheusMetrics
from streams.metrics import METRICS, NoMetrics, UndeclaredMetric
from streams.runtime.telemetry import Telemetry
from tests.unit.gateway.conftest import Carrier, sms_form


@pytest.mark.anyio
async def test_ready_means_that_both_servers_answer(carrier: Carrier) -> None:
    """200 with both, 503 that names the one that does not; alive all the same."""
    assert (await carrier.client.get("/readyz")).json() == {"ready": True, "kafka": "ok", "redis": "ok"}
    carrier.producer.failure = KafkaError._TRANSPORT
    response = await carrier.client.get("/readyz")
    assert response.status_code == 503
    assert "_TRANSPORT" in response.json()["kafka"]
    carrier.producer.failure, carrier.producer.silent = None, True
    assert "no leader" in (await carrier.client.get("/readyz")).json()["kafka"]
    assert (await carrier.client.get("/healthz")).status_code == 200


@pytest.mark.anyio
async def test_the_metrics_page_counts_requests_by_status(carrier: Carrier) -> None:
    """Prometheus reads it, and finds what happened."""
    await carrier.post("/sms", sms_form())
    await carrier.post("/sms", sms_form(), token="other")
    page = await carrier.client.get("/metrics")
    assert "text/plain" in page.headers["content-type"]
    families = {family.name: family for family in text_string_to_metric_families(page.text)}
    requests = families["ringback_gateway_requests"].samples
    assert {(s.labels["endpoint"], s.labels["status"]) for s in requests if s.name.endswith("_total")} == {
        ("/sms", "200"),
        ("/sms", "403"),
    }


@pytest.mark.anyio
async def test_a_bug_is_a_plain_500(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client learns nothing of it, the log only type and place (the fixture watches for numbers)."""

    def broken(form: dict[str, str], _now_ms: int) -> None:
        raise KeyError(form["From"])

    monkeypatch.setattr("connectors.gateway.app.received", broken)
    response = await carrier.post("/sms", sms_form())
    assert (response.status_code, response.json()["error"]) == (500, "internal")


@pytest.mark.parametrize("sink", [NoMetrics(), PrometheusMetrics()])
def test_what_is_not_declared_is_refused(sink: NoMetrics | PrometheusMetrics) -> None:
    """An unknown name, another type, other labels."""
    with pytest.raises(UndeclaredMetric, match="not declared"):
        sink.inc("ringback_nonsense_total")
    with pytest.raises(UndeclaredMetric, match="is a counter"):
        sink.set("ringback_loop_aborts_total", 1, stage="calls")
    with pytest.raises(UndeclaredMetric, match="labels"):
        sink.inc("ringback_loop_aborts_total", stage="calls", tenant="acme")


def test_every_name_tells_its_unit() -> None:
    """Counters end in _total, times in _seconds; histograms have buckets; meanings are there."""
    for name, metric in METRICS.items():
        assert name.startswith("ringback_")
        assert name.endswith("_total") == (metric.type == "counter")
        assert name.endswith("_seconds") == (metric.unit == "seconds")
        assert bool(metric.buckets) == (metric.type == "histogram")
        assert metric.meaning


def test_the_loop_can_tell_about_itself() -> None:
    """The loop's telemetry arrives under its declared names."""
    metrics = PrometheusMetrics()
    loop: Telemetry = LoopMetrics(metrics)
    loop.committed("calls", 3, records=5, dead=1)
    loop.aborted("calls")
    loop.held("calls", 3, held=True)
    loop.standby_lag("calls", 4, 250)
    assert metrics.value("ringback_loop_records_total", stage="calls") == 5
    assert metrics.value("ringback_loop_dead_letters_total", stage="calls") == 1
    assert metrics.value("ringback_loop_held", stage="calls", partition="3") == 1
    assert metrics.value("ringback_standby_lag_records", stage="calls", partition="4") == 250


@given(st.text(max_size=3000), st.sampled_from(["en", "de-AT", "fr", "xx", ""]))
def test_any_text_is_spoken_as_text(subject: str, language: str) -> None:
    """Well-formed XML whose only content is the frame and the cleaned, bounded text."""
    said = ElementTree.fromstring(twiml.words(subject, language)).findtext("Say")
    assert said == frame(language).reminder.format(twiml.clean(subject))
    assert len(twiml.clean(subject)) <= twiml.MAX_WORDS_CHARS
