"""The compiled functions and fastavro's generic ones are one codec: same bytes, same records, same refusals."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import avro, catalog, codec, compiled
from schemas.compiled import varint
from tests.unit.schemas.arbitrary import records

SCHEMAS = {name: avro.prepare(version.schema) for name, version in catalog.current().items()}
ENCODERS = {name: made for name, s in SCHEMAS.items() if (made := compiled.encoder(s, b"")) is not None}
DECODERS = {name: read for name, s in SCHEMAS.items() if (read := compiled.decoder(s)) is not None}


@st.composite
def any_record(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    name = draw(st.sampled_from(sorted(ENCODERS)))
    return name, draw(records(catalog.current()[name].schema))


def generic(name: str, record: dict[str, Any]) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, SCHEMAS[name], record)
    return out.getvalue()


def test_all_records_but_those_with_money_and_rates_are_compiled() -> None:
    """A new type in a schema would quietly make its record slow."""
    assert set(SCHEMAS) - set(ENCODERS) == {"Charge", "Tenant"}
    assert set(ENCODERS) == set(DECODERS)


@given(any_record())
def test_the_bytes_are_those_of_fastavro(named: tuple[str, dict[str, Any]]) -> None:
    name, record = named
    assert ENCODERS[name](record) == generic(name, record)


@given(any_record())
def test_the_record_is_that_of_fastavro(named: tuple[str, dict[str, Any]]) -> None:
    name, record = named
    data = generic(name, record)
    assert DECODERS[name](b"head" + data, 4) == (record, 4 + len(data))


@given(any_record(), st.data())
def test_damaged_bytes_are_read_alike_or_refused(
    named: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    """What we take, fastavro takes for the same record. We refuse more: varints that are too long."""
    name, record = named
    damaged = bytearray(generic(name, record))
    if not damaged:
        return
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        read, end = DECODERS[name](bytes(damaged), 0)
    except (IndexError, ValueError):
        return
    if end <= len(damaged):
        stream = BytesIO(bytes(damaged))
        assert fastavro.schemaless_reader(stream, SCHEMAS[name], None) == read
        assert stream.tell() == end


@given(any_record(), st.data())
def test_a_wrong_value_is_refused(named: tuple[str, dict[str, Any]], data: st.DataObject) -> None:
    """None, or an object, where the schema has room for neither."""
    name, record = named
    required = [f["name"] for f in SCHEMAS[name]["fields"] if f["type"] in ("string", "long", "int")]
    if not required:
        return
    field = data.draw(st.sampled_from(required))
    with pytest.raises((AttributeError, TypeError)):
        ENCODERS[name]({**record, field: data.draw(st.sampled_from([None, object(), 1.5]))})


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_a_number_that_does_not_fit_is_refused(value: int) -> None:
    with pytest.raises(OverflowError):
        varint.write_long(value)


def test_an_int_has_32_bits() -> None:
    """fastavro writes what no other reader takes; we do not."""
    assert varint.write_long(2**31 - 1, varint.INT_MAX)
    with pytest.raises(OverflowError):
        varint.write_long(2**31, varint.INT_MAX)


@given(st.lists(st.text(max_size=3), min_size=1, max_size=5))
def test_blocks_that_tell_their_size_are_read(items: list[str]) -> None:
    """Other writers may write arrays so (Avro 1.12, "Arrays"); ours and fastavro do not."""
    schema = {
        "type": "record",
        "name": "R",
        "fields": [{"name": "a", "type": {"type": "array", "items": "string"}}],
    }
    read = compiled.decoder(schema)
    assert read is not None
    body = b"".join(varint.write_long(len(i.encode())) + i.encode() for i in items)
    data = varint.write_long(-len(items)) + varint.write_long(len(body)) + body + b"\x00"
    assert read(data, 0) == ({"a": items}, len(data))


@pytest.mark.parametrize("wake_at", [0, None, 1])
@pytest.mark.parametrize("epoch", [0, 1, 2])
def test_a_time_of_zero_is_a_time(epoch: int, wake_at: int | None) -> None:
    """From the end of the record a zero looks like a null behind a one."""
    stored = codec.encode("EpochState", {"epoch": epoch, "wake_at": wake_at})
    assert codec.peek(stored, "wake_at") == wake_at
