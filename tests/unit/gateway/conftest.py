from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest
from confluent_kafka import Producer

from connectors.carrier.signature import HEADER, compute_signature
from connectors.gate import RedisGate
from connectors.gateway import Deliveries, GatewaySettings, create_app
from connectors.metrics import PrometheusMetrics
from schemas import codec
from streams.runtime.clock import ManualClock
from tests.behaviour.gate.valkey_server import ValkeyServer, valkey_server
from tests.unit.gateway.described import described
from tests.unit.gateway.producers import MemoryProducer

PUBLIC_URL = "https://ring.example/hooks"
TOKEN = "a-token-for-tests"
ACCOUNT = "AC" + "0" * 32
USER_NUMBER = "+14155550101"
OUR_NUMBER = "+14155550100"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    with valkey_server() as server:
        yield server


@pytest.fixture
async def gate(valkey: ValkeyServer, request: pytest.FixtureRequest) -> AsyncIterator[RedisGate]:
    gate = RedisGate.from_url(valkey.url, prefix=f"{request.node.name}:")
    yield gate
    await gate.close()


class Carrier:
    """The carrier's side: signs and posts webhooks, and shows what the gateway has produced."""

    def __init__(
        self, client: httpx.AsyncClient, producer: MemoryProducer, metrics: PrometheusMetrics
    ) -> None:
        self.client = client
        self.producer = producer
        self.metrics = metrics

    async def post(
        self, path: str, params: dict[str, str] | list[tuple[str, str]], token: str = TOKEN, **headers: str
    ) -> httpx.Response:
        """`path` with its query; it is signed as the public URL that the carrier was given."""
        pairs = list(params.items()) if isinstance(params, dict) else params
        signature = compute_signature(token, PUBLIC_URL + path, pairs)
        body = urlencode(pairs)
        kind = {"Content-Type": "application/x-www-form-urlencoded", HEADER: signature}
        return await self.client.post(path, content=body, headers={**kind, **headers})

    def produced(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(topic, key, record) of all that was produced, in order."""
        return [(topic, key, codec.decode(value).record) for topic, value, key in self.producer.records]

    def states(self) -> list[str]:
        return [record["state"] for _, _, record in self.produced()]


@pytest.fixture
def settings() -> GatewaySettings:
    return GatewaySettings(
        PUBLIC_URL, TOKEN, ACCOUNT, read_timeout_s=0.2, delivery_wait_s=0.3, voice_wait_s=2.0, max_in_flight=4
    )


@pytest.fixture
async def carrier(gate: RedisGate, settings: GatewaySettings) -> AsyncIterator[Carrier]:
    producer, metrics = MemoryProducer(), PrometheusMetrics()
    deliveries = Deliveries(lambda: cast(Producer, producer), metrics)
    deliveries.start()
    app = create_app(settings, gate, deliveries, metrics, ManualClock())
    transport = httpx.ASGITransport(app)
    hooks: dict[str, list[Any]] = {"response": [described]}
    async with httpx.AsyncClient(transport=transport, base_url="http://inside", event_hooks=hooks) as client:
        yield Carrier(client, producer, metrics)
    await deliveries.close(1)


@pytest.fixture(autouse=True)
def no_number_in_the_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every test here also claims: phone numbers and texts do not reach the log."""
    caplog.set_level(logging.DEBUG, "ringback")
    yield
    own = [record.getMessage() for record in caplog.records if record.name.startswith("ringback")]
    for secret in (USER_NUMBER, OUR_NUMBER, "buy milk", TOKEN):
        assert not [line for line in own if secret in line]


def sms_form(**changes: str) -> dict[str, str]:
    """An incoming SMS as Twilio posts it."""
    form = {
        "ToCountry": "US",
        "ToState": "CA",
        "SmsMessageSid": "SM" + "1" * 32,
        "NumMedia": "0",
        "ToCity": "SAN FRANCISCO",
        "FromZip": "94107",
        "SmsSid": "SM" + "1" * 32,
        "FromState": "CA",
        "SmsStatus": "received",
        "FromCity": "SÃO PAULO",
        "Body": "Remind me to buy milk at 6:30 PM",
        "FromCountry": "US",
        "To": OUR_NUMBER,
        "ToZip": "",
        "NumSegments": "1",
        "MessageSid": "SM" + "1" * 32,
        "AccountSid": ACCOUNT,
        "From": USER_NUMBER,
        "ApiVersion": "2010-04-01",
    }
    return {**form, **changes}


def call_form(**changes: str) -> dict[str, str]:
    """A call of ours as Twilio posts it, when it asks for TwiML or tells how far it is."""
    form = {
        "Called": USER_NUMBER,
        "ToState": "CA",
        "CallerCountry": "US",
        "Direction": "outbound-api",
        "CallerState": "CA",
        "ToZip": "",
        "CallSid": "CA" + "2" * 32,
        "To": USER_NUMBER,
        "CallerZip": "94107",
        "ToCountry": "US",
        "StirVerstat": "TN-Validation-Passed-A",
        "CalledZip": "",
        "ApiVersion": "2010-04-01",
        "CalledCity": "",
        "CallStatus": "in-progress",
        "From": OUR_NUMBER,
        "AccountSid": ACCOUNT,
        "CalledCountry": "US",
        "CallerCity": "SAN FRANCISCO",
        "ToCity": "",
        "FromCountry": "US",
        "Caller": OUR_NUMBER,
        "FromCity": "SAN FRANCISCO",
        "CalledState": "CA",
        "FromZip": "94107",
        "FromState": "CA",
    }
    return {**form, **changes}
