"""POST /status: what the carrier tells of calls and messages becomes evidence."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from connectors.gateway.urls import CallTarget, call_urls, message_url, parse_call, parse_message
from streams.ids import CallKey
from tests.unit.gateway.conftest import ACCOUNT, OUR_NUMBER, PUBLIC_URL, USER_NUMBER, Carrier, call_form

pytestmark = pytest.mark.anyio

KEY = CallKey("1c1c8b6e-aaaa-5bbb-8ccc-000000000001", 1_795_000_000_000, 2, 3)
TENANT = "acme & söhne|2"
USER = f"{TENANT}|{USER_NUMBER}"
CALL = call_urls(PUBLIC_URL, KEY, USER, 7, "n0nce").status_callback.removeprefix(PUBLIC_URL)
MESSAGE = message_url(PUBLIC_URL, "1c1c8b6e-r", 2, USER, 7, "n0nce").removeprefix(PUBLIC_URL)


def callback(status: str) -> dict[str, str]:
    return call_form(
        CallStatus=status,
        CallbackSource="call-progress-events",
        SequenceNumber="2",
        Timestamp="Sat, 21 Nov 2026 10:00:00 +0000",
        SipResponseCode="486",
        CallDuration="0",
        Duration="0",
    )


def message(status: str, **more: str) -> dict[str, str]:
    return {
        "SmsSid": "SM" + "4" * 32,
        "SmsStatus": status,
        "MessageStatus": status,
        "To": USER_NUMBER,
        "MessageSid": "SM" + "4" * 32,
        "AccountSid": ACCOUNT,
        "From": OUR_NUMBER,
        "ApiVersion": "2010-04-01",
        **more,
    }


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *[("queued", "PLACED"), ("initiated", "PLACED"), ("ringing", "RINGING"), ("in-progress", "RINGING")],
        *[("completed", "COMPLETED"), ("busy", "BUSY"), ("no-answer", "NO_ANSWER"), ("failed", "FAILED")],
        ("canceled", "CANCELED"),
    ],
)
async def test_each_status_of_a_call_is_evidence_about_its_attempt(
    carrier: Carrier, status: str, state: str
) -> None:
    """Keyed by the user, of whom the tenant came in the URL and the number in the signed To."""
    assert (await carrier.post(CALL, callback(status))).status_code == 204
    topic, key, record = carrier.produced()[0]
    assert (topic, key) == ("calls.events", USER)
    assert (record["reminder_id"], record["due_at"], record["attempt"], record["try"]) == KEY
    assert (record["state"], record["call_sid"], record["epoch"]) == (state, "CA" + "2" * 32, 7)
    assert (record["user"], record["tenant"]) == (USER, TENANT)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("queued", "SENT"),
        ("sent", "SENT"),
        ("delivered", "DELIVERED"),
        ("undelivered", "FAILED"),
        ("failed", "FAILED"),
    ],
)
async def test_each_status_of_a_message_is_evidence_about_its_reply(
    carrier: Carrier, status: str, state: str
) -> None:
    """On sms.events, keyed by the user, with the carrier's error code."""
    assert (await carrier.post(MESSAGE, message(status, ErrorCode="30003"))).status_code == 204
    topic, key, record = carrier.produced()[0]
    assert (topic, key) == ("sms.events", USER)
    assert (record["reply_id"], record["try"], record["state"]) == ("1c1c8b6e-r", 2, state)
    assert (record["reason"], record["code"]) == (f"{status}, error 30003", 30003)
    counted = {"kind": "message", "code": "30003", "then": "give_up"}
    assert carrier.metrics.value("ringback_carrier_refused_total", **counted) == 1


@pytest.mark.parametrize("path", [CALL, MESSAGE])
async def test_a_callback_that_kafka_does_not_take_is_not_acknowledged(carrier: Carrier, path: str) -> None:
    """503, so that the carrier tells it again."""
    carrier.producer.failure = KafkaError._MSG_TIMED_OUT
    form = callback("busy") if path == CALL else message("sent")
    assert (await carrier.post(path, form)).status_code == 503


@pytest.mark.parametrize("path", ["/status", "/status?r=a&y=1", "/status?k=a.1.1.1&t=a&e=1&n=n&k=b.1.1.1"])
async def test_a_url_that_is_not_ours(carrier: Carrier, path: str) -> None:
    """Signed, but naming nothing of ours: 400, nothing produced."""
    form = message("sent") if "r=" in path else callback("busy")
    response = await carrier.post(path, form)
    assert (response.status_code, response.json()["error"]) == (400, "wrong_url")
    assert not carrier.produced()


def test_urls_are_read_back_as_they_were_built() -> None:
    """Attempt, tenant, epoch and nonce survive, also with a tenant of odd characters."""
    voice = call_urls(PUBLIC_URL, KEY, USER, 7, "n0nce").url
    assert parse_call(voice.partition("?")[2]) == CallTarget(KEY, TENANT, 7, "n0nce")
    reply = parse_message(MESSAGE.partition("?")[2])
    assert (reply.reply_id, reply.try_, reply.tenant, reply.epoch) == ("1c1c8b6e-r", 2, TENANT, 7)


@pytest.mark.parametrize("reminder", ["a.b", "a&b", "", "x" * 65])
def test_an_id_that_would_not_come_back_is_refused_when_the_url_is_built(reminder: str) -> None:
    """Better a loud ValueError than a call whose callbacks name nothing."""
    with pytest.raises(ValueError, match="an id is"):
        call_urls(PUBLIC_URL, KEY._replace(reminder_id=reminder), USER, 7, "n")


def test_the_urls_hold_no_phone_number() -> None:
    """Query strings end in access logs on the way."""
    assert not [url for url in (*call_urls(PUBLIC_URL, KEY, USER, 7, "n"), MESSAGE) if "4155550101" in url]
