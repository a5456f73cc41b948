"""POST /voice: who picked up first hears the words, once it is written down."""

from __future__ import annotations

import asyncio
import threading
from xml.etree import ElementTree

import pytest
from confluent_kafka import KafkaError

from connectors.gate import RedisGate
from connectors.gateway.urls import call_urls
from streams.ids import CallKey
from streams.once.gate import GateEntry, Say
from tests.behaviour.gate.valkey_server import ValkeyServer
from tests.behaviour.gate.worlds import filled
from tests.unit.gateway.conftest import PUBLIC_URL, USER_NUMBER, Carrier, call_form

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

KEY = CallKey("1c1c8b6e-aaaa-5bbb-8ccc-000000000001", 1_795_000_000_000, 1, 1)
NEXT = KEY._replace(attempt=2)
USER = f"acme|{USER_NUMBER}"
SAY = Say(USER, "buy milk <Redirect>x</Redirect> & \x00bread", "en", "acme")
SCOPE = "calls:3"


def path_of(key: CallKey) -> str:
    return call_urls(PUBLIC_URL, key, USER, epoch=7, nonce="n0nce").url.removeprefix(PUBLIC_URL)


def heard(xml: str) -> list[str]:
    """The names of what the carrier is told to do."""
    return [element.tag for element in ElementTree.fromstring(xml)]


def redirect(xml: str) -> str:
    found = ElementTree.fromstring(xml).findtext("Redirect")
    assert found is not None
    return found.removeprefix(PUBLIC_URL)


@pytest.fixture(autouse=True)
async def gated(gate: RedisGate) -> None:
    """Two attempts of one occurrence have been posted."""
    await filled(gate, SCOPE)
    for key in (KEY, NEXT):
        await gate.enter(SCOPE, str(key), 7, f"token {key}", SAY, None)


async def test_the_first_call_hears_the_words_and_it_is_written_before_and_after(carrier: Carrier) -> None:
    """ANSWERED, the words, TOLD, all keyed by the user; the text is data, not TwiML."""
    response = await carrier.post(path_of(KEY), call_form())
    assert heard(response.text) == ["Gather", "Say", "Hangup"]
    spoken = ElementTree.fromstring(response.text).findtext("Gather/Say")
    assert spoken == "This is your reminder: buy milk <Redirect>x</Redirect> & bread"
    assert carrier.states() == ["ANSWERED", "TOLD"]
    topic, key, record = carrier.produced()[0]
    assert (topic, key) == ("calls.events", USER)
    assert record["call_sid"] == "CA" + "2" * 32
    assert (record["reminder_id"], record["due_at"], record["attempt"], record["try"], record["epoch"]) == (
        *KEY,
        7,
    )


async def test_the_same_call_asking_again_hears_the_same(carrier: Carrier) -> None:
    """A lost response is asked for again: the words are given again."""
    first = await carrier.post(path_of(KEY), call_form())
    again = await carrier.post(path_of(KEY), call_form())
    assert again.text == first.text


async def test_another_call_of_the_occurrence_hears_nothing(carrier: Carrier) -> None:
    """The next attempt's call, picked up too: hang up, no evidence of an answer."""
    await carrier.post(path_of(KEY), call_form())
    response = await carrier.post(path_of(NEXT), call_form(CallSid="CA" + "3" * 32))
    assert heard(response.text) == ["Hangup"]
    assert carrier.states() == ["ANSWERED", "TOLD"]


async def test_no_words_without_kafka(carrier: Carrier) -> None:
    """ANSWERED is not confirmed: pause and redirect, three times, then an apology without the words."""
    carrier.producer.failure = KafkaError._MSG_TIMED_OUT
    path = path_of(KEY)
    for _ in range(3):
        response = await carrier.post(path, call_form())
        assert heard(response.text) == ["Pause", "Redirect"]
        path = redirect(response.text)
    last = await carrier.post(path, call_form())
    assert heard(last.text) == ["Say", "Hangup"]
    assert "milk" not in last.text
    carrier.producer.failure = None
    assert "milk" in (await carrier.post(path, call_form())).text, "Kafka back in time: the words after all"


