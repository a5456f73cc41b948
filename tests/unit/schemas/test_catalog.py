"""Schemas as files: fingerprints as the specification has them, names across files, and what is wrong with files."""

from typing import Any

import pytest
from avro.schema import make_avsc_object  # type: ignore[import-untyped, unused-ignore]

from schemas import catalog
from schemas.catalog import UnsoundSchemaError

WHEN = {"type": "record", "name": "When", "fields": [{"name": "hour", "type": "int"}]}


def record(name: str, kind: Any) -> dict[str, Any]:
    return {
        "type": "record",
        "name": name,
        "namespace": "ringback",
        "fields": [{"name": "when", "type": kind}],
    }


def crc_64_avro(text: bytes) -> int:
    """The algorithm as the specification prints it (Avro 1.12, "Schema Fingerprints"), bit by bit."""
    empty = 0xC15D213AA4D7A795
    crc = empty
    for byte in text:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (empty if crc & 1 else 0)
    return crc


def bare(schema: Any) -> Any:
    """{"type": "long", …} as "long": rule [PRIMITIVES] of the canonical form, which the avro package leaves out."""
    if isinstance(schema, list):
        return [bare(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("type"), str) and schema["type"] in catalog.PRIMITIVE and "name" not in schema:
        return schema["type"]
    return {key: bare(part) for key, part in schema.items() if key != "default"}


def test_the_reference_crc_is_the_published_one() -> None:
    """The oracle itself: the fingerprint of "null" stands in Avro's own test data (schema-tests.txt)."""
    assert crc_64_avro(b'"null"') == 7195948357588979594


@pytest.mark.parametrize("name", sorted(catalog.current()))
def test_fingerprints_are_crc_64_avro_in_little_endian(name: str) -> None:
    """The eight bytes on the wire are what any other implementation computes from the published schema."""
    version = catalog.current()[name]
    theirs = make_avsc_object(bare(version.schema)).canonical_form
    assert version.fingerprint == crc_64_avro(theirs.encode()).to_bytes(8, "little")


def test_a_definition_of_another_file_is_put_in_place() -> None:
    """What is fingerprinted and registered is whole, and the same as if it had been written out."""
    own = catalog.assemble({"a": record("A", WHEN), "b": record("B", ["null", "ringback.When"])})
    written_out = catalog.assemble({"b": record("B", ["null", WHEN])})
    assert own["B"].fingerprint == written_out["B"].fingerprint
    assert own["B"].schema["fields"][0]["type"][1]["fields"] == WHEN["fields"]


def test_a_second_use_stays_a_name() -> None:
    """Avro allows one definition of a name in a schema; the rest must be references."""
    both = {
        **record("B", "When"),
        "fields": [{"name": "one", "type": "When"}, {"name": "two", "type": ["null", "When"]}],
    }
    fields = catalog.assemble({"a": record("A", WHEN), "b": both})["B"].schema["fields"]
    assert fields[0]["type"]["name"] == "ringback.When"
    assert fields[1]["type"] == ["null", "ringback.When"]


def test_two_definitions_that_differ_are_refused() -> None:
    """The same name with two shapes would make one Python type of two records."""
    other = {**WHEN, "fields": [{"name": "hour", "type": "long"}]}
    with pytest.raises(UnsoundSchemaError, match=r"ringback\.When is defined in a and, differently, in b"):
        catalog.assemble({"a": record("A", WHEN), "b": record("B", other)})


def test_a_name_that_no_file_defines_is_refused() -> None:
    """A misspelt type is found when schemas are loaded."""
    with pytest.raises(UnsoundSchemaError, match=r"a: no file defines ringback\.Wen"):
        catalog.assemble({"a": record("A", "Wen")})


def test_two_files_of_one_record_are_refused() -> None:
    """Or the second would silently win."""
    with pytest.raises(UnsoundSchemaError, match="second file"):
        catalog.assemble({"a": record("A", "int"), "b": record("A", "int")})


def test_every_file_is_named_by_its_record() -> None:
    """reminder_due.avsc holds ReminderDue: one finds a record without searching."""
    for path in catalog.FOLDER.glob("*.avsc"):
        assert path.stem.title().replace("_", "") in catalog.current()
