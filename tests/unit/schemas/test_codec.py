"""The codec: what goes in comes out, and nothing that is not a record gets past it."""

import tracemalloc
from contextlib import suppress
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from avro.io import BinaryDecoder, DatumReader  # type: ignore[import-untyped, unused-ignore]
from avro.schema import make_avsc_object  # type: ignore[import-untyped, unused-ignore]
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalog, codec, golden
from schemas.codec import HEADER_LENGTH, MARKER, UndecodableRecord, UnencodableRecord, UnknownSchema
from schemas.golden.samples import samples
from schemas.records import Charge, ReminderDue
from tests.unit.schemas.arbitrary import records

NAMES = sorted(catalog.current())
DUE: ReminderDue = {
    "reminder_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "user": "acme|+14155550101",
    "tenant": "acme",
    "from": "+14155550100",
    "due_at": 1_790_000_000_000,
    "fire_at": 1_790_000_000_000,
    "attempt": 1,
    "try": 2,
    "subject": "buy milk",
    "language": "en",
    "expires_at": 1_790_000_900_000,
    "quiet_from": None,
    "quiet_until": 1_790_000_000_000,
}
CHARGE: Charge = {
    "charge_id": "sms:SM1",
    "tenant": "acme",
    "user": "acme|+14155550101",
    "kind": "sms",
    "amount": Decimal("0.0075"),
    "currency": "USD",
    "at": 1_790_000_000_000,
}


def any_record() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.sampled_from(NAMES).flatmap(
        lambda name: records(catalog.current()[name].schema).map(lambda record: (name, record))
    )


@given(any_record())
def test_every_record_comes_back_equal(named: tuple[str, dict[str, Any]]) -> None:
    """Any value that a schema has room for survives the round trip, by name or by fingerprint alone."""
    name, record = named
    data = codec.encode(name, record)
    assert codec.decode(data) == (name, record)
    assert codec.decoder(name)(data) == record


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_is_undecodable(name: str) -> None:
    """Cut anywhere, also within the header, a record is UndecodableRecord and not some other record."""
    for record in samples(catalog.current()[name].schema):
        data = codec.encode(name, record)
        for length in range(len(data)):
            with pytest.raises(UndecodableRecord):
                codec.decode(data[:length], expected=name)


@given(any_record(), st.binary(min_size=1, max_size=20))
def test_bytes_left_over_are_refused(named: tuple[str, dict[str, Any]], rest: bytes) -> None:
    """A record followed by anything is refused: the rest might have been meant."""
    with pytest.raises(UndecodableRecord, match="left over"):
        codec.decode(codec.encode(*named) + rest)


@given(st.sampled_from(NAMES), st.binary(max_size=200))
def test_garbage_after_a_good_header_is_read_or_undecodable(name: str, body: bytes) -> None:
    """Whatever follows the header, fastavro's own exceptions never get out."""
    with suppress(UndecodableRecord):
        codec.decode(codec.header(name) + body, expected=name)


