"""The Messages resource, and texts from users, through the official client."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from infra.simulator import DEMO_AUTH_TOKEN, RunningSimulator, SimulatorError
from tests.behaviour.carrier.conftest import ALICE, BOB, OURS
from tests.behaviour.carrier.customer import Answer, Customer


def test_a_message_is_sent_and_delivered(
    client: Any, customer: Customer, simulator: RunningSimulator
) -> None:
    """It starts queued without date_sent; signed callbacks tell sent, then delivered; the text is on record."""
    created = client.messages.create(
        to=ALICE, from_=OURS, body="Møde kl. 8", status_callback=customer.url("/status")
    )
    assert (created.status, created.date_sent, created.num_segments) == ("queued", None, "1")
    told = customer.receive_until("delivered")
    assert [webhook.params["MessageStatus"] for webhook in told] == ["sent", "delivered"]
    for webhook in told:
        assert RequestValidator(DEMO_AUTH_TOKEN).validate(webhook.url, webhook.params, webhook.signature)
        assert webhook.params["MessageSid"] == webhook.params["SmsSid"] == created.sid
    fetched = client.messages(created.sid).fetch()
    assert (fetched.status, fetched.body) == ("delivered", "Møde kl. 8")
    assert fetched.date_sent is not None
    assert simulator.control.wait_for("message.created")["body"] == "Møde kl. 8"


@pytest.mark.parametrize(("outcome", "code"), [("undelivered", 30003), ("failed", 30008)])
def test_a_message_that_does_not_arrive_says_why(
    outcome: str, code: int, client: Any, customer: Customer, simulator: RunningSimulator
) -> None:
    """The last callback and the resource carry the error code; `failed` was never sent."""
    simulator.control.behave(ALICE, messages=[{"outcome": outcome}])
    created = client.messages.create(to=ALICE, from_=OURS, body="x", status_callback=customer.url("/status"))
    told = customer.receive_until(outcome)
    assert told[-1].params["ErrorCode"] == str(code)
    assert len(told) == (2 if outcome == "undelivered" else 1)
    assert client.messages(created.sid).fetch().error_code == code


@pytest.mark.parametrize(
    ("fields", "code"), [({"body": ""}, 21602), ({"to": ""}, 21604), ({"body": "x" * 1601}, 21617)]
)
def test_a_wrong_message_is_refused(client: Any, fields: dict[str, str], code: int) -> None:
    """400 with Twilio's code, and no message comes of it."""
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(**{"to": ALICE, "from_": OURS, "body": "x", **fields})
    assert (refused.value.status, refused.value.code) == (400, code)
    assert client.messages.list() == []


def test_lists_filter_by_number_and_date_sent(client: Any, simulator: RunningSimulator) -> None:
    """To and From narrow the list; DateSent knows dates only, and leaves out what was never sent."""
    simulator.control.behave(BOB, messages=[{"outcome": "failed"}])
    sent = client.messages.create(to=ALICE, from_=OURS, body="a").sid
    never = client.messages.create(to=BOB, from_=OURS, body="b").sid
    for status in ("delivered", "failed"):
        simulator.control.wait_for("message.status", lambda event, s=status: event["status"] == s)  # type: ignore[misc]
    now = datetime.now(UTC)

    def sids(**filters: Any) -> set[str]:
        return {message.sid for message in client.messages.list(**filters)}

    assert sids() == {sent, never}
    assert sids(to=BOB) == {never}
    assert sids(to=ALICE, from_=BOB) == set()
    assert sids(date_sent_after=now - timedelta(days=1)) == {sent}
    assert sids(date_sent_before=now - timedelta(days=1)) == set()


def test_a_user_texts_us(client: Any, customer: Customer, simulator: RunningSimulator) -> None:
    """Our webhook gets a signed form with Twilio's parameters, and the message can be fetched as received."""
    sent = simulator.control.send_sms(
        ALICE, OURS, "Remind me to buy milk at 6 & 7+8 ☎", url=customer.url("/sms")
    )
    webhook = customer.receive("/sms")
    assert RequestValidator(DEMO_AUTH_TOKEN).validate(webhook.url, webhook.params, webhook.signature)
    assert webhook.params["Body"] == "Remind me to buy milk at 6 & 7+8 ☎"
    assert (webhook.params["From"], webhook.params["To"]) == (ALICE, OURS)
    assert webhook.params["MessageSid"] == webhook.params["SmsSid"] == sent["message_sid"]
    assert (webhook.params["NumMedia"], webhook.params["NumSegments"]) == ("0", "1")
    assert (sent["status"], sent["attempts"]) == (200, 1)
    fetched = client.messages(sent["message_sid"]).fetch()
    assert (fetched.direction, fetched.status) == ("inbound", "received")


def test_a_text_is_posted_again_with_the_same_sid(customer: Customer, simulator: RunningSimulator) -> None:
    """Two 503 and a 200 are three posts of one message, when three attempts are allowed."""
    customer.answers("/sms", Answer(503), Answer(503), Answer(200))
    url = customer.url("/sms")
    sent = simulator.control.send_sms(ALICE, OURS, "list", url=url, attempts=5, pause_s=0.01)
    assert (sent["status"], sent["attempts"]) == (200, 3)
    assert {customer.receive("/sms").params["MessageSid"] for _ in range(3)} == {sent["message_sid"]}


def test_a_text_that_nobody_takes(simulator: RunningSimulator) -> None:
    """No connection: status None after the attempts that were allowed."""
    sent = simulator.control.send_sms(ALICE, OURS, "list", url="http://127.0.0.1:9/sms")
    assert (sent["status"], sent["attempts"]) == (None, 1)


def test_a_text_without_anywhere_to_go_is_an_error(simulator: RunningSimulator) -> None:
    """Neither the text nor the account names a URL, or a field is misspelt: the admin API says which."""
    with pytest.raises(SimulatorError, match="sms_url"):
        simulator.control.send_sms(ALICE, OURS, "list")
    with pytest.raises(SimulatorError, match="bodyy"):
        simulator.control.send_sms(ALICE, OURS, "list", bodyy="x")
