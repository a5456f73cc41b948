"""A simulator shared by the suite and reset for each test, the official client, and a customer to call back."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twilio.rest import Client  # type: ignore[import-untyped]

from infra.simulator import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, Account, RunningSimulator, Settings, start
from tests.behaviour.carrier.customer import Customer

ALICE, BOB, OURS = "+14155550101", "+14155550102", "+14155550100"
HELLO = "<Response><Say>Buy milk</Say></Response>"


def quick(**more: Any) -> Settings:
    return Settings(
        **{"accounts": (Account(calls_per_second=None),), "answer_after_s": 0.02, "dial_s": 0.0, **more}
    )


def official(simulator: RunningSimulator, token: str = DEMO_AUTH_TOKEN) -> Any:
    client = Client(DEMO_ACCOUNT_SID, token)
    client.api.base_url = simulator.base_url
    return client


@pytest.fixture(scope="package")
def _shared() -> Iterator[RunningSimulator]:
    with start(quick(admin_port=0)) as running:
        yield running


@pytest.fixture
def simulator(_shared: RunningSimulator) -> RunningSimulator:
    _shared.control.reset()
    return _shared


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[Any]:
    client = official(simulator)
    yield client
    client.http_client.session.close()


@pytest.fixture
def customer() -> Iterator[Customer]:
    with Customer() as customer:
        yield customer


@pytest.fixture
def call(client: Any, customer: Customer) -> Callable[..., Any]:
    """Place a call to Alice with all four events, TwiML at /voice, callbacks to /status?n=1."""

    def place(to: str = ALICE, **more: Any) -> Any:
        return client.calls.create(
            **{
                "to": to,
                "from_": OURS,
                "url": customer.url("/voice"),
                "status_callback": customer.url("/status?n=1"),
                "status_callback_event": ["initiated", "ringing", "answered", "completed"],
                "timeout": 30,
                **more,
            }
        )

    return place
