"""The controllers together: who is told to wait, and what is told about it."""

from __future__ import annotations

import pytest

from connectors.metrics import PrometheusMetrics
from streams.control.account import LONGEST_PAUSE_MS, SPREAD_MS, AccountControls, show
from streams.control.admission import Timing
from streams.control.breaker import LEAST_FAILURES
from streams.control.modes import Mode, Modes
from streams.once.carrier import NotSent, Placed, PlaceResult, Refused, Unknown
from streams.once.gate import Cap

CAP = Cap("acme", 3.0)
T0 = 1_795_000_000_000
FIRST = Timing(1, T0, T0 + 900_000)
AGAIN = FIRST._replace(try_=2)


def account(metrics: PrometheusMetrics | None = None, **modes: Mode) -> AccountControls:
    return AccountControls("call", Modes(**modes), metrics=metrics)


def request(controls: AccountControls, result: PlaceResult | None, now_ms: int = T0) -> None:
    token = controls.enter(now_ms)
    assert token is not None
    controls.leave(token, result, now_ms, 10.0, now_ms)


def fail(controls: AccountControls) -> None:
    for _ in range(LEAST_FAILURES):
        request(controls, Unknown("timeout"))


def spend(controls: AccountControls, now_ms: int = T0) -> None:
    """Tries again until there is no budget left."""
    for _ in range(1_000):
        controls.claimed(CAP, AGAIN, now_ms)


@pytest.mark.parametrize("result", [Unknown("HTTP 503"), NotSent("ClientConnectorError"), None])
def test_failures_hold_claims(result: PlaceResult | None) -> None:
    """No answer, no connection, an answer that proves nothing, a bug of ours: alike."""
    controls = account()
    for _ in range(LEAST_FAILURES):
        assert controls.wait_ms("k", CAP, FIRST, T0) == 0
        request(controls, result)
    assert controls.wait_ms("k", CAP, FIRST, T0) > 0


def test_those_who_wait_do_not_come_back_in_one_moment() -> None:
    """A thousand attempts are spread over the time that they may come back in."""
    controls = account()
    request(controls, Refused(20003, "no"))  # open for long
    waits = {controls.wait_ms(f"k{number}", CAP, FIRST, T0) for number in range(1_000)}
    assert len(waits) > 900
    assert max(waits) - min(waits) > 0.9 * SPREAD_MS


def test_a_spent_budget_holds_tries_again_and_nobody_else() -> None:
    """Of this tenant; another has a budget of its own."""
    controls = account()
    spend(controls)
    assert controls.wait_ms("k", CAP, AGAIN, T0) > 0
    assert controls.wait_ms("k", CAP, FIRST, T0) == 0
    assert controls.wait_ms("k", Cap("zeta", 3.0), AGAIN, T0) == 0


def test_what_an_outage_left_behind_counts_as_again() -> None:
    """A first try that was due before the carrier came back, but not one that is due after."""
    controls = account()
    fail(controls)
    back_ms = T0 + 10_000
    for _ in range(3):
        request(controls, Placed("CA1"), back_ms)
    spend(controls, back_ms)
    assert controls.wait_ms("k", CAP, FIRST, back_ms) > 0
    assert controls.wait_ms("k", CAP, FIRST._replace(start_at=back_ms), back_ms) == 0


def test_a_tenant_with_a_new_cap_has_a_new_budget() -> None:
    """As soon as the operator has applied it."""
    controls = account()
    spend(controls)
    assert controls.wait_ms("k", Cap("acme", 30.0), AGAIN, T0) == 0


@pytest.mark.parametrize(("seconds", "pause_ms"), [(2.0, 2_000), (3_600.0, LONGEST_PAUSE_MS)])
def test_retry_after_is_waited_out(seconds: float, pause_ms: int) -> None:
    """By all claims, within reason."""
    controls = account()
    request(controls, NotSent("429", seconds))
    assert controls.wait_ms("k", CAP, FIRST, T0 + pause_ms - 1) > 0
    assert controls.wait_ms("k", CAP, FIRST, T0 + pause_ms) == 0


