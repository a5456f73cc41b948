"""The judges of compatibility: each planted change is caught, by the judge who can see it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from schemas import avro, catalog, compatibility
from schemas.catalog import Version

Judge = Callable[[Version, Version], Iterator[str]]
BYTES, RULES, LOGICAL = (
    compatibility.bytes_disagree,
    compatibility.rules_disagree,
    compatibility.logical_types_disagree,
)


def version(*fields: dict[str, Any]) -> Version:
    schema = {"type": "record", "name": "Thing", "namespace": "ringback", "fields": list(fields)}
    return Version("Thing", catalog.fingerprint(schema), schema)


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def decimal(precision: int, scale: int) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


ID = field("id", "string")
OLD = version(ID, field("count", "int"), field("note", ["null", "string"], default=None))


def says_no(judge: Judge, one: Version, other: Version) -> bool:
    return any(judge(one, other)) or any(judge(other, one))


INCOMPATIBLE = {
    "a field without default": version(*OLD.schema["fields"], field("more", "string")),
    "a field removed that had none": version(ID, OLD.schema["fields"][2]),
    "another type": version(ID, field("count", "string"), OLD.schema["fields"][2]),
    "a wider type, which old readers cannot read": version(
        ID, field("count", "long"), OLD.schema["fields"][2]
    ),
    "a branch taken away": version(ID, field("count", "int"), field("note", "string", default="")),
    "a branch added": version(
        ID, field("count", "int"), field("note", ["null", "string", "int"], default=None)
    ),
    "a field renamed": version(ID, field("number", "int"), OLD.schema["fields"][2]),
    "an item of another type": version(
        ID, field("count", {"type": "array", "items": "int"}), OLD.schema["fields"][2]
    ),
}


@pytest.mark.parametrize("judge", [BYTES, RULES], ids=["fastavro", "avro"])
@pytest.mark.parametrize("planted", INCOMPATIBLE.values(), ids=INCOMPATIBLE.keys())
def test_both_oracles_catch_what_the_specification_forbids(planted: Version, judge: Judge) -> None:
    """Neither leans on the other."""
    assert says_no(judge, OLD, planted)
    assert list(compatibility.problems([OLD, planted]))


COMPATIBLE = {
    "a field with a default": version(*OLD.schema["fields"], field("more", "string", default="")),
    "a money field with a default": version(
        *OLD.schema["fields"], field("price", decimal(18, 6), default="\u0000")
    ),
    "a field with a default removed": version(*OLD.schema["fields"][:2]),
    "another order": version(*reversed(OLD.schema["fields"])),
    "documentation": version({**ID, "doc": "who"}, *OLD.schema["fields"][1:]),
}


@pytest.mark.parametrize("good", COMPATIBLE.values(), ids=COMPATIBLE.keys())
def test_good_changes_pass_all_judges(good: Version) -> None:
    """A check that refuses everything would be switched off."""
    assert list(compatibility.problems([OLD, good])) == []


def test_text_for_bytes_is_caught_by_reading() -> None:
    """The specification takes string and bytes for one another; our code does not."""
    text, raw = version(field("x", "string")), version(field("x", "bytes"))
    assert not says_no(RULES, text, raw)
    assert says_no(BYTES, text, raw)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (decimal(18, 6), decimal(18, 4)),
        (decimal(18, 6), "bytes"),
        ("long", {"type": "long", "logicalType": "timestamp-millis"}),
        (
            {"type": "long", "logicalType": "timestamp-millis"},
            {"type": "long", "logicalType": "timestamp-micros"},
        ),
        (
            ["null", {"type": "long", "logicalType": "timestamp-millis"}],
            ["null", {"type": "long", "logicalType": "timestamp-micros"}],
        ),
    ],
)
def test_another_logical_type_is_caught(old: Any, new: Any) -> None:
    """Same fingerprint, other meaning: a price a hundred times too high, a time in the year 58,000."""
    one, other = version(field("x", old)), version(field("x", new))
    assert one.fingerprint == other.fingerprint
    assert says_no(LOGICAL, one, other)


def test_compatibility_is_transitive_over_all_versions() -> None:
    """Default dropped in the second, field dropped in the third: each step alone is fine, the first cannot be read."""
    with_default = version(ID, field("note", "string", default=""))
    without = version(ID, field("note", "string"))
    gone = version(ID)
    assert not list(compatibility.problems([with_default, without]))
    assert not list(compatibility.problems([with_default, gone]))
    assert list(compatibility.problems([with_default, without, gone]))


def test_a_kept_record_must_still_exist() -> None:
    """Removing a file makes its old records unreadable."""
    assert "Thing" in "".join(compatibility.all_problems({}, [OLD]))


def test_ours_are_compatible(capsys: pytest.CaptureFixture[str]) -> None:
    """What CI asks."""
    assert compatibility.main() == 0, capsys.readouterr().err


def test_the_command_answers_no(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 and a line that names both versions."""
    planted = INCOMPATIBLE["another type"]
    monkeypatch.setattr(catalog, "kept", lambda: (OLD,))
    monkeypatch.setattr(catalog, "current", lambda: {"Thing": planted})
    assert compatibility.main() == 1
    complaint = capsys.readouterr().err
    assert OLD.fingerprint.hex() in complaint
    assert planted.fingerprint.hex() in complaint


def test_defaults_come_as_values_and_not_shared() -> None:
    """A new field of an old record: money as Decimal, bytes as bytes, and a list that no other record holds."""
    more = (
        field("price", decimal(18, 6), default="\u0001"),
        field("raw", "bytes", default="\u00ff"),
        field("list", {"type": "array", "items": "string"}, default=[]),
    )
    old, new = version(ID), version(ID, *more)
    read = avro.reader("Thing", avro.prepare(old.schema), avro.prepare(new.schema))
    first, second = read(b"\x02a", 0), read(b"\x02b", 0)
    assert str(first["price"]) == "0.000001"
    assert first["raw"] == b"\xff"
    first["list"].append("mine")
    assert second["list"] == []
    assert read(b"\x02c", 0)["list"] == []
