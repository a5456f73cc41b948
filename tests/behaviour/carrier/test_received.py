"""SMS from users as our client lists them, and a message asked for by its sid."""

from collections.abc import Coroutine
from typing import Any

import pytest

from connectors.carrier import TwilioCarrier, client
from infra.simulator import RunningSimulator
from streams.once.carrier import CarrierMessage, CarrierUnavailableError, MessageRequest, Placed
from tests.behaviour.carrier.conftest import ALICE, BOB, OURS
from tests.behaviour.carrier.test_carrier_results import asked

NOWHERE = "http://127.0.0.1:9/sms"
LATER = "+14155550109"


def text(simulator: RunningSimulator, from_: str = ALICE, to: str = OURS, body: str = "list") -> str:
    """A user texts, and nobody takes the webhook."""
    simulator.control.fault("sms", "drop")
    return str(simulator.control.send_sms(from_, to, body, url=NOWHERE)["message_sid"])


async def _all(carrier: TwilioCarrier, to: str, since_ms: int) -> list[CarrierMessage]:
    return [message async for message in carrier.received(to, since_ms)]


def received(simulator: RunningSimulator, to: str = OURS, since_ms: int = 0) -> list[CarrierMessage]:
    def ask(carrier: TwilioCarrier) -> Coroutine[Any, Any, list[CarrierMessage]]:
        return _all(carrier, to, since_ms)

    return asked(simulator.base_url, ask)


def test_texts_from_users_are_listed_though_their_webhook_was_dropped(simulator: RunningSimulator) -> None:
    """Newest first, with the carrier's time of receipt; what we sent, and what others got, is left out."""
    first, second = text(simulator), text(simulator, BOB, body="Remind me at 5pm ☎")
    text(simulator, to=LATER)
    sent = asked(simulator.base_url, lambda c: c.send_message(MessageRequest(OURS, LATER, "from us", None)))
    assert isinstance(sent, Placed)
    simulator.control.wait_for(
        "message.status", lambda event: event["status"] == "sent"
    )  # has its DateSent now
    found = received(simulator)
    assert [message.sid for message in found] == [second, first]
    assert (found[0].from_, found[0].to, found[0].body) == (BOB, OURS, "Remind me at 5pm ☎")
    at = next(e["at"] for e in simulator.control.truth(type_="sms.received") if e["sid"] == second)
    assert abs(found[0].created_at - at) <= 1_000
    assert received(simulator, since_ms=found[0].created_at + 1_000) == []


def test_all_pages_are_read(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven SMS in pages of three: each once."""
    monkeypatch.setattr(client, "PAGE_SIZE", 3)
    sids = [text(simulator) for _ in range(7)]
    assert [message.sid for message in received(simulator)] == sids[::-1]


def test_more_pages_than_can_be_meant_are_an_error(
    simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is bounded, and what it could not hold is not left out in silence."""
    monkeypatch.setattr(client, "PAGE_SIZE", 1)
    monkeypatch.setattr(client, "MAX_RECEIVED_PAGES", 2)
    for _ in range(3):
        text(simulator)
    with pytest.raises(CarrierUnavailableError, match="more than 2 SMS"):
        received(simulator)


def test_a_page_that_fails_is_no_end_of_the_list(
    simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second page is answered 500: an error, not a shorter list."""
    monkeypatch.setattr(client, "PAGE_SIZE", 2)
    for _ in range(3):
        text(simulator)
    simulator.control.fault("messages", "respond", op="list", nth=2)
    with pytest.raises(CarrierUnavailableError, match="HTTP 500"):
        received(simulator)


def test_an_answer_that_drips_ends_in_time(
    simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question has one deadline for all of it: T_resolve hangs on that."""
    monkeypatch.setattr(client, "ASK_WAIT_S", 0.1)
    simulator.control.fault("calls", "slow", op="list", before_s=0.4)
    with pytest.raises(CarrierUnavailableError, match="TimeoutError"):
        asked(simulator.base_url, lambda carrier: carrier.find_calls(ALICE, OURS, 0))


def test_a_message_is_found_by_its_sid(simulator: RunningSimulator) -> None:
    """With its status; None for one that the carrier does not know."""
    sent = asked(simulator.base_url, lambda c: c.send_message(MessageRequest(ALICE, OURS, "x", None)))
    assert isinstance(sent, Placed)
    simulator.control.wait_for("message.status", lambda event: event["status"] == "delivered")
    found = asked(simulator.base_url, lambda carrier: carrier.fetch_message(sent.sid))
    assert found is not None
    assert (found.sid, found.status) == (sent.sid, "delivered")
    assert asked(simulator.base_url, lambda carrier: carrier.fetch_message("SM" + "0" * 32)) is None
