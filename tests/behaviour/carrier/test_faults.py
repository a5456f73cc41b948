"""Each fault that a script can ask for, seen from the official client and from the customer."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]

from infra.simulator import RunningSimulator, SimulatorError
from tests.behaviour.carrier.conftest import ALICE, BOB, HELLO, OURS
from tests.behaviour.carrier.customer import Customer

Call = Callable[..., Any]


def calls_made(simulator: RunningSimulator) -> int:
    return len(simulator.control.truth(type_="call.created"))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_respond_answers_with_a_status_and_does_not_act(
    status: int, client: Any, simulator: RunningSimulator
) -> None:
    """The error has Twilio's body; no call exists."""
    simulator.control.fault("calls", "respond", status=status)
    with pytest.raises(TwilioRestException) as refused:
        client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
    assert (refused.value.status, refused.value.code) == (
        status,
        {429: 20429, 500: 20500, 503: 20503}[status],
    )
    assert calls_made(simulator) == 0


@pytest.mark.parametrize(("action", "made"), [("drop", 0), ("act_then_drop", 1)])
def test_drop_cuts_the_connection(action: str, made: int, client: Any, simulator: RunningSimulator) -> None:
    """The client sees a reset either way; only act_then_drop leaves a call behind."""
    simulator.control.fault("calls", action, op="create")
    with pytest.raises(requests.exceptions.ConnectionError):
        client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
    assert calls_made(simulator) == made
    assert len(client.calls.list()) == made


@pytest.mark.parametrize("kind", ["calls", "messages"])
def test_act_then_respond_lies_about_what_it_did(kind: str, client: Any, simulator: RunningSimulator) -> None:
    """A 500, and yet the record exists."""
    simulator.control.fault(kind, "act_then_respond", status=500)
    more = {"twiml": HELLO} if kind == "calls" else {"body": "x"}
    with pytest.raises(TwilioRestException, match="500"):
        getattr(client, kind).create(to=ALICE, from_=OURS, **more)
    assert len(getattr(client, kind).list()) == 1


def test_garble_acts_and_sends_half_an_answer(client: Any, simulator: RunningSimulator) -> None:
    """201, but not JSON."""
    simulator.control.fault("calls", "garble")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
    assert calls_made(simulator) == 1


def test_slow_waits_before_and_after_acting(client: Any, simulator: RunningSimulator) -> None:
    """The call is made after before_s, and answered after_s later."""
    simulator.control.fault("calls", "slow", before_s=0.15, after_s=0.25)
    began = time.time()
    client.calls.create(to=ALICE, from_=OURS, twiml=HELLO)
    ended = time.time()
    created_at = simulator.control.wait_for("call.created")["at"] / 1000
    assert created_at - began >= 0.149
    assert ended - created_at >= 0.249


def test_a_callback_may_come_before_the_201(
    call: Call, customer: Customer, simulator: RunningSimulator
) -> None:
    """While the answer to create is held back, the customer already hears of the call."""
    simulator.control.fault("calls", "slow", op="create", after_s=1.0)
    placed: list[Any] = []
    placing = threading.Thread(target=lambda: placed.append(call()))
    placing.start()
    first = customer.receive("/status")
    assert placed == []
    placing.join()
    assert first.params["CallSid"] == placed[0].sid


def test_a_rule_acts_on_the_nth_match_and_count_times(client: Any, simulator: RunningSimulator) -> None:
    """nth=2, count=2: the first passes, two fail, the fourth passes; other numbers are not counted."""
    simulator.control.fault("calls", "respond", op="create", to=ALICE, nth=2, count=2)
    outcomes = []
    for to in (ALICE, BOB, ALICE, BOB, ALICE, ALICE):
        try:
            client.calls.create(to=to, from_=OURS, twiml=HELLO)
            outcomes.append((to, True))
        except TwilioRestException:
            outcomes.append((to, False))
    assert outcomes == [
        (ALICE, True),
        (BOB, True),
        (ALICE, False),
        (BOB, True),
        (ALICE, False),
        (ALICE, True),
    ]
    [rule] = simulator.control.faults()
    assert rule["matched"] == 4
    applied = simulator.control.truth(type_="fault.applied")
    assert [(event["action"], event["to"]) for event in applied] == [("respond", ALICE)] * 2


