"""The signature does not say where a parameter ends; names and shapes must.

The oracle tries every way to cut the signed characters into sorted names and values, and keeps those that the
form accepts. It shares the tables of names with the subject, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.gateway.parameters import CALL_EVENTS, INCOMING_SMS, KEY_PRESS, MESSAGE_EVENTS, VOICE, Form
from connectors.gateway.refusals import Refused
from tests.unit.gateway.conftest import OUR_NUMBER, USER_NUMBER, call_form, sms_form

READ = (
    "AccountSid",
    "MessageSid",
    "CallSid",
    "From",
    "To",
    "Body",
    "CallStatus",
    "MessageStatus",
    "AnsweredBy",
)
VICTIM = "+14155550666"


def readings(form: Form, params: dict[str, str], read: tuple[str, ...] = READ) -> set[tuple[str | None, ...]]:
    """What the gateway would read from each accepted cut of the signed characters of `params`."""
    signed = "".join(name + params[name] for name in sorted(params))
    found = set()
    for cut in _cuts_of(form, signed):
        try:
            accepted = form.check(cut)
        except Refused:
            continue
        found.add(tuple(accepted.get(name) for name in read))
    return found


def _cuts_of(form: Form, text: str) -> Iterator[list[tuple[str, str]]]:
    """All ways to read `text` as name, value, name, value, … with the names in rising order."""
    starts = [[n for n in form.shapes if text.startswith(n, at)] for at in range(len(text) + 1)]
    borders = [at for at, found in enumerate(starts) if found and at] + [len(text)]

    def after(at: int, last: str) -> Iterator[list[tuple[str, str]]]:
        if at == len(text):
            yield []
        for name in starts[at]:
            value_at = at + len(name)
            for end in borders:
                if name > last and end >= value_at and form.shapes[name].fullmatch(text, value_at, end):
                    for rest in after(end, name):
                        yield [(name, text[value_at:end]), *rest]

    return after(0, "")


FRAGMENTS = st.sampled_from(
    [
        *INCOMING_SMS.shapes,
        *(VICTIM, USER_NUMBER, "SM" + "1" * 32, "SM" + "7" * 32, "AC" + "0" * 32, "US", "94107", "0", "1"),
        *("received", "2010-04-01", "STOP", "PARIS", "hello", " ", "+", ""),
    ]
)


@given(st.lists(FRAGMENTS, max_size=12).map("".join))
@example(f"hiFrom{VICTIM}")
@example(f"hiFrom{VICTIM}FromCity")
@example(f"hiFrom{VICTIM}FromCityPARISMediaUrl0https://x/")
@example("hiFrom" + VICTIM + "MessageSidSM" + "7" * 32 + "To" + OUR_NUMBER + "ToCity")
def test_no_text_of_a_user_can_be_cut_into_somebody_elses_message(body: str) -> None:
    """Whatever the body, every accepted cut has the sender, recipient, sid and text that the carrier signed."""
    params = sms_form(Body=body)
    assert readings(INCOMING_SMS, params) == {tuple(params.get(name) for name in READ)}


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_nor_can_any_other_text(body: str) -> None:
    """The same for arbitrary characters, with the fewest parameters a webhook may have."""
    full = sms_form(Body=body)
    params = {name: full[name] for name in ("AccountSid", "Body", "From", "MessageSid", "To")}
    assert readings(INCOMING_SMS, params) == {tuple(params.get(name) for name in READ)}


@pytest.mark.parametrize(
    ("form", "more"),
    [
        (VOICE, {}),
        (CALL_EVENTS, {}),
        (VOICE, {"AnsweredBy": "machine_end_beep", "MachineDetectionDuration": "4100"}),
        (VOICE, {"Digits": "9", "FinishedOnKey": "#", "msg": "Gather End", "ErrorCode": "11200"}),
    ],
)
def test_a_call_can_be_cut_in_one_way_only(form: Form, more: dict[str, str]) -> None:
    """No other call, number or status comes out of the characters of one."""
    params = call_form(**more)
    assert readings(form, params) == {tuple(params.get(name) for name in READ)}


@pytest.mark.parametrize("digits", ["9", "*", ""])
def test_a_key_can_be_cut_in_one_way_only(digits: str) -> None:
    """Nor another key, or none."""
    params, read = call_form(Digits=digits, FinishedOnKey="", msg="Gather End"), (*READ, "Digits")
    assert readings(KEY_PRESS, params, read) == {tuple(params.get(name) for name in read)}


def test_a_status_of_a_message_can_be_cut_in_one_way_only() -> None:
    """Nor out of those of a message's status."""
    params = {
        **{"AccountSid": "AC" + "0" * 32, "ApiVersion": "2010-04-01", "From": OUR_NUMBER, "To": USER_NUMBER},
        **{"MessageSid": "SM" + "1" * 32, "MessageStatus": "undelivered", "SmsSid": "SM" + "1" * 32},
        **{"SmsStatus": "undelivered", "ErrorCode": "30003"},
    }
    assert readings(MESSAGE_EVENTS, params) == {tuple(params.get(name) for name in READ)}


def test_the_oracle_finds_a_second_reading_where_there_is_one() -> None:
    """With a place name that may hold a plus sign, a body can be cut into another sender's: the oracle sees it."""
    loose = Form({**INCOMING_SMS.shapes, "FromCity": INCOMING_SMS.shapes["Body"]}, INCOMING_SMS.required)
    params = sms_form(Body=f"hiFrom{VICTIM}FromCity")
    assert len(readings(loose, params)) > 1
