"""From a record to Avro binary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.catalog import Schema
from schemas.compiled.source import Encoder, Source, Unknown, branch, is_decimal


def encoder(schema: Schema, prefix: bytes) -> Encoder | None:
    """A function record -> `prefix` and Avro binary; None when it cannot be compiled. It raises AttributeError,
    KeyError, TypeError, OverflowError for a record that does not fit."""
    source = Source()
    try:
        parts = [source.constant(prefix), *_write(source, schema, "record", 1)]
    except Unknown:
        return None
    source.line(1, f"return b''.join(({', '.join(parts)},))")
    made: Encoder = source.function("def made(record):")
    return made


def _write(source: Source, schema: Any, value: str, depth: int) -> Iterator[str]:
    """Emit what must stand before, and give the expressions of the bytes of `value`, in order."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(schema, list):
        yield _write_optional(source, schema, value, depth)
    elif kind == "record":
        for field in schema["fields"]:
            yield from _write(source, field["type"], _field(source, field, value, depth), depth)
    elif kind in ("string", "bytes") and not is_decimal(schema):
        raw = source.name("raw")
        source.line(
            depth, f"{raw} = {value}.encode()" if kind == "string" else f"{raw} = bytes(memoryview({value}))"
        )
        yield from (f"(small(len({raw})) or write_long(len({raw})))", raw)
    elif kind == "long":
        yield f"(written({value}) or write_long({value}))"
    elif kind == "int":
        yield f"(small({value}) or write_long({value}, INT))"
    elif kind == "boolean":
        yield f"(b'\\x01' if {value} else b'\\x00')"
    elif kind in ("array", "map"):
        yield _write_block(source, schema, value, depth)
    else:
        raise Unknown


def _field(source: Source, field: Any, record: str, depth: int) -> str:
    name = source.name("field")
    # One that is absent and has a default is fastavro's business: ours are all there.
    source.line(depth, f"{name} = {record}[{field['name']!r}]")
    return name


def _write_optional(source: Source, schema: list[Any], value: str, depth: int) -> str:
    name = source.name("optional")
    source.line(depth, f"if {value} is None:")
    source.line(depth + 1, f"{name} = b'\\x00'")
    source.line(depth, "else:")
    parts = list(_write(source, branch(schema), value, depth + 1))
    source.line(depth + 1, f"{name} = b'\\x02' + {' + '.join(parts)}")
    return name


def _write_block(source: Source, schema: Any, value: str, depth: int) -> str:
    name, item = source.name("block"), source.name("item")
    source.line(depth, f"{name} = b'\\x00'")
    source.line(depth, f"if {value}:")
    source.line(depth + 1, f"{name} = [write_long(len({value}))]")
    if schema["type"] == "array":
        source.line(depth + 1, f"for {item} in {value}:")
        parts = list(_write(source, schema["items"], item, depth + 2))
    else:
        key = source.name("key")
        source.line(depth + 1, f"for {key}, {item} in {value}.items():")
        parts = [
            *_write(source, "string", key, depth + 2),
            *_write(source, schema["values"], item, depth + 2),
        ]
    source.line(depth + 2, f"{name} += ({', '.join(parts)},)")
    source.line(depth + 1, f"{name}.append(b'\\x00')")
    source.line(depth + 1, f"{name} = b''.join({name})")
    return name
