"""A record on its way out, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streams.runtime.clients import Codec
from streams.runtime.dead_letters import MAX_RECORD_BYTES
from streams.runtime.processor import Poison, Send


class Encoded(NamedTuple):
    """A record as it goes to the broker. Encoding belongs to the step: what does not encode is a failed step."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]]


def encoded(codec: Codec, send: Send) -> Encoded:
    """Raises Poison for a record that no broker would take, Hold, and whatever the codec raises for a bug."""
    topic, name, headers = send.topic, send.name, send.headers
    key = send.key.encode() if send.key is not None else None
    value = codec.encode(topic, name, send.value)
    size = len(value) + len(key or b"")
    if headers:
        size += sum(len(each) + len(content) for each, content in headers)
    if size > MAX_RECORD_BYTES:
        raise Poison("too_large", f"a {name} of {size} bytes is more than {topic} takes")
    return Encoded(topic, key, value, headers)
