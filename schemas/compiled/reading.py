"""From Avro binary to a record, or to one field of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from schemas.catalog import Schema
from schemas.compiled.source import Decoder, Source, Unknown, branch, is_decimal
from schemas.compiled.varint import SIX_HIGH, SIX_VARINT, from_six, read_long

LONGEST_RUN = 5  # fields that are looked at together; most records have something in ten


def decoder(schema: Schema) -> Decoder | None:
    """A function (data, start) -> (record, end); None when it cannot be compiled. `end` may lie behind the data, if
    that was cut. It raises IndexError, ValueError (also UnicodeDecodeError) for what is no record of the schema."""
    source = Source()
    try:
        value = _read(source, schema, 1)
    except Unknown:
        return None
    source.line(1, f"return {value}, at")
    made: Decoder = source.function("def made(data, at):")
    return made


def field_reader(schema: Schema, field: str) -> Callable[[bytes, int], Any] | None:
    """A function (data, start) -> the value of one field, skipping what stands before it; None when it cannot be
    compiled, or the record has no such field. It raises as that of `decoder`, and does not look at what comes after."""
    source = Source()
    try:
        for each in schema["fields"]:
            if each["name"] == field:
                source.line(1, f"return {_read(source, each['type'], 1)}")
                made: Callable[[bytes, int], Any] = source.function("def made(data, at):")
                return made
            _skip(source, each["type"], 1)
    except Unknown:
        pass
    return None


def last_time_reader(schema: Schema, field: str) -> Callable[[bytes, int], int | None] | None:
    """As `field_reader`, for a field that is the last and a long or null: found from the end, whatever stands before.

    The last byte of a varint is the first from the end; those before it have their high bit set, and the branch of the
    union, which stands before them, has not. Only a null and a zero can look alike from there: those are read from the
    start.
    """
    from_the_start = field_reader(schema, field)
    last = schema["fields"][-1]
    if last["name"] != field or last["type"] not in (["null", "long"], ["null", {"type": "long"}]):
        return None
    if from_the_start is None:
        return None

    def read(data: bytes, start: int) -> int | None:
        if data[-1] == 0:
            return None if data[-2] != 2 else from_the_start(data, start)
        if data[-7] == 2 and (six := int.from_bytes(data[-6:], "little")) & SIX_HIGH == SIX_VARINT:
            return from_six(six)
        at = len(data) - 1
        while data[at - 1] > 127:
            at -= 1
        value, end = read_long(data, at)
        if data[at - 1] != 2 or end != len(data):
            raise ValueError("not a branch of the union")
        return value

    return read


def _skip(source: Source, schema: Any, depth: int) -> None:
    """Emit the stepping over one value."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind in ("string", "bytes") and not is_decimal(schema):
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
        _skip(source, branch(schema), depth + 1)
    else:
        _read(source, schema, depth)


def _read(source: Source, schema: Any, depth: int) -> str:
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
    if kind in ("string", "bytes") and not is_decimal(schema):
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
        raise Unknown
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


def _read_fields(source: Source, run: list[Any], depth: int) -> list[str]:
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


def _read_length(source: Source, name: str, depth: int) -> None:
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


def _read_optional(source: Source, schema: list[Any], depth: int) -> str:
    name = source.name("optional")
    source.line(depth, f"{name} = data[at]")
    source.line(depth, "at += 1")
    source.line(depth, f"if {name} == 0:")
    source.line(depth + 1, f"{name} = None")
    source.line(depth, f"elif {name} == 2:")
    value = _read(source, branch(schema), depth + 1)
    source.line(depth + 1, f"{name} = {value}")
    source.line(depth, "else:")
    source.line(depth + 1, "raise ValueError('no such branch of a union')")
    return name


def _read_block(source: Source, schema: Any, name: str, depth: int) -> None:
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
