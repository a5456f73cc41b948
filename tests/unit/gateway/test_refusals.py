"""What is turned away, and with which status. Nothing of it reaches Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from connectors.carrier.signature import HEADER, compute_signature
from tests.unit.gateway.conftest import ACCOUNT, OUR_NUMBER, PUBLIC_URL, TOKEN, USER_NUMBER, Carrier, sms_form

pytestmark = pytest.mark.anyio

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def refused(carrier: Carrier, response: httpx.Response, status: int, reason: str) -> None:
    assert (response.status_code, response.json()["error"]) == (status, reason)
    assert carrier.metrics.value("ringback_gateway_refused_total", endpoint="/sms", reason=reason) == 1
    assert not carrier.produced()


async def test_a_wrong_signature(carrier: Carrier) -> None:
    """Signed with another token."""
    refused(carrier, await carrier.post("/sms", sms_form(), token="other"), 403, "wrong_signature")


async def test_no_signature(carrier: Carrier) -> None:
    """Not signed at all: refused before the body is read."""
    refused(carrier, await carrier.client.post("/sms", content="Body=x", headers=FORM), 403, "no_signature")


@pytest.mark.parametrize("name", ["Body", "From", "MessageSid"])
async def test_a_parameter_that_was_changed(carrier: Carrier, name: str) -> None:
    """The signature of one message does not carry another."""
    signature = compute_signature(TOKEN, f"{PUBLIC_URL}/sms", sms_form().items())
    changed = {"Body": "other", "From": "+14155550199", "MessageSid": "SM" + "9" * 32}[name]
    response = await carrier.post("/sms", sms_form(**{name: changed}), **{HEADER: signature})
    refused(carrier, response, 403, "wrong_signature")


async def test_the_signature_covers_the_query(carrier: Carrier) -> None:
    """A signed webhook cannot be played back to another URL of ours."""
    signature = compute_signature(TOKEN, f"{PUBLIC_URL}/sms", sms_form().items())
    response = await carrier.post("/sms?x=1", sms_form(), **{HEADER: signature})
    refused(carrier, response, 403, "wrong_signature")


# All of them sign as AccountSid, Body=a, From, MessageSid, To in this order do.
CUTS: dict[str, tuple[list[tuple[str, str]], str]] = {
    "a body that swallows the sender": ([("Body", f"aFrom{USER_NUMBER}")], "missing_parameter"),
    "a name that swallows a value": ([("Bodya", ""), ("From", USER_NUMBER)], "unknown_parameter"),
    "a name cut short": ([("Body", "a"), ("Fro", f"m{USER_NUMBER}")], "unknown_parameter"),
    "a value cut short": (
        [("Body", "a"), ("From", USER_NUMBER[:-1]), (USER_NUMBER[-1], "")],
        "wrong_signature",  # the new name sorts elsewhere
    ),
    "a parameter of nothing": ([("Bo", "dya"), ("From", USER_NUMBER)], "unknown_parameter"),
}


@pytest.mark.parametrize("name", CUTS)
async def test_other_cuts_of_signed_characters(carrier: Carrier, name: str) -> None:
    """`Body=a&From=b` cut elsewhere bears the same signature: refused by names and shapes."""
    cut, reason = CUTS[name]
    rest = [("AccountSid", ACCOUNT), ("MessageSid", "SM" + "1" * 32), ("To", OUR_NUMBER)]
    signature = compute_signature(TOKEN, f"{PUBLIC_URL}/sms", [*rest, ("Body", "a"), ("From", USER_NUMBER)])
    response = await carrier.post("/sms", [*rest, *cut], **{HEADER: signature})
    refused(carrier, response, 403 if reason == "wrong_signature" else 400, reason)


@pytest.mark.parametrize("second", [USER_NUMBER, "+14155550199"])
async def test_a_repeated_parameter(carrier: Carrier, second: str) -> None:
    """Twice the same name has no one meaning, even signed and even with the same value."""
    params = [*sms_form().items(), ("From", second)]
    refused(carrier, await carrier.post("/sms", params), 400, "repeated_parameter")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("From", "14155550101"),
        ("From", "whatsapp:+14155550101"),
        ("From", "+1415555010١"),
        ("To", ""),
        ("MessageSid", "SM123"),
        ("MessageSid", "CA" + "1" * 32),
        ("Body", "x" * 1601),
        ("FromCity", "X+1"),
        ("SmsStatus", "sent"),
    ],
)
async def test_a_wrong_shape(carrier: Carrier, name: str, value: str) -> None:
    """Signed, known and still not what the carrier writes there."""
    refused(carrier, await carrier.post("/sms", sms_form(**{name: value})), 400, "wrong_shape")


@pytest.mark.parametrize("name", ["AccountSid", "MessageSid", "From", "To", "Body"])
async def test_a_missing_parameter(carrier: Carrier, name: str) -> None:
    """What we read must be there."""
    form = sms_form()
    del form[name]
    refused(carrier, await carrier.post("/sms", form), 400, "missing_parameter")


async def test_an_unknown_parameter(carrier: Carrier) -> None:
    """The answer names it, so that an operator can admit it."""
    response = await carrier.post("/sms", sms_form(NewThing="1"))
    assert "NewThing" in response.json()["detail"]
    refused(carrier, response, 400, "unknown_parameter")


async def test_another_account(carrier: Carrier) -> None:
    """A subaccount that shares the token is not ours."""
    refused(carrier, await carrier.post("/sms", sms_form(AccountSid="AC" + "9" * 32)), 403, "other_account")


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data; boundary=x", "", f"{FORM}; charset=latin1"]
)
async def test_another_content_type(carrier: Carrier, kind: str) -> None:
    """Only the carrier's own."""
    refused(carrier, await carrier.post("/sms", sms_form(), **{"Content-Type": kind}), 415, "content_type")


