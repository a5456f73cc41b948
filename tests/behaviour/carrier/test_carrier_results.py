"""What our client concludes from each way a request can end: the table in connectors/carrier/errors.py."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest

from connectors.carrier import Timeouts, TwilioCarrier
from infra.simulator import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, RunningSimulator
from streams.once.carrier import (
    CallRequest,
    CarrierUnavailableError,
    MessageRequest,
    NotSent,
    Placed,
    PlaceResult,
    Refused,
    Unknown,
)
from tests.behaviour.carrier.conftest import ALICE, OURS

QUICK = Timeouts(connect_s=0.5, read_s=0.5)
NOWHERE = "http://127.0.0.1:9/"
CALL = CallRequest(ALICE, OURS, NOWHERE, NOWHERE, NOWHERE, 30)
MESSAGE = MessageRequest(ALICE, OURS, "Buy milk", None)
Result = TypeVar("Result")


def carrier(base_url: str, timeouts: Timeouts = QUICK, max_connections: int = 10) -> TwilioCarrier:
    return TwilioCarrier(DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, base_url, timeouts, max_connections)


def asked(base_url: str, question: Callable[[TwilioCarrier], Awaitable[Result]], **more: Any) -> Result:
    async def ask() -> Result:
        async with carrier(base_url, **more) as asking:
            return await question(asking)

    return asyncio.run(ask())


def placed(base_url: str) -> PlaceResult:
    return asked(base_url, lambda carrier: carrier.place_call(CALL))


@pytest.mark.parametrize(
    ("fault", "expected", "acted"),
    [
        ({"action": "respond", "status": 429}, NotSent("429"), False),
        ({"action": "respond", "status": 429, "retry_after_s": 7}, NotSent("429", 7.0), False),
        (
            {"action": "respond", "status": 400, "code": 21610},
            Refused(21610, "HTTP 400, carrier error 21610"),
            False,
        ),
        (
            {"action": "respond", "status": 403, "code": 20003},
            Refused(20003, "HTTP 403, carrier error 20003"),
            False,
        ),
        ({"action": "respond", "status": 408}, Unknown("HTTP 408, carrier error 20500"), False),
        ({"action": "respond", "status": 500}, Unknown("HTTP 500, carrier error 20500"), False),
        ({"action": "act_then_respond", "status": 503}, Unknown("HTTP 503, carrier error 20503"), True),
        ({"action": "drop"}, Unknown("ClientOSError"), False),
        ({"action": "act_then_drop"}, Unknown("ClientOSError"), True),
        ({"action": "slow", "before_s": 1.0}, Unknown("SocketTimeoutError"), False),
        ({"action": "slow", "after_s": 1.0}, Unknown("SocketTimeoutError"), True),
        ({"action": "garble"}, Unknown("JSONDecodeError"), True),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["calls", "messages"])
def test_each_fault_leads_to_the_result_it_proves(
    kind: str, fault: dict[str, Any], expected: PlaceResult, acted: bool, simulator: RunningSimulator
) -> None:
    """And each request is sent exactly once: no layer repeats it, whatever went wrong."""
    simulator.control.fault(kind, op="create", **fault)

    def place(carrier: TwilioCarrier) -> Coroutine[Any, Any, PlaceResult]:
        return carrier.place_call(CALL) if kind == "calls" else carrier.send_message(MESSAGE)

    assert asked(simulator.base_url, place) == expected
    [rule] = simulator.control.faults()
    assert rule["matched"] == 1
    created = simulator.control.truth(type_=kind.removesuffix("s") + ".created")
    assert len(created) == int(acted)


def test_a_call_placed_is_the_carriers_call(simulator: RunningSimulator) -> None:
    """Placed has its sid, and everything that we asked for reached the carrier."""
    result = placed(simulator.base_url)
    created = simulator.control.wait_for("call.created")
    assert result == Placed(created["sid"])
    assert (created["to"], created["from"], created["url"]) == (ALICE, OURS, NOWHERE)


def test_nobody_listens() -> None:
    """A refused connection: certainly not sent."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = placed(f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert isinstance(result, NotSent)
    assert result.reason.endswith("ECONNREFUSED")


def test_a_name_that_does_not_resolve() -> None:
    """DNS: certainly not sent."""
    result = placed("http://carrier.invalid")
    assert isinstance(result, NotSent)
    assert "DNS" in result.reason


