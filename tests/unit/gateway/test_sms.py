"""POST /sms: an SMS is acknowledged when Kafka has it, and only then."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.runtime.clock import ManualClock
from tests.unit.gateway.conftest import OUR_NUMBER, USER_NUMBER, Carrier, sms_form

pytestmark = pytest.mark.anyio


async def test_an_sms_becomes_a_record_and_an_empty_answer(carrier: Carrier) -> None:
    """The record holds the SMS, received now; the answer is TwiML that sends nothing back."""
    response = await carrier.post("/sms", sms_form())
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/xml")
    assert "<Response" in response.text
    assert "<Message" not in response.text
    assert carrier.produced() == [
        (
            "sms.inbound",
            USER_NUMBER,
            {
                "message_sid": "SM" + "1" * 32,
                "from": USER_NUMBER,
                "to": OUR_NUMBER,
                "body": "Remind me to buy milk at 6:30 PM",
                "received_at": ManualClock().now_ms(),
            },
        )
    ]


@pytest.mark.parametrize("body", ["", "x" * 1600, "line\nbreak & = + % ; 😀 \u202e", "Fromage+1To"])
async def test_any_text_arrives_as_it_was_sent(carrier: Carrier, body: str) -> None:
    """Whatever users write, up to the longest message, reaches the topic unchanged."""
    assert (await carrier.post("/sms", sms_form(Body=body))).status_code == 200
    assert carrier.produced()[0][2]["body"] == body


@pytest.mark.parametrize("trouble", ["failed", "silent", "full"])
async def test_what_kafka_does_not_confirm_is_not_acknowledged(carrier: Carrier, trouble: str) -> None:
    """A failed delivery, no word in time, a full queue: 503 with Retry-After, and it is counted."""
    carrier.producer.failure = KafkaError._MSG_TIMED_OUT if trouble == "failed" else None
    carrier.producer.silent = trouble == "silent"
    carrier.producer.full = trouble == "full"
    response = await carrier.post("/sms", sms_form())
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    page = (await carrier.client.get("/metrics")).text
    assert 'ringback_gateway_produce_failed_total{reason="' in page


async def test_a_producer_with_a_fatal_error_is_replaced(carrier: Carrier) -> None:
    """The request fails, the broken producer is thrown away, and the next request is served."""
    carrier.producer.failure = KafkaError._FATAL
    assert (await carrier.post("/sms", sms_form())).status_code == 503
    carrier.producer.failure = None
    assert (await carrier.post("/sms", sms_form())).status_code == 200
    assert carrier.producer.purged


@pytest.mark.parametrize("blamed", [False, True])
async def test_an_error_that_breaks_the_client_does_not_end_the_gateway(
    carrier: Carrier, blamed: bool
) -> None:
    """It is raised out of `poll`, or out of a report that ran meanwhile: the next request is served all the same."""
    fatal = KafkaException(KafkaError(KafkaError._FATAL))
    carrier.producer.raises = _blamed(fatal) if blamed else fatal
    assert (await carrier.post("/sms", sms_form())).status_code == 503
    assert (await carrier.post("/sms", sms_form())).status_code == 200
    assert carrier.producer.purged


def _blamed(fatal: Exception) -> Exception:
    """As Python tells of a call that returned with `fatal` pending."""
    error = SystemError("<function report> returned a result with an exception set")
    error.__cause__ = fatal
    return error
