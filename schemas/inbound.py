"""What anybody may write to `sms.inbound`: SmsReceived as Avro, or as plain JSON so that `kcat` can produce.

The first byte tells which: `{` (after JSON white space) is JSON, all else goes to the Avro codec. Both are held to
the same shape, and everything that fails it is UndecodableRecord with the name of the field and no value in the
reason, for values are phone numbers and texts:

| field         | what is taken |
|---------------|---|
| `message_sid` | 1 to 128 of letters, digits and `. _ : @ = + / -`; it becomes part of keys and ids |
| `from`, `to`  | E.164 (ITU-T): `+`, then 2 to 15 digits, the first not 0 |
| `body`        | at most 4,096 characters (the longest that a messaging carrier delivers), no NUL; may be empty |
| `received_at` | JSON: RFC 3339 with Z or offset, or integer epoch ms; absent or null: the record's timestamp |

Fields that the table does not name are ignored in JSON, so that producers may add their own. A key that stands
twice is refused: readers disagree on which one counts.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, NoReturn, cast

import msgspec

from schemas import codec
from schemas.errors import UndecodableRecord
from schemas.records import SmsReceived

SID: Final = re.compile(r"[A-Za-z0-9._:@=+/-]{1,128}")
E164: Final = re.compile(r"\+[1-9][0-9]{1,14}")
BODY_LIMIT: Final = 4_096  # characters
LATEST_MS: Final = 253_402_300_799_999  # the end of the year 9999
# \uD8xx to \uDBxx without its other half, or the other half without it; only looked for in what failed to parse.
LONE_SURROGATE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_LONE: Final = "a string holds a lone surrogate"
JSON_SPACE: Final = b" \t\r\n"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _SmsJson(msgspec.Struct, rename={"from_": "from"}):
    """Names and types only; what the values may be is checked for both formats in one place."""

    message_sid: str
    from_: str
    to: str
    body: str
    received_at: Annotated[datetime, msgspec.Meta(tz=True)] | int | None = None


_parse = msgspec.json.Decoder(_SmsJson).decode


def decode_sms(
    data: bytes | None, timestamp_ms: int, *, read_avro: Callable[[bytes], Any] | None = None
) -> SmsReceived:
    """The SMS in the value of a record whose Kafka timestamp is `timestamp_ms` (epoch ms).

    `read_avro` reads what is not JSON; by default single-object encoding only (see registry.Codec.decode_sms).
    Raises UndecodableRecord, and whatever `read_avro` raises: UnknownSchema, RegistryUnreachable.
    """
    if data is None:
        raise UndecodableRecord("the record has no value")
    if data.lstrip(JSON_SPACE).startswith(b"{"):
        return _checked(_from_json(data, timestamp_ms))
    return _checked((read_avro or codec.decoder("SmsReceived"))(data))


def _from_json(data: bytes, timestamp_ms: int) -> SmsReceived:
    try:
        sms = _parse(data)
        _refuse_twins(_pairs(data))
    except UndecodableRecord:
        raise
    except msgspec.ValidationError as error:
        raise UndecodableRecord(f"JSON: {error}") from error
    except msgspec.DecodeError as error:
        raise UndecodableRecord(f"JSON: {_LONE if LONE_SURROGATE.search(data) else error}") from error
    except UnicodeDecodeError as error:
        raise UndecodableRecord("JSON: not UTF-8") from error
    except RecursionError as error:
        raise UndecodableRecord("JSON: nested too deeply") from error
    except Exception as error:  # two parsers met garbage; nothing may escape as another kind of trouble
        raise UndecodableRecord(f"JSON: malformed ({type(error).__name__})") from error
    return {
        "message_sid": sms.message_sid,
        "from": sms.from_,
        "to": sms.to,
        "body": sms.body,
        "received_at": _epoch_ms(sms.received_at, timestamp_ms),
    }


def _pairs(data: bytes) -> list[tuple[str, Any]]:
    """The top level of a JSON object with keys that stand twice; numbers stay text, however long."""
    pairs = json.loads(data, object_pairs_hook=list, parse_int=str, parse_float=str)
    return cast(list[tuple[str, Any]], pairs)


def _refuse_twins(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) == len(pairs):
        return
    # Name only what is ours: a stranger's key may be anything, a phone number too.
    names = [name for name, _ in pairs]
    twins = [name for name in _SmsJson.__struct_encode_fields__ if names.count(name) > 1]
    raise UndecodableRecord(f"JSON: {twins[0] if twins else 'an unknown key'} stands twice")


def _epoch_ms(received_at: datetime | int | None, timestamp_ms: int) -> int:
    if received_at is None:
        return timestamp_ms
    if isinstance(received_at, int):
        return received_at
    return (received_at - EPOCH) // timedelta(milliseconds=1)


def _checked(sms: SmsReceived) -> SmsReceived:
    """`sms` itself when its values are what the table above takes."""
    if not SID.fullmatch(sms["message_sid"]):
        _refuse("message_sid", "1 to 128 of letters, digits and . _ : @ = + / -")
    for name in ("from", "to"):
        if not E164.fullmatch(sms[name]):
            _refuse(name, "a number in E.164 form, such as +14155550101")
    body = sms["body"]
    if len(body) > BODY_LIMIT:
        _refuse("body", f"at most {BODY_LIMIT} characters, and has {len(body)}")
    if "\x00" in body:
        _refuse("body", "a text without NUL")
    if not 0 <= sms["received_at"] <= LATEST_MS:
        _refuse("received_at", "a time from 1970 to 9999 (epoch ms, or RFC 3339 with Z or offset)")
    return sms


def _refuse(field: str, wanted: str) -> NoReturn:
    raise UndecodableRecord(f"SmsReceived: {field} must be {wanted}")
