"""POST /key: a key that was pressed is written down, confirmed by voice, and ends the call."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from confluent_kafka import KafkaError

from connectors.gate import RedisGate
from connectors.gateway.frames import frame
from connectors.gateway.urls import call_urls
from streams.ids import CallKey
from streams.once.gate import Say
from tests.behaviour.gate.valkey_server import ValkeyServer
from tests.behaviour.gate.worlds import filled
from tests.unit.gateway.conftest import PUBLIC_URL, USER_NUMBER, Carrier, call_form

pytestmark = [pytest.mark.anyio, pytest.mark.integration]

KEY = CallKey("1c1c8b6e-aaaa-5bbb-8ccc-000000000001", 1_795_000_000_000, 1, 1)
USER = f"acme|{USER_NUMBER}"
SID = "CA" + "2" * 32
ENGLISH = frame("en")


@pytest.fixture(autouse=True)
async def gated(gate: RedisGate) -> None:
    """An attempt has been posted."""
    await filled(gate, "calls:3")
    await gate.enter("calls:3", str(KEY), 7, "token", Say(USER, "buy milk", "en", "acme"), None)


def voice_path(voice: str | None = None, on_machine: str | None = None) -> str:
    urls = call_urls(PUBLIC_URL, KEY, USER, 7, "n0nce", voice, on_machine)
    return urls.url.removeprefix(PUBLIC_URL)


def press(digits: str, **changes: str) -> dict[str, str]:
    """What the carrier posts when a key was pressed."""
    return call_form(Digits=digits, FinishedOnKey="", msg="Gather End", **changes)


def action(xml: str) -> str:
    """Where the carrier is to post the key."""
    (gather,) = ElementTree.fromstring(xml).iter("Gather")
    return (gather.get("action") or "").removeprefix(PUBLIC_URL)


def redirect(xml: str) -> str:
    return (ElementTree.fromstring(xml).findtext("Redirect") or "").removeprefix(PUBLIC_URL)


def says(xml: str) -> list[str | None]:
    return [say.text for say in ElementTree.fromstring(xml).iter("Say")]


async def words(carrier: Carrier, **changes: str) -> str:
    """The words are given; returns where keys go."""
    response = await carrier.post(voice_path(**changes), call_form())
    return action(response.text)


@pytest.mark.parametrize(
    ("digits", "confirmation"), [("1", ENGLISH.done), ("2", ENGLISH.snoozed), ("9", ENGLISH.never)]
)
async def test_a_key_is_evidence_and_is_confirmed(carrier: Carrier, digits: str, confirmation: str) -> None:
    """ANSWERED with the digits, keyed by the user, of the same K, sid and epoch; then a sentence and the end."""
    path = await words(carrier)
    response = await carrier.post(path, press(digits))
    assert says(response.text) == [confirmation]
    assert [e.tag for e in ElementTree.fromstring(response.text)] == ["Say", "Hangup"]
    assert carrier.states() == ["ANSWERED", "TOLD", "ANSWERED"]
    (_, _, answered), _, (topic, key, pressed) = carrier.produced()
    assert (topic, key, pressed["digits"], answered["digits"]) == ("calls.events", USER, digits, None)
    same = ("reminder_id", "user", "tenant", "due_at", "attempt", "try", "call_sid", "epoch")
    assert [pressed[name] for name in same] == [answered[name] for name in same]


async def test_the_words_offer_the_keys_in_the_voice_of_the_tenant(carrier: Carrier) -> None:
    """Reminder and choice within the Gather, good bye behind it, all by one voice, also what confirms the key."""
    response = await carrier.post(voice_path("Polly.Joanna"), call_form())
    assert says(response.text) == ["This is your reminder: buy milk", ENGLISH.choice, ENGLISH.goodbye]
    confirmed = await carrier.post(action(response.text), press("1"))
    for xml in (response.text, confirmed.text):
        assert {say.get("voice") for say in ElementTree.fromstring(xml).iter("Say")} == {"Polly.Joanna"}


@pytest.mark.parametrize("digits", ["5", "*", "#", "0", ""])
async def test_an_unknown_key_repeats_the_choice_once(carrier: Carrier, digits: str) -> None:
    """Then good bye; nothing is written. A known key counts in the second round too."""
    path = await words(carrier)
    again = await carrier.post(path, press(digits))
    assert says(again.text) == [ENGLISH.choice, ENGLISH.goodbye]
    last = await carrier.post(action(again.text), press(digits))
    assert says(last.text) == [ENGLISH.goodbye]
    assert carrier.states() == ["ANSWERED", "TOLD"]
    assert says((await carrier.post(action(again.text), press("2"))).text) == [ENGLISH.snoozed]


async def test_no_confirmation_without_kafka(carrier: Carrier) -> None:
    """Not stored: pause and redirect with the key in the URL, three times, then an apology; back in time, it counts."""
    path = await words(carrier)
    carrier.producer.failure = KafkaError._MSG_TIMED_OUT
    response = await carrier.post(path, press("9"))
    for _ in range(2):
        response = await carrier.post(redirect(response.text), call_form())
    third = redirect(response.text)
    assert says((await carrier.post(third, call_form())).text) == [ENGLISH.sorry]
    carrier.producer.failure = None
    assert says((await carrier.post(third, call_form())).text) == [ENGLISH.never]
    assert carrier.produced()[-1][2]["digits"] == "9"


async def test_a_key_counts_while_redis_is_away(carrier: Carrier, valkey: ValkeyServer) -> None:
    """The signed URL proves that this call was given the words."""
    path = await words(carrier)
    valkey.kill()
    try:
        response = await carrier.post(path, press("2"))
    finally:
        valkey.start()
    assert says(response.text) == [ENGLISH.snoozed]


async def test_a_key_of_another_call_is_nothing(carrier: Carrier) -> None:
    """The URL was given to one call: another that posts to it did not hear the words."""
    path = await words(carrier)
    response = await carrier.post(path, press("2", CallSid="CA" + "8" * 32))
    assert [e.tag for e in ElementTree.fromstring(response.text)] == ["Hangup"]
    assert carrier.states() == ["ANSWERED", "TOLD"]


async def test_words_that_took_three_redirects_still_repeat_the_choice(carrier: Carrier) -> None:
    """How often the call had to come again for its words is not how often it was offered the keys."""
    response = await carrier.post(voice_path() + "&a=3", call_form())
    again = await carrier.post(action(response.text), press("5"))
    assert says(again.text) == [ENGLISH.choice, ENGLISH.goodbye]


async def test_the_fallback_after_a_key_gives_the_words_again(carrier: Carrier) -> None:
    """The gateway was away when the key was posted: the carrier asks the voice URL, with the key and the error."""
    path = await words(carrier)
    form = press("2", ErrorCode="11205", ErrorUrl=PUBLIC_URL + path)
    response = await carrier.post(voice_path(), form)
    assert says(response.text)[0] == "This is your reminder: buy milk"


@pytest.mark.parametrize(
    "query", ["", "k=a.1.1.1&t=acme&e=1&n=n", "k=a.1.1.1&t=acme&e=1&n=n&c=CA1&l=en&d=99"]
)
async def test_a_url_that_is_not_ours(carrier: Carrier, query: str) -> None:
    """Signed, but naming no call that was given the words: 400."""
    response = await carrier.post(f"/key?{query}" if query else "/key", press("1"))
    assert (response.status_code, response.json()["error"]) == (400, "wrong_url")


async def test_a_key_without_a_signature_is_refused(carrier: Carrier) -> None:
    """Nobody but the carrier opts a user out."""
    path = await words(carrier)
    response = await carrier.post(path, press("9"), token="another-token")
    assert response.status_code == 403
    assert carrier.states() == ["ANSWERED", "TOLD"]


MACHINE = ["machine_start", "machine_end_beep", "machine_end_silence", "fax"]


@pytest.mark.parametrize("answered_by", MACHINE)
async def test_a_machine_that_is_to_be_called_again_hears_nothing(
    carrier: Carrier, gate: RedisGate, answered_by: str
) -> None:
    """No words, no ANSWERED, no charge; and the words are left for the next attempt."""
    path = voice_path(on_machine="hang_up_and_retry")
    response = await carrier.post(path, call_form(AnsweredBy=answered_by))
    assert [e.tag for e in ElementTree.fromstring(response.text)] == ["Hangup"]
    assert carrier.states() == []
    assert await gate.answer(str(KEY.occurrence), "CA next") == "CA next"


@pytest.mark.parametrize(("on_machine", "voice"), [("leave_message", "alice"), (None, None)])
async def test_a_machine_that_is_left_a_message_is_offered_no_keys(
    carrier: Carrier, on_machine: str | None, voice: str | None
) -> None:
    """The words alone, and ANSWERED: it is charged."""
    response = await carrier.post(voice_path(voice, on_machine), call_form(AnsweredBy="machine_end_beep"))
    assert says(response.text) == ["This is your reminder: buy milk"]
    assert carrier.states() == ["ANSWERED", "TOLD"]


@pytest.mark.parametrize("answered_by", ["human", "unknown"])
async def test_who_may_be_a_person_hears_the_words(carrier: Carrier, answered_by: str) -> None:
    """Rather a word to a machine than silence to a person."""
    path = voice_path(on_machine="hang_up_and_retry")
    response = await carrier.post(path, call_form(AnsweredBy=answered_by))
    assert "buy milk" in response.text
    assert carrier.states() == ["ANSWERED", "TOLD"]
