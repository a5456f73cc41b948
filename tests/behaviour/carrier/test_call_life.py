"""How a call goes: what the phone does, what is heard, and which webhooks tell of it."""

from collections.abc import Callable
from typing import Any

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from infra.simulator import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, RunningSimulator
from tests.behaviour.carrier.conftest import ALICE, HELLO, OURS
from tests.behaviour.carrier.customer import Answer, Customer

Call = Callable[..., Any]


def heard(simulator: RunningSimulator) -> list[tuple[str, bool]]:
    """What was said on all calls, and whether to the end."""
    return [(event["text"], event["whole"]) for event in simulator.control.truth(type_="call.heard")]


def test_an_answered_call_tells_its_life_in_order(
    call: Call, customer: Customer, simulator: RunningSimulator
) -> None:
    """initiated, ringing, TwiML, in-progress and completed arrive, numbered from 0, and the words are heard."""
    customer.answers("/voice", HELLO)
    placed = call()
    webhooks = customer.receive_until("completed")
    callbacks = [webhook for webhook in webhooks if webhook.path == "/status"]
    statuses = [webhook.params["CallStatus"] for webhook in callbacks]
    assert statuses == ["initiated", "ringing", "in-progress", "completed"]
    assert [webhook.params["SequenceNumber"] for webhook in callbacks] == ["0", "1", "2", "3"]
    assert {webhook.params["CallSid"] for webhook in webhooks} == {placed.sid}
    assert callbacks[-1].params["CallDuration"] == "1"
    [voice] = [webhook for webhook in webhooks if webhook.path == "/voice"]
    assert (voice.params["CallStatus"], voice.params["Direction"]) == ("in-progress", "outbound-api")
    assert (voice.params["From"], voice.params["To"]) == (OURS, ALICE)
    assert voice.params["AccountSid"] == DEMO_ACCOUNT_SID
    assert heard(simulator) == [("Buy milk", True)]


def test_a_callback_waits_for_the_answer_to_the_one_before(
    call: Call, customer: Customer, simulator: RunningSimulator
) -> None:
    """A customer that is slow with the first is not told of the second meanwhile."""
    customer.answers("/status", Answer(after_s=0.3), Answer())
    call(twiml=HELLO, url=None)
    customer.receive_until("completed")
    simulator.control.wait_for("webhook.answered", lambda event: event["webhook"] == last_posted(simulator))
    events = [event["type"] for event in simulator.control.truth(type_="webhook.")]
    assert events == ["webhook.posted", "webhook.answered"] * 4


def last_posted(simulator: RunningSimulator) -> int:
    number: int = simulator.control.truth(type_="webhook.posted")[-1]["webhook"]
    return number


def test_every_webhook_is_signed(call: Call, customer: Customer) -> None:
    """The official validator accepts each, URL with query included, and none with another token."""
    customer.answers("/voice", HELLO)
    call()
    for webhook in customer.receive_until("completed"):
        arguments = (webhook.url, webhook.params, webhook.signature)
        assert RequestValidator(DEMO_AUTH_TOKEN).validate(*arguments)
        assert not RequestValidator("another").validate(*arguments)


def test_only_the_events_asked_for_are_told(call: Call, customer: Customer) -> None:
    """Without StatusCallbackEvent only the end is told; the numbers count the untold ones too."""
    call(status_callback_event=["completed"], twiml=HELLO, url=None)
    [told] = customer.receive_until("completed")
    assert told.params["SequenceNumber"] == "3"


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ({"outcome": "busy", "after_s": 0.01}, "busy"),
        ({"outcome": "reject", "after_s": 0.01}, "busy"),
        ({"outcome": "no-answer", "after_s": 0.01}, "no-answer"),
        ({"outcome": "failed"}, "failed"),
    ],
)
def test_a_call_that_nobody_takes(
    step: dict[str, Any],
    status: str,
    call: Call,
    customer: Customer,
    client: Any,
    simulator: RunningSimulator,
) -> None:
    """It ends with the status, without duration, and no TwiML is ever asked for."""
    simulator.control.behave(ALICE, step)
    placed = call()
    webhooks = customer.receive_until(status)
    assert [webhook.path for webhook in webhooks] == ["/status"] * len(webhooks)
    fetched = client.calls(placed.sid).fetch()
    assert (fetched.status, fetched.duration) == (status, None)
    assert heard(simulator) == []


def test_nobody_answers_until_the_ring_timeout(
    call: Call, customer: Customer, simulator: RunningSimulator
) -> None:
    """No-answer without a time of its own, and an answer later than the timeout, end when the ringing does."""
    simulator.control.behave(ALICE, {"outcome": "no-answer"}, {"outcome": "answer", "after_s": 50})
    for _ in range(2):
        call(timeout=1)
        customer.receive_until("no-answer")
    rings = simulator.control.truth(type_="call.ringing")
    ends = simulator.control.truth(type_="call.ended")
    for ringing, ended in zip(rings, ends, strict=True):
        assert 990 <= ended["mono_ms"] - ringing["mono_ms"] < 3000


def test_the_nth_call_takes_the_nth_step(call: Call, customer: Customer, simulator: RunningSimulator) -> None:
    """Two calls unanswered, then answered, and answered from then on."""
    simulator.control.behave(
        ALICE,
        {"outcome": "no-answer", "after_s": 0},
        {"outcome": "busy", "after_s": 0},
        {"outcome": "answer"},
    )
    for status in ("no-answer", "busy", "completed", "completed"):
        call(twiml=HELLO, url=None)
        customer.receive_until(status)


