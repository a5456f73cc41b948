"""Avro binary by straight-line Python that is made from a schema, quicker than fastavro's generic functions.

fastavro walks the schema for each datum, 5 us for a record of ours; a function that knows its fields by heart joins the
parts. Most of our CPU is encoding and decoding, so the hot records go this way. What the compiler does not know
(decimals, floats, unions other than of null and one type) stays with fastavro: `encoder` and `decoder` return None.
Both give and take the very same bytes and records; a test holds them against each other.

Format: Avro 1.12, "Binary encoding". Longs are zigzag varints, strings and bytes are a length and their bytes, a union
is the number of its branch and the value, arrays and maps come in counted blocks that end with an empty one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from schemas.catalog import Schema

Encoder = Callable[[Mapping[str, Any]], bytes]
Decoder = Callable[[bytes, int], tuple[Any, int]]

INT_MAX, LONG_MAX = 2**31, 2**63
LONGEST_RUN = 5  # fields that are looked at together; most records have something in ten


def write_long(value: int, limit: int = LONG_MAX) -> bytes:
    """A zigzag varint. Raises TypeError, OverflowError."""
    if not -limit <= value < limit:
        raise OverflowError(f"{value} does not fit")
    rest = value << 1 if value >= 0 else (-value << 1) - 1
    if 2**35 <= rest < 2**42:  # a time in milliseconds, from 1970-01-07 to 2039: unrolled
        six = bytes(
            (
                rest & 127 | 128,
                rest >> 7 & 127 | 128,
                rest >> 14 & 127 | 128,
                rest >> 21 & 127 | 128,
                rest >> 28 & 127 | 128,
                rest >> 35,
            )
        )
        _remember(value, six)
        return six
    written = bytearray()
    while rest > 127:
        written.append(rest & 127 | 128)
        rest >>= 7
    written.append(rest)
    return bytes(written)


# A varint of six bytes, read as a number: a time in milliseconds, as above.
_SIX_HIGH, _SIX_VARINT = 0x8080_8080_8080, 0x0080_8080_8080


def _from_six(six: int) -> int:
    rest = (
        six & 0x7F
        | six >> 1 & 0x3F80
        | six >> 2 & 0x1F_C000
        | six >> 3 & 0xFE0_0000
        | six >> 4 & 0x7_F000_0000
        | six >> 5 & 0x3F8_0000_0000
    )
    return (rest >> 1) ^ -(rest & 1)


def read_long(data: bytes, at: int, limit: int = LONG_MAX) -> tuple[int, int]:
    """The number at `at`, and where it ends. Raises IndexError at the end of the data, ValueError."""
    six = int.from_bytes(data[at : at + 6], "little")
    if six & _SIX_HIGH == _SIX_VARINT and limit == LONG_MAX and at + 6 <= len(data):
        value = _from_six(six)
        _remember(value, data[at : at + 6])
        return value, at + 6
    byte = data[at]
    rest, shift = byte & 127, 7
    at += 1
    while byte > 127:
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
        byte = data[at]
        rest |= (byte & 127) << shift
        shift += 7
        at += 1
    value = (rest >> 1) ^ -(rest & 1)
    if not -limit <= value < limit:
        raise ValueError("a number out of range")
    return value, at


# Times that were written or read lately: an instant stands in one record three times over, and in the next records
# too. Each is looked up in a tenth of the time it takes to compute.
_WRITTEN: dict[int, bytes] = {}
_READ: dict[bytes, int] = {}
MOST_TIMES = 20_000


def _remember(value: int, six: bytes) -> None:
    if len(_WRITTEN) >= MOST_TIMES or len(_READ) >= MOST_TIMES:
        _WRITTEN.clear()
        _WRITTEN.update(_SMALL)
        _READ.clear()
    _WRITTEN[value] = six
    _READ[six] = value


# Lengths and counts, ready made. What is not here is written by `write_long`.
_SMALL = {number: write_long(number) for number in range(2_048)}
_WRITTEN.update(_SMALL)


class _Unknown(Exception):
    """The schema has a type that is not compiled."""


class _Source:
    """Lines of a function, names for its locals, and the constants that it refers to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "write_long": write_long,
            "small": _SMALL.get,
            "written": _WRITTEN.get,
            "known": _READ.get,
            "read_long": read_long,
            "INT": INT_MAX,
        }
        self._numbers = itertools.count()

    def name(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"

    def constant(self, value: object) -> str:
        name = self.name("constant")
        self.names[name] = value
        return name

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def function(self, head: str) -> Any:
        exec("\n".join([head, *self.lines]), self.names)
        return self.names["made"]


def encoder(schema: Schema, prefix: bytes) -> Encoder | None:
    """A function record -> `prefix` and Avro binary; None when it cannot be compiled. It raises AttributeError,
    KeyError, TypeError, OverflowError for a record that does not fit."""
    source = _Source()
    try:
        parts = [source.constant(prefix), *_write(source, schema, "record", 1)]
    except _Unknown:
        return None
    source.line(1, f"return b''.join(({', '.join(parts)},))")
    made: Encoder = source.function("def made(record):")
    return made


def _write(source: _Source, schema: Any, value: str, depth: int) -> Iterator[str]:
    """Emit what must stand before, and give the expressions of the bytes of `value`, in order."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(schema, list):
        yield _write_optional(source, schema, value, depth)
    elif kind == "record":
        for field in schema["fields"]:
            yield from _write(source, field["type"], _field(source, field, value, depth), depth)
    elif kind in ("string", "bytes") and not _is_decimal(schema):
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
        raise _Unknown


def _is_decimal(schema: Any) -> bool:
    return isinstance(schema, dict) and "logicalType" in schema


def _field(source: _Source, field: Any, record: str, depth: int) -> str:
    name = source.name("field")
    # One that is absent and has a default is fastavro's business: ours are all there.
    source.line(depth, f"{name} = {record}[{field['name']!r}]")
    return name


def _branch(schema: list[Any]) -> Any:
    if len(schema) != 2 or schema[0] != "null":
        raise _Unknown
    return schema[1]


def _write_optional(source: _Source, schema: list[Any], value: str, depth: int) -> str:
    name = source.name("optional")
    source.line(depth, f"if {value} is None:")
    source.line(depth + 1, f"{name} = b'\\x00'")
    source.line(depth, "else:")
    parts = list(_write(source, _branch(schema), value, depth + 1))
    source.line(depth + 1, f"{name} = b'\\x02' + {' + '.join(parts)}")
    return name


def _write_block(source: _Source, schema: Any, value: str, depth: int) -> str:
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


def decoder(schema: Schema) -> Decoder | None:
    """A function (data, start) -> (record, end); None when it cannot be compiled. `end` may lie behind the data, if
    that was cut. It raises IndexError, ValueError (also UnicodeDecodeError) for what is no record of the schema."""
    source = _Source()
    try:
        value = _read(source, schema, 1)
    except _Unknown:
        return None
    source.line(1, f"return {value}, at")
    made: Decoder = source.function("def made(data, at):")
    return made


def field_reader(schema: Schema, field: str) -> Callable[[bytes, int], Any] | None:
    """A function (data, start) -> the value of one field, skipping what stands before it; None when it cannot be
    compiled, or the record has no such field. It raises as that of `decoder`, and does not look at what comes after."""
    source = _Source()
    try:
        for each in schema["fields"]:
            if each["name"] == field:
                source.line(1, f"return {_read(source, each['type'], 1)}")
                made: Callable[[bytes, int], Any] = source.function("def made(data, at):")
                return made
            _skip(source, each["type"], 1)
    except _Unknown:
        pass
    return None


def last_time_reader(schema: Schema, field: str) -> Callable[[bytes, int], int | None] | None:
    """As `field_reader`, for a field that is the last and a long or null: found from the end, whatever stands before.

    The last byte of a varint is the first from the end; those before it have their high bit set, and the branch of the
    union, which stands before them, has not.
    """
    last = schema["fields"][-1]
    if last["name"] != field or last["type"] not in (["null", "long"], ["null", {"type": "long"}]):
        return None

    def read(data: bytes, _start: int) -> int | None:
        if data[-1] == 0:
            return None
        if data[-7] == 2 and (six := int.from_bytes(data[-6:], "little")) & _SIX_HIGH == _SIX_VARINT:
            return _from_six(six)
        at = len(data) - 1
        while data[at - 1] > 127:
            at -= 1
        value, end = read_long(data, at)
        if data[at - 1] != 2 or end != len(data):
            raise ValueError("not a branch of the union")
        return value

    return read


def _skip(source: _Source, schema: Any, depth: int) -> None:
    """Emit the stepping over one value."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind in ("string", "bytes") and not _is_decimal(schema):
        name = source.name("length")
        _read_length(source, name, depth)
        source.line(depth, f"at += {name}")
    elif kind in ("long", "int"):
        source.line(depth, "while data[at] > 127:")
        source.line(depth + 1, "at += 1")
        source.line(depth, "at += 1")
    elif isinstance(schema, list):
        name = source.name("branch")
        source.line(depth, f"{name} = data[at]")
        source.line(depth, "at += 1")
        source.line(depth, f"if {name}:")
        _skip(source, _branch(schema), depth + 1)
    else:
        _read(source, schema, depth)


def _read(source: _Source, schema: Any, depth: int) -> str:
    """Emit the reading of one value; gives the expression for it."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(schema, list):
        return _read_optional(source, schema, depth)
    if kind == "record":
        values = [value for run in _runs(schema["fields"]) for value in _read_fields(source, run, depth)]
        names = [field["name"] for field in schema["fields"]]
        pairs = zip(names, values, strict=True)
        return "{" + ", ".join(f"{name!r}: {value}" for name, value in pairs) + "}"
    name = source.name("value")
    if kind in ("string", "bytes") and not _is_decimal(schema):
        _read_length(source, name, depth)
        source.line(depth, f"end = at + {name}")
        source.line(depth, f"{name} = data[at:end]{'.decode()' if kind == 'string' else ''}")
        source.line(depth, "at = end")
    elif kind in ("long", "int"):
        source.line(depth, f"{name} = data[at]")
        source.line(depth, f"if {name} < 128:")
        source.line(depth + 1, f"{name} = ({name} >> 1) ^ -({name} & 1)")
        source.line(depth + 1, "at += 1")
        if kind == "long":
            known = source.name("known")
            source.line(depth, f"elif ({known} := known(data[at:at + 6])) is not None:")
            source.line(depth + 1, f"{name} = {known}")
            source.line(depth + 1, "at += 6")
        source.line(depth, "else:")
        source.line(depth + 1, f"{name}, at = read_long(data, at{', INT' if kind == 'int' else ''})")
    elif kind == "boolean":
        source.line(depth, f"{name} = data[at] != 0")
        source.line(depth, "at += 1")
    elif kind in ("array", "map"):
        _read_block(source, schema, name, depth)
    else:
        raise _Unknown
    return name


def _runs(fields: list[Any]) -> Iterator[list[Any]]:
    """The fields in order, those together that stand side by side and take one zero byte each when they say nothing."""
    run: list[Any] = []
    for field in fields:
        terse = field["type"] == "boolean" or (
            isinstance(field["type"], list) and not _is_record(field["type"][-1])
        )
        if run and (not terse or len(run) == LONGEST_RUN):
            yield run
            run = []
        if terse:
            run.append(field)
        else:
            yield [field]
    if run:
        yield run


def _is_record(schema: Any) -> bool:
    return isinstance(schema, dict) and schema["type"] == "record"


def _read_fields(source: _Source, run: list[Any], depth: int) -> list[str]:
    """Emit the reading of some fields; gives the expressions for them."""
    if len(run) == 1:
        return [_read(source, run[0]["type"], depth)]
    names = [source.name("field") for _ in run]
    source.line(depth, f"if data[at:at + {len(run)}] == {bytes(len(run))!r}:")
    source.line(depth + 1, f"at += {len(run)}")
    for name, field in zip(names, run, strict=True):
        source.line(depth + 1, f"{name} = {False if field['type'] == 'boolean' else None}")
    source.line(depth, "else:")
    for name, field in zip(names, run, strict=True):
        value = _read(source, field["type"], depth + 1)
        source.line(depth + 1, f"{name} = {value}")
    return names


def _read_length(source: _Source, name: str, depth: int) -> None:
    source.line(depth, f"{name} = data[at]")
    source.line(depth, f"if {name} < 128:")
    source.line(depth + 1, "at += 1")
    source.line(depth + 1, f"if {name} & 1:")
    source.line(depth + 2, "raise ValueError('a negative length')")
    source.line(depth + 1, f"{name} >>= 1")
    source.line(depth, "else:")
    source.line(depth + 1, f"{name}, at = read_long(data, at)")
    source.line(depth + 1, f"if {name} < 0 or {name} > len(data):")
    source.line(depth + 2, "raise ValueError('a length beyond the data')")


def _read_optional(source: _Source, schema: list[Any], depth: int) -> str:
    name = source.name("optional")
    source.line(depth, f"{name} = data[at]")
    source.line(depth, "at += 1")
    source.line(depth, f"if {name} == 0:")
    source.line(depth + 1, f"{name} = None")
    source.line(depth, f"elif {name} == 2:")
    value = _read(source, _branch(schema), depth + 1)
    source.line(depth + 1, f"{name} = {value}")
    source.line(depth, "else:")
    source.line(depth + 1, "raise ValueError('no such branch of a union')")
    return name


def _read_block(source: _Source, schema: Any, name: str, depth: int) -> None:
    count, key = source.name("count"), source.name("key")
    is_array = schema["type"] == "array"
    source.line(depth, f"{name} = {'[]' if is_array else '{}'}")
    source.line(depth, "while data[at]:")
    source.line(depth + 1, f"{count}, at = read_long(data, at)")
    source.line(depth + 1, f"if {count} < 0:")  # a block that tells its size, to be skipped by it
    source.line(depth + 2, f"{count} = -{count}")
    source.line(depth + 2, "at = read_long(data, at)[1]")
    source.line(depth + 1, f"if {count} > len(data):")  # every item takes a byte
    source.line(depth + 2, "raise ValueError('more items than bytes')")
    source.line(depth + 1, f"for _ in range({count}):")
    if is_array:
        value = _read(source, schema["items"], depth + 2)
        source.line(depth + 2, f"{name}.append({value})")
    else:
        read_key = _read(source, "string", depth + 2)
        source.line(depth + 2, f"{key} = {read_key}")
        value = _read(source, schema["values"], depth + 2)
        source.line(depth + 2, f"{name}[{key}] = {value}")
    source.line(depth, "at += 1")