def test_a_dropped_callback_never_comes(call: Call, customer: Customer, simulator: RunningSimulator) -> None:
    """The event is left out; the numbers of the others show the gap."""
    simulator.control.fault("callback", "drop", event="ringing")
    call(twiml=HELLO, url=None)
    told = customer.receive_until("completed")
    assert [webhook.params["SequenceNumber"] for webhook in told] == ["0", "2", "3"]


def test_a_duplicated_callback_comes_twice(
    call: Call, customer: Customer, simulator: RunningSimulator
) -> None:
    """The same parameters, the same number."""
    simulator.control.fault("callback", "duplicate", event="answered", copies=2)
    call(twiml=HELLO, url=None)
    told = customer.receive_until("completed")
    assert [webhook.params["SequenceNumber"] for webhook in told] == ["0", "1", "2", "2", "3"]
    assert told[2].params == told[3].params


def test_a_delayed_callback_is_overtaken(call: Call, customer: Customer, simulator: RunningSimulator) -> None:
    """The end is told before the ringing."""
    simulator.control.fault("callback", "delay", event="ringing", delay_s=0.6)
    call(twiml=HELLO, url=None)
    told = [customer.receive().params["CallStatus"] for _ in range(4)]
    assert told == ["initiated", "in-progress", "completed", "ringing"]


def test_shuffled_callbacks_all_come(call: Call, customer: Customer, simulator: RunningSimulator) -> None:
    """In whatever order, each once; over several calls at least one is out of order."""
    simulator.control.fault("callback", "shuffle", count=None, spread_s=0.5)
    orders = []
    for _ in range(4):
        call(twiml=HELLO, url=None)
        orders.append([customer.receive().params["SequenceNumber"] for _ in range(4)])
    assert [sorted(order) for order in orders] == [["0", "1", "2", "3"]] * 4
    assert any(order != sorted(order) for order in orders)


def test_a_twiml_request_can_be_doubled(call: Call, customer: Customer, simulator: RunningSimulator) -> None:
    """The customer sees two requests for one answer of the phone; the callee hears the words once."""
    simulator.control.fault("voice", "duplicate")
    customer.answers("/voice", HELLO)
    call()
    webhooks = customer.receive_until("completed")
    assert [webhook.path for webhook in webhooks].count("/voice") == 2
    assert len(simulator.control.truth(type_="call.heard")) == 1


def test_a_text_can_be_doubled_or_lost(customer: Customer, simulator: RunningSimulator) -> None:
    """duplicate posts the same sid twice; drop posts nothing."""
    simulator.control.fault("sms", "duplicate")
    sent = simulator.control.send_sms(ALICE, OURS, "list", url=customer.url("/sms"))
    assert [customer.receive().params["MessageSid"] for _ in range(2)] == [sent["message_sid"]] * 2
    simulator.control.fault("sms", "drop")
    assert simulator.control.send_sms(ALICE, OURS, "list", url=customer.url("/sms"))["status"] is None
    assert customer.waiting() == 0


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"kind": "callback", "action": "respond"}, "cannot be"),
        ({"kind": "calls", "action": "slow"}, "before_s"),
        ({"kind": "calls", "action": "drop", "nth": 0}, "from 1"),
        ({"kind": "calls", "action": "explode"}, "explode"),
        ({"kind": "calls", "action": "drop", "two": ALICE}, "two"),
    ],
)
def test_a_rule_without_meaning_is_refused(
    rule: dict[str, Any], why: str, simulator: RunningSimulator
) -> None:
    """The error names what is wrong, and no rule is added."""
    with pytest.raises(SimulatorError, match=why):
        simulator.control.fault(**rule)
    assert simulator.control.faults() == []
