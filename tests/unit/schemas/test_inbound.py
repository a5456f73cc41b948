"""sms.inbound takes JSON from anybody: what is right is read, what is not is named, nothing else gets out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import CodecError, UndecodableRecord, UnknownSchema
from schemas.inbound import BODY_LIMIT, decode_sms
from schemas.records import SmsReceived

NOW = 1_790_000_000_000
SMS: dict[str, Any] = {
    "message_sid": "SM0123456789abcdef0123456789abcdef",
    "from": "+14155550101",
    "to": "+14155550100",
    "body": "Remind me to buy milk at 6:30 PM",
}


def written(**changes: Any) -> bytes:
    return json.dumps({**SMS, **changes}).encode()


def raw(body: bytes, more: bytes = b"") -> bytes:
    """SMS as JSON with `body` as it stands between the quotes, and `more` members after it."""
    return written(body="@")[:-3] + body + b'"' + more + b"}"


def outcome(data: bytes) -> SmsReceived | CodecError:
    """The SMS, or the error of the tree; any other exception gets out and fails the test."""
    try:
        return decode_sms(data, NOW)
    except CodecError as error:
        return error


def test_json_without_a_time_takes_the_records() -> None:
    """kcat users write no received_at; when Kafka got it is when it was received."""
    assert decode_sms(written(), NOW) == {**SMS, "received_at": NOW}
    assert decode_sms(written(received_at=None), NOW)["received_at"] == NOW


@pytest.mark.parametrize(
    ("received_at", "epoch_ms"),
    [
        ("2026-11-21T10:00:00Z", 1_795_255_200_000),
        ("2026-11-21T12:00:00+02:00", 1_795_255_200_000),
        ("2026-11-21T10:00:00.123456Z", 1_795_255_200_123),
        (1_795_255_200_000, 1_795_255_200_000),
        (0, 0),
    ],
)
def test_times(received_at: object, epoch_ms: int) -> None:
    """RFC 3339 with Z or an offset, or epoch milliseconds; finer than a millisecond is cut."""
    assert decode_sms(written(received_at=received_at), NOW)["received_at"] == epoch_ms


def test_unknown_members_and_white_space_are_no_matter() -> None:
    """Producers may add fields of their own, of any shape, and format as they like."""
    extra = b', "x": {"a": [1e999, %s, null], "a": "\\u0000"}' % (b"9" * 5000)
    assert decode_sms(b" \r\n\t" + raw(b"hi", extra) + b"\n", NOW)["body"] == "hi"


def test_text_in_any_script() -> None:
    """Characters beyond the first plane come as UTF-8 or as a pair of escapes."""
    assert decode_sms(raw("čaj ☕ 𝄞".encode()), NOW)["body"] == "čaj ☕ 𝄞"
    assert decode_sms(raw(rb"\ud834\udd1e"), NOW)["body"] == "𝄞"
    assert decode_sms(written(body=""), NOW)["body"] == ""
    assert len(decode_sms(written(body="𝄞" * BODY_LIMIT), NOW)["body"]) == BODY_LIMIT


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "no value"),
        (b"", "empty"),
        (b"hello", "begins with 68 65"),
        (b"[]", "begins with 5b 5d"),
        (b"\xef\xbb\xbf{}", "begins with ef bb"),
        (b"\x00\x00\x00\x00\x07body", "begins with 00 00"),
        (b"\xc3\x01\x00", "truncated"),
        (b"{", "truncated"),
        (b"{}", "`message_sid`"),
        (written()[:-1], "truncated"),
        (written() + b"{}", "trailing characters"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (raw(b"hi", b', "x": ' + b"[" * 100_000 + b"]" * 100_000), "nested too deeply"),
        (raw(b"hi", b', "x": NaN'), "malformed"),
        (raw(b"hi", b', "body": "ho"'), "body stands twice"),
        (raw(b"hi", rb', "\u0066rom": "+14155550199"'), "from stands twice"),
        (raw(b"hi", b', "x": 1, "x": 2'), "an unknown key stands twice"),
        (raw(b"\xff"), "not UTF-8"),
        (raw(b"\xed\xa0\x80"), "not UTF-8"),
        (raw(b"hi", b', "x": "\xff"'), "not UTF-8"),
        (raw(rb"\ud800"), "lone surrogate"),
        (raw(rb"\ud800 and on"), "lone surrogate"),
        (raw(rb"\udc00"), "lone surrogate"),
        (raw(b"a\x00b"), "malformed"),
        (raw(rb"a\u0000b"), "body must be a text without NUL"),
        (written(body="x" * (BODY_LIMIT + 1)), "body must be at most"),
        (written(body="x" * 1_000_000), "body must be at most"),
        (written(body=None), r"`\$\.body`"),
        (written(body=["hi"]), r"`\$\.body`"),
        (written(message_sid=7), r"`\$\.message_sid`"),
        (written(message_sid=""), "message_sid must be"),
        (written(message_sid="S" * 129), "message_sid must be"),
        (written(message_sid="SM1\n"), "message_sid must be"),
        (written(message_sid="SM|1"), "message_sid must be"),
        (written(message_sid="SMé"), "message_sid must be"),
        (written(**{"from": 14155550101}), r"`\$\.from`"),
        (written(**{"from": "4155550101"}), "from must be"),
        (written(**{"from": "+04155550101"}), "from must be"),
        (written(**{"from": "+1415555010123456"}), "from must be"),
        (written(**{"from": "+1415٥٥٥٠١٠١"}), "from must be"),
        (written(to="+14155550100\n"), "to must be"),
        (written(to=""), "to must be"),
        (written(received_at="2026-11-21T10:00:00"), r"timezone component - at `\$\.received_at`"),
        (written(received_at="tomorrow"), r"`\$\.received_at`"),
        (written(received_at=True), r"`\$\.received_at`"),
        (written(received_at=1.5), r"`\$\.received_at`"),
        (written(received_at=-1), "received_at must be"),
        (written(received_at=10**18), "received_at must be"),
        (written(received_at=10**400), "received_at"),
    ],
)
def test_what_is_wrong_is_named(data: bytes | None, reason: str) -> None:
    """A dead letter whose reason says what to mend, by the name of the field."""
    with pytest.raises(UndecodableRecord, match=reason):
        decode_sms(data, NOW)


@pytest.mark.parametrize("name", sorted(SMS))
def test_a_missing_field_is_named(name: str) -> None:
    """All but received_at are required."""
    with pytest.raises(UndecodableRecord, match=f"`{name}`"):
        decode_sms(json.dumps({key: value for key, value in SMS.items() if key != name}).encode(), NOW)


def test_reasons_hold_no_numbers_and_no_texts() -> None:
    """A reason is logged and counted; phone numbers and texts must not be."""
    secret = "+14155550101x"
    for name in (*SMS, "received_at"):
        for value in (secret, [secret], {secret: secret}):
            result = outcome(written(**{name: value}))
            assert isinstance(result, dict) or "5550101x" not in str(result)
    with pytest.raises(UndecodableRecord) as caught:
        decode_sms(raw(b"hi", b', "+14155550101x": 1, "+14155550101x": 2'), NOW)
    assert "5550101x" not in str(caught.value)


def test_avro_is_read_and_held_to_the_same_shape() -> None:
    """The format is no way around the checks, and an Avro SMS keeps its own time."""
    good = {**SMS, "received_at": 5}
    assert decode_sms(codec.encode("SmsReceived", good), NOW) == good
    for change in ({"from": "4155550101"}, {"body": "a\x00"}, {"message_sid": ""}, {"received_at": -1}):
        with pytest.raises(UndecodableRecord, match=f"{next(iter(change))} must be"):
            decode_sms(codec.encode("SmsReceived", {**good, **change}), NOW)


def test_avro_of_an_unknown_schema_holds_the_partition() -> None:
    """Also here: a newer producer's SMS is not garbage."""
    with pytest.raises(UnknownSchema):
        decode_sms(b"\xc3\x01" + b"fingerpr" + b"body", NOW)


@given(st.one_of(st.binary(max_size=100), st.binary(max_size=100).map(lambda data: b"{" + data)))
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    """Whatever the bytes: an SMS, or an error of the tree."""
    result = outcome(data)
    assert isinstance(result, dict) or str(result)


@given(st.data())
def test_damaged_json_never_raises_anything_else(data: st.DataObject) -> None:
    """A few changed bytes get deeper into both parsers than noise does."""
    damaged = bytearray(written(received_at="2026-11-21T10:00:00Z", x=[1.5, {"y": "\u00e9"}]))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    result = outcome(bytes(damaged))
    if isinstance(result, CodecError):
        assert str(result)
    else:
        assert codec.decode(codec.encode("SmsReceived", result)).record == result