@pytest.mark.parametrize("body", ["Body", "Body=%FF", "&".join(f"a{n}=" for n in range(101)), "Body=\u00e9"])
async def test_a_malformed_body(carrier: Carrier, body: str) -> None:
    """No equals sign, not UTF-8, too many, not ASCII on the wire."""
    response = await carrier.client.post("/sms", content=body.encode(), headers={**FORM, HEADER: "x"})
    refused(carrier, response, 400, "malformed")


async def test_too_large_by_its_own_word(carrier: Carrier) -> None:
    """A Content-Length over the limit is refused without reading."""
    response = await carrier.post("/sms", sms_form(Body="x" * 40_000))
    refused(carrier, response, 413, "too_large")


async def test_too_large_without_saying_so(carrier: Carrier) -> None:
    """A chunked body is cut off at the limit."""

    async def long() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1024

    response = await carrier.client.post("/sms", content=long(), headers={**FORM, HEADER: "x"})
    refused(carrier, response, 413, "too_large")


async def test_too_slow(carrier: Carrier) -> None:
    """A body that does not come is given up after the read time-out."""

    async def stalled() -> AsyncIterator[bytes]:
        yield b"Body="
        await asyncio.Event().wait()

    response = await carrier.client.post("/sms", content=stalled(), headers={**FORM, HEADER: "x"})
    refused(carrier, response, 408, "too_slow")


async def test_too_many_at_once(carrier: Carrier) -> None:
    """With four waiting for Kafka the fifth is told to come again at once, and the probes still answer."""
    carrier.producer.silent = True
    responses = await asyncio.gather(
        *(carrier.post("/sms", sms_form()) for _ in range(5)), carrier.client.get("/healthz")
    )
    reasons = sorted(r.json().get("error", "alive") for r in responses)
    assert reasons == ["alive", "busy", *["not_stored"] * 4]


@pytest.mark.parametrize("path", ["/sms", "/voice", "/status"])
async def test_only_post(carrier: Carrier, path: str) -> None:
    """A webhook is not a page."""
    assert (await carrier.client.get(path)).status_code == 405