@given(any_record(), st.data())
def test_a_damaged_record_is_read_or_undecodable(
    named: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    """One wrong byte, which garbage seldom gets as deep as: the same."""
    name, record = named
    damaged = bytearray(codec.encode(name, record))
    position = data.draw(st.integers(HEADER_LENGTH, len(damaged) - 1)) if len(damaged) > HEADER_LENGTH else 0
    damaged[position] = data.draw(st.integers(0, 255))
    with suppress(UndecodableRecord):
        codec.decode(bytes(damaged), expected=name)


@given(st.binary(max_size=60).filter(lambda data: data[:2] != MARKER))
def test_bytes_that_are_not_ours_are_undecodable(data: bytes) -> None:
    """Without the marker there is no schema to wait for, so nothing holds the partition."""
    with pytest.raises(UndecodableRecord):
        codec.decode(data, expected="SmsReceived")


def test_an_unknown_fingerprint_is_not_a_dead_letter() -> None:
    """A writer ahead of us must hold the partition: its records are good."""
    with pytest.raises(UnknownSchema, match="0102030405060708"):
        codec.decode(MARKER + bytes(range(1, 9)) + b"anything", expected="SmsReceived")


def test_another_record_than_expected_is_undecodable() -> None:
    """A charge on reminders.due is somebody's mistake, not a newer schema."""
    with pytest.raises(UndecodableRecord, match="a Charge where a ReminderDue belongs"):
        codec.decoder("ReminderDue")(codec.encode("Charge", CHARGE))


def test_a_kept_version_is_read_into_the_current_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record of last year: its schema is found by its fingerprint in golden/, what it lacks takes the default."""
    current = catalog.current()["Tenant"]
    schema = {
        **current.schema,
        "fields": current.schema["fields"][:2],
    }  # id and numbers; the rest has defaults
    old = catalog.Version("Tenant", catalog.fingerprint(schema), schema)
    assert golden.add(old, [], tmp_path) is not None
    data = codec.writer(old)({"id": "acme", "numbers": ["+14155550100"]})
    with pytest.raises(UnknownSchema):
        codec.decode(data, expected="Tenant")
    monkeypatch.setattr(catalog, "GOLDEN", tmp_path)
    for cached in (catalog.kept, catalog.by_fingerprint):
        cached.cache_clear()
    try:
        record = codec.decode(data, expected="Tenant").record
    finally:
        for cached in (catalog.kept, catalog.by_fingerprint):
            cached.cache_clear()
    assert (record["id"], record["numbers"]) == ("acme", ["+14155550100"])
    assert record["price_per_sms"] == Decimal(0)
    assert record["confirm_first_contact"] is True


def zigzag(number: int) -> bytes:
    """A long as Avro writes it (Avro 1.12, "Primitive Types")."""
    unsigned = (number << 1) ^ (number >> 63)
    out = bytearray()
    while unsigned > 0x7F:
        out.append(unsigned & 0x7F | 0x80)
        unsigned >>= 7
    out.append(unsigned)
    return bytes(out)


@pytest.mark.parametrize("length", [2**40, 2**62, -1, -(2**63)])
@pytest.mark.parametrize("where", [b"", b"\x02a"], ids=["string", "array"])
def test_a_claimed_length_costs_no_memory(length: int, where: bytes) -> None:
    """Twenty bytes that claim a terabyte, as a string's length or an array's count, cost kilobytes to refuse."""
    data = codec.header("Tenant") + where + zigzag(length) + b"abcdef"
    tracemalloc.start()
    try:
        with pytest.raises(UndecodableRecord):
            codec.decode(data, expected="Tenant")
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def zero_sized(schema: Any) -> bool:
    if isinstance(schema, dict) and schema["type"] == "record":
        return all(zero_sized(field["type"]) for field in schema["fields"])
    return schema == "null" or (isinstance(schema, dict) and schema["type"] == "null")


def items(schema: Any) -> list[Any]:
    if isinstance(schema, list):
        return [item for branch in schema for item in items(branch)]
    if not isinstance(schema, dict):
        return []
    inner = [item for field in schema.get("fields", ()) for item in items(field["type"])]
    inner += items(schema["type"])
    return [*inner, schema["items"], *items(schema["items"])] if "items" in schema else inner


def test_no_array_holds_items_of_no_bytes() -> None:
    """The bound on memory rests on it: a count of 2**40 nulls would need no bytes at all."""
    found = [item for version in catalog.by_fingerprint().values() for item in items(version.schema)]
    assert found, "Tenant.numbers at least"
    assert not [item for item in found if zero_sized(item)]


@pytest.mark.parametrize("raw", [b"\x7f" * 9, b"\x7f" * 300_000, (10**18).to_bytes(8, "big")])
def test_a_decimal_beyond_its_precision_is_undecodable(raw: bytes) -> None:
    """Neither rounded to another price, nor seconds of arithmetic."""
    good = codec.encode("Charge", {**CHARGE, "amount": Decimal(0), "currency": "", "at": 0})
    tail = b"\x00\x00"  # currency, at
    start = good[: -len(tail)].removesuffix(b"\x02\x00")
    assert good == start + b"\x02\x00" + tail
    before = process_time()
    with pytest.raises(UndecodableRecord):
        codec.decode(start + zigzag(len(raw)) + raw + tail)
    assert process_time() - before < 0.5  # seconds; 300 kB take several when they become a Decimal


@pytest.mark.parametrize(
    "change",
    [{"subject": None}, {"attempt": "1"}, {"due_at": 2**63}, {"subject": "\ud800"}, {"subject": b"milk"}],
    ids=["null", "text", "overflow", "surrogate", "bytes"],
)
def test_our_own_bad_record_is_refused_before_it_is_written(change: dict[str, Any]) -> None:
    """A bug of ours stops here, not in the reader of next year."""
    with pytest.raises(UnencodableRecord):
        codec.encode("ReminderDue", {**DUE, **change})


def test_an_absent_field_without_default_is_refused() -> None:
    """Forgetting a field is not the same as a zero."""
    for name in ("subject", "attempt", "due_at"):
        with pytest.raises(UnencodableRecord):
            codec.encode("ReminderDue", {key: value for key, value in DUE.items() if key != name})


def test_a_price_with_too_many_places_is_refused_not_rounded() -> None:
    """Money is not rounded on its way into a record."""
    with pytest.raises(UnencodableRecord):
        codec.encode("Charge", {**CHARGE, "amount": Decimal("0.0000001")})


def test_the_avro_package_reads_what_we_write() -> None:
    """Second implementation: the bytes after the header are plain Avro by the schema as it is published."""
    schema = catalog.current()["ReminderDue"].schema
    body = BytesIO(codec.encode("ReminderDue", DUE)[HEADER_LENGTH:])
    read: Any = DatumReader(make_avsc_object(schema)).read(BinaryDecoder(body))
    times = {
        name: round(read[name].timestamp() * 1000)
        for name in ("due_at", "fire_at", "expires_at", "quiet_until")
    }
    assert {**read, **times} == DUE
    assert body.read() == b""


def test_a_missing_record_name_is_a_key_error() -> None:
    """A misspelt name is found when the stage starts, not when a record comes."""
    with pytest.raises(KeyError):
        codec.encoder("RemindersDue")


@given(any_record(), st.data())
def test_one_field_is_read_as_in_the_whole_record(
    named: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    """Also one that the record does not have."""
    name, record = named
    field = data.draw(st.sampled_from([*record, "no_such_field"]))
    assert codec.peek(codec.encode(name, record), field) == record.get(field)