def test_a_peer_that_does_not_speak_tls(simulator: RunningSimulator) -> None:
    """The handshake fails before anything of the request is sent; the account's token is not shown either."""
    result = placed(simulator.base_url.replace("http:", "https:"))
    assert isinstance(result, NotSent)
    assert "SSL" in result.reason or "Connector" in result.reason
    assert simulator.control.truth(type_="call.created") == []


def test_a_peer_that_does_not_take_the_connection() -> None:
    """A full accept queue: the connect timeout passes, and nothing was sent."""
    with socket.socket() as full, socket.socket() as one, socket.socket() as two:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (one, two):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        result = placed(f"http://127.0.0.1:{full.getsockname()[1]}")
    assert isinstance(result, NotSent)
    assert "Timeout" in result.reason


def test_no_connection_free_in_time(simulator: RunningSimulator) -> None:
    """Our own limit counts as connecting: the call that had to wait too long was not sent."""
    simulator.control.fault("calls", "slow", before_s=0.8)

    async def both(carrier: TwilioCarrier) -> tuple[PlaceResult, PlaceResult]:
        return await asyncio.gather(carrier.place_call(CALL), carrier.send_message(MESSAGE))

    slow, starved = asked(
        simulator.base_url, both, timeouts=Timeouts(connect_s=0.3, read_s=5.0), max_connections=1
    )
    assert isinstance(slow, Placed)
    assert starved == NotSent("ConnectionTimeoutError")
    assert simulator.control.truth(type_="message.created") == []


