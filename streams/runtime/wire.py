"""Bytes to events and back: the wire format of each topic, with its failures put into the loop's words.

    UndecodableRecord                → Poison  (dead letter)
    UnknownSchema, no registry       → Hold    (the partition waits, loudly)

Changelogs are always Avro single-object encoding: internal state does not depend on a registry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas import codec
from schemas.errors import RegistryUnreachable, UndecodableRecord, UnknownSchema
from schemas.registry import Codec as TopicCodec
from streams.runtime.errors import Hold
from streams.runtime.processor import Poison, Value
from streams.topology import SMS_INBOUND


class Wire:
    """The codec of the topics as the loop uses it; with a registry when `registry_url` is set."""

    def __init__(self, registry_url: str | None = None) -> None:
        self._codec = TopicCodec(registry_url)
        self._encoders: dict[tuple[str, str], Callable[[Value], bytes]] = {}

    def encode(self, topic: str, name: str, record: Value) -> bytes:
        known = self._encoders.get((topic, name))
        if known is None:
            try:
                known = self._encoders[topic, name] = self._codec.encoder(topic, name)
            except RegistryUnreachable as error:
                raise Hold(str(error)) from error
        return known(record)

    def decode(
        self, topic: str, data: bytes, name: str | None, timestamp_ms: int
    ) -> tuple[str, dict[str, Any]]:
        """The record's Avro name and value. `timestamp_ms` stands in for what an inbound SMS leaves out."""
        try:
            if topic == SMS_INBOUND.name:
                return "SmsReceived", dict(self._codec.decode_sms(data, timestamp_ms))
            return self._codec.decode(topic, data, expected=name)
        except UndecodableRecord as error:
            raise Poison("undecodable", str(error)) from error
        except (UnknownSchema, RegistryUnreachable) as error:
            raise Hold(str(error)) from error

    def wake_at(self, _topic: str, data: bytes) -> int | None:
        """The timer in a value of a changelog: what a restore needs of a million of them."""
        try:
            found: int | None = codec.peek(data, "wake_at")
        except UndecodableRecord as error:
            raise Poison("undecodable", str(error)) from error
        except UnknownSchema as error:
            raise Hold(str(error)) from error
        return found