def test_a_machine_is_named_only_when_detection_was_asked_for(call: Call, customer: Customer) -> None:
    """AnsweredBy comes with the TwiML request of a call with MachineDetection, and with no other."""
    call()
    assert "AnsweredBy" not in customer.receive("/voice").params
    call(machine_detection="Enable")
    assert customer.receive("/voice").params["AnsweredBy"] == "human"


def test_a_machine_answers_and_listens(call: Call, customer: Customer, simulator: RunningSimulator) -> None:
    """It is told as machine_start, and the ground truth says that a machine heard the words."""
    simulator.control.behave(ALICE, {"outcome": "machine"})
    customer.answers("/voice", HELLO)
    call(machine_detection="Enable")
    assert customer.receive("/voice").params["AnsweredBy"] == "machine_start"
    assert simulator.control.wait_for("call.answered")["by"] == "machine"
    simulator.control.wait_for("call.heard")


def test_a_callee_who_leaves_hears_only_a_part(
    call: Call, customer: Customer, simulator: RunningSimulator
) -> None:
    """Hanging up early completes the call and leaves the words unfinished."""
    simulator.control.behave(ALICE, {"outcome": "answer", "hang_up_after_s": 0.05})
    customer.answers("/voice", f"<Response><Say>{'milk ' * 200}</Say></Response>")
    call()
    customer.receive_until("completed")
    [(_, whole)] = heard(simulator)
    assert not whole
    assert simulator.control.wait_for("call.ended")["by"] == "callee"


def test_redirect_pause_and_hangup_are_followed(
    call: Call, customer: Customer, simulator: RunningSimulator
) -> None:
    """A relative redirect leads on, what stands after it and after a hang-up is not said."""
    customer.answers(
        "/voice", "<Response><Say>one</Say><Redirect>/more?x=1&amp;y=2</Redirect><Say>no</Say></Response>"
    )
    customer.answers("/more", "<Response><Pause length='0'/><Say>two</Say><Hangup/><Say>no</Say></Response>")
    call()
    customer.receive_until("completed")
    assert heard(simulator) == [("one", True), ("two", True)]


def test_keys_are_pressed_into_a_gather(call: Call, customer: Customer, simulator: RunningSimulator) -> None:
    """The prompt is heard, the digits go to the action, and its answer is what the call goes on with."""
    simulator.control.behave(ALICE, {"outcome": "answer", "digits": ["1"]})
    gather = "<Gather numDigits='1' action='/pressed'><Say>press one</Say></Gather>"
    customer.answers("/voice", f"<Response>{gather}<Say>nothing pressed</Say></Response>")
    customer.answers("/pressed", "<Response><Say>thanks</Say></Response>")
    call()
    assert customer.receive("/pressed").params["Digits"] == "1"
    customer.receive_until("completed")
    assert heard(simulator) == [("press one", True), ("thanks", True)]


def test_a_gather_without_keys_times_out(call: Call, customer: Customer, simulator: RunningSimulator) -> None:
    """Without digits the call goes on behind the Gather, and the action is not asked."""
    gather = "<Gather timeout='0' action='/pressed'><Say>press one</Say></Gather>"
    customer.answers("/voice", f"<Response>{gather}<Say>nothing pressed</Say></Response>")
    call()
    webhooks = customer.receive_until("completed")
    assert "/pressed" not in {webhook.path for webhook in webhooks}
    assert heard(simulator)[-1] == ("nothing pressed", True)


@pytest.mark.parametrize("broken", [Answer(503, ""), Answer(200, "<Response><Say>"), Answer(404, "")])
def test_the_fallback_speaks_when_the_first_url_does_not(
    broken: Answer, call: Call, customer: Customer, simulator: RunningSimulator
) -> None:
    """An error status or a broken document: the fallback URL is asked, and told which URL failed."""
    customer.answers("/voice", broken)
    customer.answers("/fallback", HELLO)
    call(fallback_url=customer.url("/fallback"))
    fallback = customer.receive("/fallback")
    assert fallback.params["ErrorUrl"] == customer.url("/voice")
    customer.receive_until("completed")
    assert heard(simulator) == [("Buy milk", True)]


def test_without_a_document_the_carrier_apologises(
    call: Call, customer: Customer, simulator: RunningSimulator
) -> None:
    """Neither URL answers: the callee hears the carrier's own words and the call completes."""
    customer.answers("/voice", Answer(500, ""))
    call()
    customer.receive_until("completed")
    [said] = simulator.control.truth(type_="call.heard")
    assert said["error"]
    assert simulator.control.wait_for("call.application_error")["code"] == 11200


def test_a_webhook_is_tried_again_only_when_no_connection_was_made(
    call: Call, customer: Customer, simulator: RunningSimulator
) -> None:
    """A refused callback is posted twice, one answered with 500 once."""
    customer.answers("/status", Answer(500, ""))
    call(
        status_callback="http://127.0.0.1:9/status",
        status_callback_event=["completed"],
        twiml=HELLO,
        url=None,
    )
    failed = simulator.control.wait_for("webhook.failed", lambda event: event["reason"] != "")
    simulator.control.wait_for("webhook.failed", after=failed["seq"])
    posted = len(simulator.control.truth(type_="webhook.posted"))
    assert posted == 2
    call(status_callback_event=["completed"], twiml=HELLO, url=None)
    customer.receive_until("completed")
    simulator.control.wait_for("webhook.answered")
    call(status_callback_event=["completed"], twiml=HELLO, url=None)
    customer.receive_until("completed")
    assert len(simulator.control.truth(type_="webhook.posted")) == posted + 2
