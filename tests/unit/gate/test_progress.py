"""How far a fill is: in numbers, in `/readyz`, and gone when it is over or when nobody hears of it any more."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from connectors.gate.progress import FORGOTTEN_S, FillProgress
from connectors.metrics import PrometheusMetrics
from infra.run.health import HealthServer
from streams.once.effects import Fill, FillPart
from streams.once.gate import GateEntry
from streams.runtime.clock import ManualClock

GATES = tuple(GateEntry(f"k{n}", 1, gated=True, finished=True) for n in range(500))


def part(written: int, of: int) -> FillPart:
    reads = "gates" if written else "answers"
    return FillPart("calls:3", "g", (reads, "x"), GATES if written else (), (), written, of)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def metrics() -> PrometheusMetrics:
    return PrometheusMetrics()


@pytest.fixture
def progress(metrics: PrometheusMetrics, clock: ManualClock) -> FillProgress:
    return FillProgress(metrics, clock)


def written(progress: FillProgress, effect: Fill | FillPart, clock: ManualClock, seconds: float = 1) -> None:
    progress.begins(effect)
    clock.advance(seconds)
    progress.ends(effect, True)


def page(metrics: PrometheusMetrics) -> str:
    return metrics.page("")[0].decode()


def test_a_fill_tells_how_far_it_is_and_how_long_it_takes(
    progress: FillProgress, clock: ManualClock, metrics: PrometheusMetrics, caplog: pytest.LogCaptureFixture
) -> None:
    """Counting first; then by the pace of the gates; then nothing, and one more fill in the books."""
    caplog.set_level("INFO", "ringback.gate")
    written(progress, part(0, 500), clock)
    assert progress.under_way() == {"calls:3": {"written": 0, "of": 500, "left_s": None}}
    written(progress, part(0, 2_000), clock)
    written(progress, part(500, 2_000), clock)
    assert progress.under_way() == {"calls:3": {"written": 500, "of": 2_000, "left_s": 3.0}}
    assert 'ringback_gate_fill_written{partition="3",stage="calls"} 500.0' in page(metrics)
    written(progress, part(1_500, 2_000), clock)
    assert "1500 of 2000 gates" in caplog.text
    written(progress, Fill("calls:3", "g", GATES), clock)
    assert progress.under_way() == {}
    assert "the gate is filled, 2000 gates in 5.0 s" in caplog.text
    assert 'ringback_gate_fill_of{partition="3",stage="calls"} 0.0' in page(metrics)
    assert 'ringback_gate_fills_total{stage="calls"} 1.0' in page(metrics)


def test_a_fill_that_was_broken_off_is_not_under_way(progress: FillProgress, clock: ManualClock) -> None:
    """The server changed; or nothing was heard for a while, because it left, or the partition did."""
    progress.begins(part(500, 2_000))
    progress.ends(part(500, 2_000), False)
    assert progress.under_way() == {}
    progress.begins(part(500, 2_000))
    clock.advance(FORGOTTEN_S)
    assert progress.under_way() == {}


def test_a_fill_that_begins_anew_counts_anew(progress: FillProgress, clock: ManualClock) -> None:
    """The second attempt is not thought to be as far as the first was."""
    written(progress, part(0, 2_000), clock)
    written(progress, part(1_500, 2_000), clock)
    progress.begins(part(0, 500))
    assert progress.under_way()["calls:3"]["written"] == 0


def test_readyz_says_that_a_gate_is_being_filled() -> None:
    """503 with the numbers while it is, 200 after; `/healthz` is not concerned."""

    class Ready:
        name, alive, ready = "calls-0", True, True

    filling: dict[str, Any] = {"calls:3": {"written": 500, "of": 2_000, "left_s": 3.0}}
    server = HealthServer(0, [Ready()], PrometheusMetrics(), lambda: filling)

    def get(path: str) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    try:
        assert get("/readyz") == (503, {"ok": False, "members": {"calls-0": True}, "filling_gates": filling})
        assert get("/healthz") == (200, {"ok": True, "members": {"calls-0": True}})
        filling = {}
        assert get("/readyz") == (200, {"ok": True, "members": {"calls-0": True}})
    finally:
        server.close()