async def test_no_words_without_redis(carrier: Carrier, valkey: ValkeyServer) -> None:
    """Redis away: pause and redirect, three times, then an apology; nothing is written."""
    valkey.kill()
    try:
        path, seen = path_of(KEY), []
        for _ in range(3):
            response = await carrier.post(path, call_form())
            seen.append(heard(response.text))
            path = redirect(response.text)
        seen.append(heard((await carrier.post(path, call_form())).text))
        ready = await carrier.client.get("/readyz")
    finally:
        valkey.start()
    assert seen == [["Pause", "Redirect"]] * 3 + [["Say", "Hangup"]]
    assert carrier.states() == []
    assert ready.status_code == 503
    assert ready.json()["kafka"] == "ok"


async def test_words_wait_when_the_gate_changed_meanwhile(
    carrier: Carrier, gate: RedisGate, valkey: ValkeyServer
) -> None:
    """The server is lost between ANSWERED and the words: no words until it is filled from the log again."""

    def lose() -> None:
        valkey.kill()
        valkey.wipe()
        valkey.start()
        carrier.producer.meanwhile = lambda: None

    carrier.producer.meanwhile = lose
    response = await carrier.post(path_of(KEY), call_form())
    assert heard(response.text) == ["Pause", "Redirect"]
    assert carrier.states() == ["ANSWERED"]
    await gate.answer(str(KEY.occurrence), "CA" + "2" * 32)
    await filled(gate, SCOPE, [GateEntry(str(KEY), 7, gated=True, finished=False, say=SAY)])
    assert "milk" in (await carrier.post(redirect(response.text), call_form())).text


async def test_no_words_when_a_refill_gave_them_to_another_call(
    carrier: Carrier, valkey: ValkeyServer, request: pytest.FixtureRequest
) -> None:
    """Lost and filled between ANSWERED and the words, with the gate back but another call in its answer."""

    async def refill() -> None:
        gate = RedisGate.from_url(valkey.url, prefix=f"{request.node.name}:")
        shut = GateEntry(str(KEY), 7, gated=True, finished=False, say=SAY)
        await gate.fill(SCOPE, await gate.generation(), [shut], [(str(KEY.occurrence), "CA" + "8" * 32)])
        await gate.close()

    def lose_and_refill() -> None:
        carrier.producer.meanwhile = lambda: None
        valkey.kill()
        valkey.wipe()
        valkey.start()
        filling = threading.Thread(target=lambda: asyncio.run(refill()))
        filling.start()
        filling.join()

    carrier.producer.meanwhile = lose_and_refill
    response = await carrier.post(path_of(KEY), call_form())
    assert heard(response.text) == ["Pause", "Redirect"]
    assert heard((await carrier.post(redirect(response.text), call_form())).text) == ["Hangup"]


async def test_an_unknown_call_is_asked_for_again_and_then_hung_up(carrier: Carrier) -> None:
    """A signed URL of a gate that is not there: perhaps being filled, so three redirects, then the end; counted."""
    path = path_of(KEY._replace(attempt=9))
    for _ in range(3):
        path = redirect((await carrier.post(path, call_form())).text)
    assert heard((await carrier.post(path, call_form())).text) == ["Hangup"]
    assert carrier.states() == []
    counted = carrier.metrics.value("ringback_gateway_answers_total", outcome="unknown_call_given_up")
    assert counted == 1


async def test_a_fenced_gate_that_was_never_passed_has_no_words(carrier: Carrier, gate: RedisGate) -> None:
    """Only a gated attempt is a call of ours."""
    other = KEY._replace(attempt=5)
    await gate.fill(SCOPE, await gate.generation(), [GateEntry(str(other), 7, False, False, SAY)])
    assert heard((await carrier.post(path_of(other), call_form())).text) == ["Pause", "Redirect"]


async def test_somebody_else_does_not_hear_it(carrier: Carrier) -> None:
    """The call went to another number than the reminder's user: hang up."""
    response = await carrier.post(path_of(KEY), call_form(To="+14155550199"))
    assert heard(response.text) == ["Hangup"]
    assert carrier.states() == []


@pytest.mark.parametrize(
    "query", ["", "k=x", "k=a.1.1.1&t=acme&e=1", "k=a.1.1.1&t=acme&e=1&n=n&z=1", "k=a.b.1.1&t=a&e=1&n=n"]
)
async def test_a_url_that_is_not_ours(carrier: Carrier, query: str) -> None:
    """Signed, but naming no attempt: 400."""
    response = await carrier.post(f"/voice?{query}" if query else "/voice", call_form())
    assert (response.status_code, response.json()["error"]) == (400, "wrong_url")