@asynccontextmanager
async def scripted_peer(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A peer that takes one request a connection, sends the next answer and closes. (its URL, what it read)"""
    heads: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(left.pop(0))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


KEPT_ALIVE = (
    b'HTTP/1.1 201 Created\r\nContent-Length: 15\r\nContent-Type: application/json\r\n\r\n{"sid": "CA01"}'
)


def test_no_placing_takes_a_connection_that_was_idle() -> None:
    """A peer that says keep-alive and closes: a later call would meet a dead connection, and ours does not."""

    async def twice() -> tuple[list[PlaceResult], list[bytes]]:
        idle = Timeouts(fresh_s=0.0)  # any time that has passed is too long
        async with (
            scripted_peer(KEPT_ALIVE, KEPT_ALIVE) as (url, heads),
            carrier(url, timeouts=idle) as placing,
        ):
            return [await placing.place_call(CALL), await placing.place_call(CALL)], heads

    results, heads = asyncio.run(twice())
    assert results == [Placed("CA01"), Placed("CA01")]
    assert len(heads) == 2


def test_placings_in_a_row_share_a_connection() -> None:
    """What was in use a moment ago is alive: a handshake a call would halve what a member can do."""

    async def placed() -> tuple[list[PlaceResult], int]:
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                writer.write(KEPT_ALIVE)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, carrier(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as placing:
            return [await placing.place_call(CALL) for _ in range(5)], connections

    results, connections = asyncio.run(placed())
    assert results == [Placed("CA01")] * 5
    assert connections < 5


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 201 Cre",
        b"HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{",
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        b"garbage\r\n\r\n",
    ],
)
def test_an_answer_that_proves_nothing(answer: bytes) -> None:
    """Closed without a word, cut off, no sid, redirected, or not HTTP: unknown, and asked once."""

    async def once() -> tuple[PlaceResult, int]:
        async with scripted_peer(answer) as (url, heads), carrier(url) as placing:
            return await placing.place_call(CALL), len(heads)

    result, requests_made = asyncio.run(once())
    assert isinstance(result, Unknown)
    assert requests_made == 1


def test_calls_are_found_while_they_are_queued_and_by_the_second(simulator: RunningSimulator) -> None:
    """Those of the second that holds the given time are found (the carrier cuts its times), older ones not."""
    simulator.control.behave(ALICE, {"outcome": "no-answer"})
    assert isinstance(placed(simulator.base_url), Placed)
    created = simulator.control.wait_for("call.created")

    def found(after_ms: int, to: str = ALICE) -> list[str]:
        calls = asked(simulator.base_url, lambda carrier: carrier.find_calls(to, OURS, after_ms))
        return [call.sid for call in calls]

    assert found(created["at"]) == [created["sid"]]
    assert found(created["at"] // 1000 * 1000 + 999) == [created["sid"]]
    assert found(created["at"] + 1000) == []
    assert found(created["at"], to=OURS) == []


def test_messages_are_found(simulator: RunningSimulator) -> None:
    """By numbers and time, with the text, which tells two messages apart."""
    assert isinstance(asked(simulator.base_url, lambda carrier: carrier.send_message(MESSAGE)), Placed)
    created = simulator.control.wait_for("message.created")
    [message] = asked(simulator.base_url, lambda carrier: carrier.find_messages(ALICE, OURS, created["at"]))
    assert (message.sid, message.body, message.to, message.from_) == (created["sid"], "Buy milk", ALICE, OURS)


@pytest.mark.parametrize(("how", "status"), [("cancel", "in-progress"), ("hang_up", "completed")])
def test_cancel_spares_who_picked_up_and_hang_up_does_not(
    how: str, status: str, client: Any, simulator: RunningSimulator
) -> None:
    """In progress: cancel changes nothing, hang_up ends it; both say what the call is afterwards."""
    sid = client.calls.create(to=ALICE, from_=OURS, twiml="<Response><Pause length='60'/></Response>").sid
    simulator.control.wait_for("call.answered")
    ended = asked(simulator.base_url, lambda carrier: getattr(carrier, how)(sid))
    assert (ended.sid, ended.status) == (sid, status)
    fetched = asked(simulator.base_url, lambda carrier: carrier.fetch_call(sid))
    assert fetched is not None
    assert fetched.ended is (how == "hang_up")


@pytest.mark.parametrize("how", ["cancel", "hang_up"])
def test_a_ringing_call_ends_either_way(how: str, simulator: RunningSimulator) -> None:
    """As canceled: nobody heard anything."""
    simulator.control.behave(ALICE, {"outcome": "no-answer"})
    assert isinstance(placed(simulator.base_url), Placed)
    sid = simulator.control.wait_for("call.ringing")["sid"]
    assert asked(simulator.base_url, lambda carrier: getattr(carrier, how)(sid)).status == "canceled"


def test_a_call_that_the_carrier_does_not_know(simulator: RunningSimulator) -> None:
    """None, from every question about it."""
    sid = "CA" + "0" * 32
    for how in ("fetch_call", "cancel", "hang_up"):
        assert asked(simulator.base_url, lambda carrier, how=how: getattr(carrier, how)(sid)) is None  # type: ignore[misc]


@pytest.mark.parametrize(
    "fault", [{"action": "respond", "status": 503}, {"action": "drop"}, {"action": "garble"}]
)
def test_a_question_that_is_not_answered_is_an_error(
    fault: dict[str, Any], simulator: RunningSimulator
) -> None:
    """Never an empty list: that would read as `no such call`."""
    simulator.control.fault("calls", op="list", count=None, **fault)
    with pytest.raises(CarrierUnavailableError):
        asked(simulator.base_url, lambda carrier: carrier.find_calls(ALICE, OURS, 0))


def test_an_outage_is_certain_and_ends(simulator: RunningSimulator) -> None:
    """Nothing is sent while the carrier is away, and the next call after it goes through."""
    simulator.control.pause()
    simulator.control.wait_for("outage.began")
    results = []
    for _ in range(50):  # the last connections may still be open for a moment
        results.append(placed(simulator.base_url))
        if isinstance(results[-1], NotSent):
            break
    assert isinstance(results[-1], NotSent)
    simulator.control.resume()
    assert isinstance(placed(simulator.base_url), Placed)


def test_no_number_and_no_text_is_logged(
    simulator: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """At the lowest level of every logger, for placing, asking and failing."""
    caplog.set_level(logging.DEBUG)
    assert isinstance(asked(simulator.base_url, lambda carrier: carrier.send_message(MESSAGE)), Placed)
    asked(simulator.base_url, lambda carrier: carrier.find_calls(ALICE, OURS, 0))
    simulator.control.fault("calls", "drop")
    result = placed(simulator.base_url)
    for number in (ALICE[1:], OURS[1:], "milk"):
        assert number not in caplog.text
        assert number not in str(result)


def test_edge_and_region_do_not_bend_another_base_url(
    simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They rewrite api.twilio.com; at any other address they must not."""
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    assert isinstance(placed(simulator.base_url), Placed)
