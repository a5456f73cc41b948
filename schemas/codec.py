"""Avro single-object encoding: C3 01, the fingerprint of the writer's schema, the Avro binary of the record.

The fingerprint (8 bytes, little endian, see catalog.py) finds the writer's schema among the current
`.avsc` files and every older version in `golden/`; the record comes back in the shape of the current one.
Failures are drawn in errors.py: what to do with a record follows from the class alone.

    UndecodableRecord     truncated, garbage, another record than expected, bytes left over → dead letter
    UnknownSchema         C3 01 with a fingerprint that is not known here → hold the partition, alarm
    UnencodableRecord     our own record does not fit its schema → our bug

`encode` and `decode` cost no more than fastavro's bare schemaless_writer and schemaless_reader, and less where
compiled/ knows all types of the record; hot paths take `encoder(name)` and `decoder(name)` once and call what
they get.
"""

from collections.abc import Callable, Mapping
from functools import cache
from io import BytesIO
from typing import Any, Final, NamedTuple

import fastavro

from schemas import avro, catalog, compiled
from schemas.errors import CodecError, UndecodableRecord, UnencodableRecord, UnknownSchema

__all__ = [
    "CodecError",
    "Decoded",
    "UndecodableRecord",
    "UnencodableRecord",
    "UnknownSchema",
    "decode",
    "decoder",
    "encode",
    "encoder",
    "peek",
]

MARKER: Final = b"\xc3\x01"
HEADER_LENGTH: Final = 10


class Decoded(NamedTuple):
    """A record and the name of its type, for readers of topics that may hold several."""

    name: str
    record: dict[str, Any]


def header(name: str) -> bytes:
    """The ten bytes that every record of the current schema `name` begins with."""
    return MARKER + catalog.current()[name].fingerprint


@cache
def encoder(name: str) -> Callable[[Mapping[str, Any]], bytes]:
    """A function record -> bytes for the current schema `name`. KeyError when there is no such record.

    The function raises UnencodableRecord. A field without default that is absent, or a value of another
    type, is refused; a field that the schema does not have is left out (mypy sees those, through records.py).
    """
    return writer(catalog.current()[name])


def writer(version: catalog.Version, prefix: bytes | None = None) -> Callable[[Mapping[str, Any]], bytes]:
    """A function record -> bytes: `prefix` (default: that of single-object encoding), then Avro binary."""
    name, schema = version.name, avro.prepare_writer(version.schema)
    head = MARKER + version.fingerprint if prefix is None else prefix
    write = fastavro.schemaless_writer
    quick = compiled.encoder(schema, head)

    def encode(record: Mapping[str, Any]) -> bytes:
        if quick is not None:
            try:
                return quick(record)
            except Exception:
                pass
        out = BytesIO()
        out.write(head)
        try:
            write(out, schema, record)
        except Exception as error:  # TypeError, ValueError, KeyError, UnicodeEncodeError, decimal.Inexact, …
            raise UnencodableRecord(f"{name}: {error}") from error
        return out.getvalue()

    return encode


@cache
def decoder(name: str) -> Callable[[bytes], Any]:
    """A function bytes -> record of type `name` (a TypedDict of records.py). KeyError: no such record.

    The function raises UndecodableRecord and UnknownSchema. It is fast when the writer's schema is the
    current.
    """
    head = header(name)
    read = body_decoder(name, catalog.current()[name].fingerprint)

    def decode(data: bytes) -> Any:
        if data[:HEADER_LENGTH] == head:
            return read(data, HEADER_LENGTH)
        return _decode_slowly(data, name).record

    return decode


@cache
def body_decoder(name: str, writer: bytes) -> Callable[[bytes, int], Any]:
    """A function (data, start) -> record `name`, of Avro binary by the schema of fingerprint `writer`."""
    current = catalog.current()[name]
    wanted = avro.prepare(current.schema)
    if writer == current.fingerprint:
        return avro.reader(name, wanted, None)
    return avro.reader(name, avro.prepare(catalog.by_fingerprint()[writer].schema), wanted)


def peek(data: bytes, field: str) -> Any:
    """The value of one field of a record of any current schema, None where it has no such field: a third of the cost
    of reading all of it, which is not checked. Raises UndecodableRecord and UnknownSchema."""
    quick = _peeker(data[2:HEADER_LENGTH], field) if data[:2] == MARKER else None
    if quick is not None:
        try:
            return quick(data, HEADER_LENGTH)
        except (IndexError, ValueError) as error:
            raise UndecodableRecord(f"{field} is not where it belongs") from error
    return _decode_slowly(data, None).record.get(field)


@cache
def _peeker(fingerprint: bytes, field: str) -> Callable[[bytes, int], Any] | None:
    version = catalog.by_fingerprint().get(fingerprint)
    current = version and catalog.current().get(version.name)
    if version is None or current is None or current.fingerprint != fingerprint:
        return None
    schema = avro.prepare(version.schema)
    return compiled.last_time_reader(schema, field) or compiled.field_reader(schema, field)


def encode(name: str, record: Mapping[str, Any]) -> bytes:
    """`record` as single-object encoding by the current schema `name`. Raises UnencodableRecord."""
    return encoder(name)(record)


def decode(data: bytes, *, expected: str | None = None) -> Decoded:
    """The record in `data`, in the shape of its current schema; of any type unless one is `expected`.

    Raises UndecodableRecord and UnknownSchema.
    """
    current = _current_readers().get(data[:HEADER_LENGTH])
    if current is not None:
        name, read = current
        if expected is None or expected == name:
            return Decoded(name, read(data, HEADER_LENGTH))
    return _decode_slowly(data, expected)


@cache
def _current_readers() -> dict[bytes, tuple[str, Callable[[bytes, int], Any]]]:
    """By header: what is written by this very release, which is nearly everything."""
    return {
        header(name): (name, body_decoder(name, version.fingerprint))
        for name, version in catalog.current().items()
    }


def _decode_slowly(data: bytes, expected: str | None) -> Decoded:
    if data[:2] != MARKER[: len(data[:2])] or not data:
        raise UndecodableRecord(f"not Avro single-object encoding: {describe_start(data)}")
    if len(data) < HEADER_LENGTH:
        raise UndecodableRecord(f"truncated: {len(data)} bytes, where the header alone has {HEADER_LENGTH}")
    fingerprint = bytes(data[2:HEADER_LENGTH])
    version = catalog.by_fingerprint().get(fingerprint)
    if version is None:
        raise UnknownSchema(f"no schema with fingerprint {fingerprint.hex()} is known here")
    if expected is not None and version.name != expected:
        raise UndecodableRecord(f"a {version.name} where a {expected} belongs")
    if version.name not in catalog.current():
        raise UnknownSchema(f"{version.name} is a record of the past: this release has no reader for it")
    return Decoded(version.name, body_decoder(version.name, fingerprint)(data, HEADER_LENGTH))


def describe_start(data: bytes) -> str:
    """How `data` begins, for a reason: two bytes tell a wire format and no secret."""
    return f"begins with {data[:2].hex(' ')}" if data else "empty"
