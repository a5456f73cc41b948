"""What we send, and what the simulator answers, held against Twilio's published OpenAPI description.

Checked by `openapi-core` (path, method, path and query parameters, security, form body) on the bytes that went
over the wire. The simulator is one side of these tests and our client the other: neither can bend the contract.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from openapi_core.exceptions import OpenAPIError

from connectors.carrier import TwilioCarrier
from infra.cluster.cache import cache_folder
from infra.simulator import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, RunningSimulator
from streams.once.carrier import CallRequest, MessageRequest, Placed
from tests.behaviour.carrier.conftest import ALICE, OURS
from tests.behaviour.carrier.openapi import Exchanged, Published, Recorder, UnpublishedError, description

pytestmark = pytest.mark.needs("npm")


@pytest.fixture(scope="module")
def published() -> Published:
    cache = cache_folder() / "openapi"
    if shutil.which("npm") is None and not any(cache.glob("*.tgz")):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("needs npm")
    return Published(description(cache))


@pytest.fixture
def recorder(simulator: RunningSimulator) -> Iterator[Recorder]:
    with Recorder(simulator.base_url) as recorder:
        yield recorder


def everything_we_do(simulator: RunningSimulator, recorder: Recorder) -> list[Exchanged]:
    """One of each request that TwilioCarrier can make, in an order that leaves no call behind."""
    simulator.control.behave(ALICE, {"outcome": "no-answer"}, {"outcome": "answer"})
    url = "https://ringback.example/voice?reminder=a%7Cb&try=1"
    call = CallRequest(ALICE, OURS, url, url.replace("voice", "fallback"), url.replace("voice", "status"), 30)
    message = MessageRequest(ALICE, OURS, "Grüße & 1+1 ☎", "https://ringback.example/status")

    async def run() -> None:
        async with TwilioCarrier(DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, recorder.url) as carrier:
            placed = await carrier.place_call(call)
            assert isinstance(placed, Placed)
            sent = await carrier.send_message(message)
            assert isinstance(sent, Placed)
            assert [m async for m in carrier.received(OURS, 1_795_000_000_000)] == []
            await carrier.fetch_message(sent.sid)
            await carrier.find_calls(ALICE, OURS, 0)
            await carrier.find_messages(ALICE, OURS, 0)
            await carrier.fetch_call(placed.sid)
            await carrier.cancel(placed.sid)
            await carrier.hang_up(placed.sid)

    asyncio.run(run())
    return recorder.exchanges


def test_every_request_that_we_send_is_as_published(
    published: Published, simulator: RunningSimulator, recorder: Recorder
) -> None:
    """Method, path, parameters and form of each; and each kind of request was really made."""
    exchanges = everything_we_do(simulator, recorder)
    for exchanged in exchanges:
        published.check_request(exchanged)
    kinds = [(exchanged.method, urlsplit(exchanged.target).path.split("/")[4]) for exchanged in exchanges]
    assert sorted(set(kinds)) == [
        ("GET", "Calls"),
        ("GET", "Calls.json"),
        ("GET", "Messages"),
        ("GET", "Messages.json"),
        ("POST", "Calls"),
        ("POST", "Calls.json"),
        ("POST", "Messages.json"),
    ]


def test_every_answer_of_the_simulator_is_as_published(
    published: Published, simulator: RunningSimulator, recorder: Recorder
) -> None:
    """Status, content type and schema of each; every field of a published call is there."""
    for exchanged in everything_we_do(simulator, recorder):
        published.check_answer(exchanged)
    [created] = [
        one for one in recorder.exchanges if one.method == "POST" and one.target.endswith("Calls.json")
    ]
    assert set(json.loads(created.answer)) == published.fields("api.v2010.account.call")


@pytest.mark.parametrize(
    ("ours", "wrong"),
    [
        (b"StatusCallbackEvent=", b"StatusCallbackEvents="),
        (b"Timeout=30", b"Timeout=soon"),
        (b"Method=POST", b"Method=PUT"),
        (b"To=", b"Too="),
    ],
)
def test_the_check_can_fail(
    ours: bytes, wrong: bytes, published: Published, simulator: RunningSimulator, recorder: Recorder
) -> None:
    """A misspelt, mistyped, unknown or missing field of our own request to create a call is found."""
    created = everything_we_do(simulator, recorder)[0]
    assert ours in created.body
    with pytest.raises((OpenAPIError, UnpublishedError)):
        published.check_request(replace(created, body=created.body.replace(ours, wrong)))


def test_the_events_are_sent_one_by_one(simulator: RunningSimulator, recorder: Recorder) -> None:
    """StatusCallbackEvent repeats its name; one field with commas or brackets would ask for nothing."""
    created = everything_we_do(simulator, recorder)[0]
    events = parse_qs(created.body.decode())["StatusCallbackEvent"]
    assert events == ["initiated", "ringing", "answered", "completed"]
