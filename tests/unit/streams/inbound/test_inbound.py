"""Inbound: what is taken as an SMS, whose it is, when it was received."""

from __future__ import annotations

from typing import Any

import pytest

from schemas import codec
from streams.inbound import AHEAD_MS, APPENDED_AT, LONGEST_TEXT, OLDEST_MS, Inbound
from streams.phrases import When
from streams.runtime.processor import DictState, Opened, Poison, Record, Send
from streams.tenants import Tenant, TenantTable

OURS, THEIRS = "+14155550100", "+4915112345678"
NOW_MS = 1_795_000_000_000
INBOUND = Inbound(TenantTable([Tenant(id="acme", numbers=(OURS,))]))


def _take(headers: tuple[tuple[str, bytes], ...] = (), **fields: Any) -> dict[str, Any]:
    sms = {
        "message_sid": "SM1",
        "from": THEIRS,
        "to": OURS,
        "body": "Remind me to buy milk at 6:30 PM",
        "received_at": NOW_MS,
    } | fields
    record = Record("sms.inbound", 0, 7, NOW_MS, b"anything", "SmsReceived", sms, headers)
    (send,) = INBOUND.step(DictState(), record, NOW_MS)
    assert isinstance(send, Send)
    assert (send.topic, send.name) == ("reminders.requests", "Request")
    value: dict[str, Any] = codec.decode(codec.encode("Request", send.value), expected="Request").record
    assert send.key == value["user"]
    return value


def test_an_sms_becomes_a_request_keyed_by_its_user() -> None:
    """The user is the sender at the tenant that owns the number; the words are read, not resolved."""
    request = _take()
    assert request["user"] == f"acme|{THEIRS}"
    assert request["tenant"] == "acme"
    assert (request["command"], request["subject"]) == ("remind", "buy milk")
    when = When.from_record(request["when"])
    assert (when.hour, when.minute) == (18, 30)
    assert (request["text"], request["from"], request["to"]) == (
        "Remind me to buy milk at 6:30 PM",
        THEIRS,
        OURS,
    )
    assert request["received_at"] == NOW_MS


def test_an_sms_is_accepted_when_the_broker_has_it() -> None:
    """Whatever its producer says of when it was received."""
    assert _take(received_at=NOW_MS - 60_000)["accepted_at"] == NOW_MS


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"to": "+14155550999"}, "unknown_number"),
        ({"to": "junk"}, "unknown_number"),
        ({"from": "0151 123"}, "bad_number"),
        ({"message_sid": ""}, "bad_sid"),
        ({"message_sid": "S" * 129}, "bad_sid"),
        ({"message_sid": "SM\n1"}, "bad_sid"),
        ({"body": "x" * (LONGEST_TEXT + 1)}, "too_long"),
        ({"body": "half \ud83d"}, "bad_text"),
        ({"received_at": NOW_MS - OLDEST_MS - 1}, "too_old"),
    ],
)
def test_what_cannot_be_served_is_a_dead_letter_with_its_reason(fields: dict[str, Any], reason: str) -> None:
    """And no phone number or text in the detail, which is logged."""
    with pytest.raises(Poison) as poison:
        _take(**fields)
    assert poison.value.reason == reason
    assert THEIRS not in poison.value.detail


def test_thirty_days_old_is_young_enough() -> None:
    """The limit itself is served."""
    assert _take(received_at=NOW_MS - OLDEST_MS)["received_at"] == NOW_MS - OLDEST_MS


def test_a_time_ahead_of_the_broker_is_clamped_to_the_records() -> None:
    """A little ahead is a producer's clock; more would let an opt-out be dated into next year."""
    assert _take(received_at=NOW_MS + AHEAD_MS)["received_at"] == NOW_MS + AHEAD_MS
    assert _take(received_at=NOW_MS + AHEAD_MS + 1)["received_at"] == NOW_MS


def test_a_missing_time_is_the_records_or_that_of_what_was_replayed() -> None:
    """A dead letter that is put back keeps its original time."""
    assert _take(received_at=None)["received_at"] == NOW_MS
    replayed = ((APPENDED_AT, str(NOW_MS - 86_400_000).encode()),)
    assert _take(replayed, received_at=None)["received_at"] == NOW_MS - 86_400_000
    assert _take(((APPENDED_AT, b"junk"),), received_at=None)["received_at"] == NOW_MS


def test_an_unreadable_text_is_passed_on_as_such() -> None:
    """The user is asked back by the reminders stage, not here; the longest SMS and any script pass."""
    request = _take(body="ж" * LONGEST_TEXT)
    assert (request["command"], request["when"]) == ("unreadable", None)


def test_nothing_else_has_an_effect() -> None:
    """Stateless: no opening, no timers."""
    assert list(INBOUND.step(DictState(), Opened(0), NOW_MS)) == []
