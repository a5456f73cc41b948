"""fastavro, held tight: the datum of a known schema from bytes and back, with every failure named.

Three things are done to a schema before fastavro gets it:

- `timestamp-millis` is taken off, so that times are `int` epoch milliseconds on both sides; building a
  datetime costs a third of the whole (2.3 → 3.4 us a record).
- `decimal` is read by a reader of our own: fastavro's rounds what does not fit the precision, and spends
  seconds on a hostile 300 kB integer.
- Defaults of `bytes` and `decimal` are turned from JSON text into values; fastavro hands out the text.
"""

import copy
from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from typing import Any, cast

import fastavro
from fastavro.read import LOGICAL_READERS
from fastavro.schema import parse_schema

from schemas import compiled
from schemas.catalog import Schema
from schemas.errors import UndecodableRecord

DECIMAL = "ringback-decimal"


def prepare(schema: Schema) -> Schema:
    """`schema` parsed for fastavro; serves as reader's and as writer's schema of `reader`."""
    return _parsed(schema, DECIMAL)


def prepare_writer(schema: Schema) -> Schema:
    """`schema` parsed for fastavro's writer, which checks decimals well by itself."""
    return _parsed(schema, "decimal")


def _parsed(schema: Schema, decimal: str) -> Schema:
    parsed = parse_schema(_without_logical_types(copy.deepcopy(schema), decimal), _force=True)
    _set_defaults(parsed)  # after parsing, which checks that they are text
    return cast(Schema, parsed)


def _without_logical_types(schema: Any, decimal: str) -> Any:
    """`schema` without logical types but decimals, which become the logical type `decimal`."""
    if isinstance(schema, list):
        return [_without_logical_types(branch, decimal) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    logical = schema.pop("logicalType", None)
    if logical == "decimal":
        schema["logicalType"] = decimal
    for part in ("type", "items", "values"):
        if part in schema:
            schema[part] = _without_logical_types(schema[part], decimal)
    for field in schema.get("fields", ()):
        field["type"] = _without_logical_types(field["type"], decimal)
    return schema


def _set_defaults(schema: Any) -> None:
    if isinstance(schema, list):
        for branch in schema:
            _set_defaults(branch)
    elif isinstance(schema, dict):
        for field in schema.get("fields", ()):
            if isinstance(field.get("default"), str):
                field["default"] = _default(field["default"], field["type"])
            _set_defaults(field["type"])
        for part in ("type", "items", "values"):
            _set_defaults(schema.get(part))


def _default(text: str, kind: Any) -> Any:
    """The value of a default: in JSON, bytes are text of code points 0..255 (Avro 1.12, "Records")."""
    first = kind[0] if isinstance(kind, list) else kind  # a union's default is of its first branch
    if first == "bytes" or (isinstance(first, dict) and first["type"] in ("bytes", "fixed")):
        raw = text.encode("latin-1")
        return _decimal(raw, first) if isinstance(first, dict) and "scale" in first else raw
    return text


def _has_mutable_default(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(_has_mutable_default(branch) for branch in schema)
    if not isinstance(schema, dict):
        return False
    fields = schema.get("fields", ())
    inner = [field["type"] for field in fields]
    inner += [schema[part] for part in ("type", "items", "values") if part in schema]
    return any(isinstance(field.get("default"), list | dict) for field in fields) or any(
        _has_mutable_default(part) for part in inner
    )


def _decimal(raw: bytes, writer: Any, _reader: Any = None) -> Decimal:
    """Two's complement, big endian, times 10**-scale (Avro 1.12, "Decimal"), within the precision."""
    precision = int(writer["precision"])
    if len(raw) > precision // 2 + 1:  # a byte holds more than two decimal digits
        raise ValueError(f"decimal of {len(raw)} bytes where the precision is {precision}")
    value = Decimal(int.from_bytes(raw, "big", signed=True)).scaleb(-int(writer.get("scale", 0)))
    if len(value.as_tuple().digits) > precision:
        raise ValueError(
            f"decimal of {len(value.as_tuple().digits)} digits where the precision is {precision}"
        )
    return value


LOGICAL_READERS[f"bytes-{DECIMAL}"] = _decimal
LOGICAL_READERS[f"fixed-{DECIMAL}"] = _decimal


def reader(name: str, written: Schema, wanted: Schema | None) -> Callable[[bytes, int], Any]:
    """A function (data, start) -> record; `wanted` None means as written. Both schemas are prepared ones.

    The function raises UndecodableRecord, whatever the bytes. Memory is bounded by the length of the data: a
    string that claims 2**40 bytes is a short read, since fastavro reads from memory and compares lengths.
    """
    quick = compiled.decoder(written) if wanted is None else None
    if quick is not None:
        return _quick_reader(name, quick)
    read = fastavro.schemaless_reader
    # fastavro puts one and the same list into every record that lacks the field: a change to one changes all.
    unshare = wanted is not None and _has_mutable_default(wanted)

    def decode(data: bytes, start: int) -> Any:
        stream = BytesIO(data)
        stream.seek(start)
        try:
            record = read(stream, written, wanted)
        except Exception as error:
            # Garbage makes fastavro raise nearly anything: EOFError, IndexError, OverflowError, ValueError, …
            raise UndecodableRecord(f"{name}: {_reason(error)}") from error
        if stream.tell() != len(data):
            raise UndecodableRecord(f"{name}: {len(data) - stream.tell()} bytes left over after the record")
        return copy.deepcopy(record) if unshare else record

    return decode


def _quick_reader(name: str, read: compiled.Decoder) -> Callable[[bytes, int], Any]:
    def decode(data: bytes, start: int) -> Any:
        try:
            record, end = read(data, start)
        except Exception as error:
            raise UndecodableRecord(f"{name}: {_reason(error)}") from error
        if end != len(data):
            left = len(data) - end
            reason = f"{left} bytes left over after the record" if left > 0 else "truncated"
            raise UndecodableRecord(f"{name}: {reason}")
        return record

    return decode


def _reason(error: Exception) -> str:
    """What is wrong with the bytes, without the bytes themselves: they may hold a phone number."""
    if isinstance(error, EOFError | IndexError):
        return "truncated"
    if isinstance(error, UnicodeDecodeError):
        return "a string is not UTF-8"
    return f"not a record of its schema ({type(error).__name__})"