@pytest.mark.parametrize("mode", ["off", "shadow"])
def test_in_shadow_nobody_waits_and_the_decision_is_counted(mode: Mode) -> None:
    """Off decides nothing; shadow counts what it would have done."""
    metrics = PrometheusMetrics()
    controls = account(metrics, breaker=mode, budget=mode, concurrency=mode, timeout=mode)
    fail(controls)
    spend(controls)
    request(controls, NotSent("429", 2.0))
    assert controls.wait_ms("k", CAP, AGAIN, T0) == 0
    assert controls.limit == 100
    for controller in ("breaker", "budget", "concurrency"):
        about = {"kind": "call", "controller": controller, "mode": mode, "decision": "wait"}
        assert metrics.value("ringback_control_decisions_total", **about) == (mode == "shadow")


def test_a_longer_timeout_is_used_when_it_is_on() -> None:
    """And only then."""
    for mode, longer in (("off", False), ("shadow", False), ("on", True)):
        controls = account(timeout=mode)  # type: ignore[arg-type]
        for _ in range(200):
            token = controls.enter(T0)
            assert token is not None
            controls.leave(token, Placed("CA1"), T0, 8_000.0, T0)
        assert (controls.read_ms(T0) > 15_000) == longer


def test_what_stands_on_the_page() -> None:
    """Requests by outcome, refusals by code, the state of the breaker, what is out, over all members of the process."""
    metrics = PrometheusMetrics()
    one, other = account(metrics), account(metrics)
    request(one, Placed("CA1"))
    request(one, NotSent("429"))
    request(one, Refused(21211, "no"))
    request(one, Refused(99999, "no"))
    one.unsent("ClientConnectorError: ECONNREFUSED")
    fail(other)
    assert one.enter(T0) is not None
    show(metrics, [one, other], T0)
    for outcome, count in {"placed": 1, "throttled": 1, "refused": 2, "unknown": LEAST_FAILURES}.items():
        assert metrics.value("ringback_carrier_request_seconds", kind="call", outcome=outcome) == count
    refused = {"kind": "call", "code": "21211", "then": "tell"}
    assert metrics.value("ringback_carrier_refused_total", **refused) == 1
    unlisted = {"kind": "call", "code": "other", "then": "retry"}
    assert metrics.value("ringback_carrier_refused_total", **unlisted) == 1
    assert metrics.value("ringback_unsent_total", kind="call", reason="ClientConnectorError") == 1
    assert metrics.value("ringback_breaker_state", kind="call") == 2
    assert metrics.value("ringback_carrier_in_flight", kind="call") == 1
    assert metrics.value("ringback_carrier_window", kind="call") == 70
    assert metrics.value("ringback_control_mode", kind="call", controller="timeout") == 1


def test_a_code_that_is_ours_to_mend_is_an_error_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """Not one a call: the log must stay readable when nothing works."""
    controls = account(breaker="off")
    for seconds in (0, 1, 59, 60):
        request(controls, Refused(20003, "HTTP 401"), T0 + seconds * 1_000)
    assert [r.levelname for r in caplog.records] == ["ERROR", "ERROR"]
    assert "20003" in caplog.text


def test_counters_stand_at_zero_before_anything_happened() -> None:
    """`rate` cannot see a counter's first step; without these the first refusal of our account would go unseen."""
    metrics = PrometheusMetrics()
    controls = account(metrics, timeout="off", concurrency="shadow")
    page = metrics.page()[0].decode()
    assert 'ringback_carrier_refused_total{code="20003",kind="call",then="hold"} 0.0' in page
    for decision in ("wait", "refuse", "open", "half_open", "closed"):
        row = f'{{controller="breaker",decision="{decision}",kind="call",mode="on"}} 0.0'
        assert f"ringback_control_decisions_total{row}" in page
    assert 'controller="concurrency",decision="shrink",kind="call",mode="shadow"} 0.0' in page
    assert 'controller="timeout"' not in page
    fail(controls)
    spend(controls)
    counted = metrics.page()[0].decode()
    decided = {line.rpartition("}")[0] for line in counted.splitlines() if "control_decisions_total{" in line}
    there = {line.rpartition("}")[0] for line in page.splitlines() if "control_decisions_total{" in line}
    assert decided == there  # nothing is decided that was not announced
