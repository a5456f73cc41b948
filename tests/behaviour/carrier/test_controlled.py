"""The hands as `ringback run calls` makes them, against the simulator: the controllers see real failures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from connectors.carrier import Timeouts, TwilioCarrier
from connectors.metrics import PrometheusMetrics
from connectors.placing import BREAKER_OPEN
from connectors.settings import Settings
from infra.run.processors import make_controls, make_hands
from infra.simulator import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, RunningSimulator
from streams.control.breaker import LEAST_FAILURES, OPEN_CAP_MS, PROBES
from streams.once.carrier import CallRequest, Placed, PlaceResult, Refused, Unknown
from streams.once.effects import Place
from streams.runtime.clock import ManualClock
from tests.behaviour.carrier.conftest import ALICE, OURS

NOWHERE = "http://127.0.0.1:9/"
CALL = CallRequest(ALICE, OURS, NOWHERE, NOWHERE, NOWHERE, 30)


class Member:
    """One member of `calls`, without a broker and a gate: requests only."""

    def __init__(self, base_url: str, **settings: str) -> None:
        read = Settings.read(
            {
                "REDIS_URL": "redis://127.0.0.1:9/0",
                "TWILIO_ACCOUNT_SID": DEMO_ACCOUNT_SID,
                "TWILIO_AUTH_TOKEN": DEMO_AUTH_TOKEN,
                "TWILIO_BASE_URL": base_url,
                "PUBLIC_URL": NOWHERE,
                **settings,
            }
        )
        self.clock, self.metrics = ManualClock(), PrometheusMetrics()
        self.controls = make_controls("calls", read, self.metrics, "member-1")
        self.hands = make_hands("calls", read, self.clock, self.metrics, self.controls)
        self.answers: SimpleQueue[Any] = SimpleQueue()

    def place(self) -> Any:
        now_ms = self.clock.now_ms()
        self.hands.submit(Place("c|k", "k", now_ms, now_ms + 2_000, CALL), self.answers.put)
        return self.answers.get(timeout=10)


@pytest.fixture
def member(simulator: RunningSimulator) -> Iterator[Member]:
    member = Member(simulator.base_url)
    yield member
    member.hands.close(1.0)


def test_a_carrier_that_fails_is_left_alone_and_found_again(
    member: Member, simulator: RunningSimulator
) -> None:
    """Five answers of 503, then no request any more; a minute later three probes, and all is as before."""
    simulator.control.fault("calls", "respond", op="create", status=503, count=100)
    for _ in range(LEAST_FAILURES):
        assert isinstance(member.place(), Unknown)
    simulator.control.clear_faults()
    assert member.place() == BREAKER_OPEN
    assert simulator.control.truth(type_="call.created") == []
    member.clock.advance(OPEN_CAP_MS / 1000)
    for _ in range(PROBES + 1):
        assert isinstance(member.place(), Placed)
    assert (
        member.metrics.value("ringback_carrier_request_seconds", kind="call", outcome="placed") == PROBES + 1
    )


def test_a_wrong_token_is_tried_once(simulator: RunningSimulator) -> None:
    """The first refusal says enough."""
    member = Member(simulator.base_url, TWILIO_AUTH_TOKEN="wrong")
    try:
        refused = member.place()
        assert isinstance(refused, Refused)
        assert refused.code == 20003
        assert member.place() == BREAKER_OPEN
    finally:
        member.hands.close(1.0)


def test_off_is_off(simulator: RunningSimulator) -> None:
    """A setting is enough."""
    member = Member(simulator.base_url, RINGBACK_BREAKER="off")
    try:
        simulator.control.fault("calls", "respond", op="create", status=503, count=100)
        for _ in range(3 * LEAST_FAILURES):
            assert isinstance(member.place(), Unknown)
    finally:
        member.hands.close(1.0)


def test_the_read_timeout_is_asked_for_each_request(simulator: RunningSimulator) -> None:
    """Too short for a slow carrier, then long enough; questions keep the configured one."""
    simulator.control.fault("calls", "slow", op="create", after_s=0.5)

    async def play() -> tuple[PlaceResult, PlaceResult]:
        read_s = [0.1, 5.0]
        timeouts = Timeouts(connect_s=1.0, read_s=1.0)
        async with TwilioCarrier(
            DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, simulator.base_url, timeouts, 10, lambda: read_s.pop(0)
        ) as carrier:
            return await carrier.place_call(CALL), await carrier.place_call(CALL)

    short, long = asyncio.run(play())
    assert short == Unknown("SocketTimeoutError")
    assert isinstance(long, Placed)
