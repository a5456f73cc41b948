"""A record of a topic as JSON values, whatever is in it."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from connectors.kafka.browse import Found
from connectors.settings import Settings
from schemas.errors import CodecError
from schemas.registry import Codec
from schemas.render import to_json
from streams.topology import SMS_INBOUND


def codec_of(settings: Settings) -> Codec:
    """Looking never registers a schema."""
    return Codec(settings.schema_registry_url, register=False)


def decode(codec: Codec, record: Found) -> tuple[str, dict[str, Any]]:
    """The Avro name and the value of a record that has one. Raises CodecError."""
    if record.topic == SMS_INBOUND.name:
        return "SmsReceived", dict(codec.decode_sms(record.value, record.timestamp_ms))
    name, value = codec.decode(record.topic, record.value or b"")
    return name, value


def as_json(codec: Codec, record: Found) -> dict[str, Any]:
    """`topic, partition, offset, timestamp` (epoch ms) `, key, value` and, where there are any, `headers`.

    Bytes that are no text (a key) or no record (a value) are shown as base64; `error` then says why.
    """
    shown: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp_ms,
        "key": text(record.key),
        "value": None,
    }
    if record.headers:
        shown["headers"] = {name: text(value) for name, value in record.headers}
    if record.value is not None:
        try:
            shown["value"] = to_json(*decode(codec, record))
        except CodecError as error:
            shown["value"] = b64encode(record.value).decode()
            shown["error"] = f"{type(error).__name__}: {error}"
    return shown


def text(value: bytes | None) -> str | None:
    """Bytes as the text they are, else as base64."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return b64encode(value).decode()
