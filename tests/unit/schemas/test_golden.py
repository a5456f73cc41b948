"""Golden bytes decode for ever."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas import catalog, codec, golden
from schemas.catalog import Version
from schemas.golden.__main__ import main
from schemas.render import render

FILES = sorted(catalog.GOLDEN.glob("*.json"))


def version(*fields: dict[str, Any], name: str = "Thing") -> Version:
    schema = {"type": "record", "name": name, "namespace": "ringback", "fields": list(fields)}
    return Version(name, catalog.fingerprint(schema), schema)


ID = {"name": "id", "type": "string"}
NOTE = {"name": "note", "type": ["null", "string"], "default": None}


def test_every_current_schema_is_kept() -> None:
    """Else nothing holds its successors to it."""
    assert main(["--check"]) == 0


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_golden_bytes_decode(path: Path) -> None:
    """What was written then is read now, and means what it meant."""
    schema, pairs = golden.load(path)
    name = catalog.short_name(schema)
    assert path.name.startswith(f"{name}.{catalog.fingerprint(schema).hex()}")
    assert len(pairs) >= 4
    current = {field["name"]: field["type"] for field in catalog.current()[name].schema["fields"]}
    for shown, data in pairs:
        record = codec.decode(data, expected=name).record
        assert record.keys() == current.keys()
        assert {**render(schema, record), **shown} == render(schema, record)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_golden_bytes_are_what_that_version_writes(path: Path) -> None:
    """A library that starts to write other bytes, or a file changed by hand, is noticed."""
    schema, pairs = golden.load(path)
    kept = Version(catalog.short_name(schema), catalog.fingerprint(schema), schema)
    assert [data for _, data in pairs] == golden.encoded_samples(kept)


def test_a_version_is_kept_once(tmp_path: Path) -> None:
    """Documentation is no new version."""
    first = version(ID)
    path = golden.add(first, [], tmp_path)
    assert path == tmp_path / f"Thing.{first.fingerprint.hex()}.json"
    assert golden.add(version({**ID, "doc": "the name"}), [first], tmp_path) is None


def test_an_addition_with_a_default_is_kept(tmp_path: Path) -> None:
    """The way to evolve."""
    assert golden.add(version(ID, NOTE), [version(ID)], tmp_path) is not None


def test_an_incompatible_version_is_refused(tmp_path: Path) -> None:
    """Before it can write a byte; and nothing is left behind."""
    with pytest.raises(golden.Refused, match="note"):
        golden.add(version(ID, {"name": "note", "type": "string"}), [version(ID)], tmp_path)
    assert not list(tmp_path.iterdir())


def test_another_default_is_kept_beside(tmp_path: Path) -> None:
    """The fingerprint does not see it, and old readers still use the old one; no file is overwritten."""
    old, new = version(ID, {**NOTE, "type": ["string", "null"], "default": "a"}), None
    new = version(ID, {**NOTE, "type": ["string", "null"], "default": "b"})
    first = golden.add(old, [], tmp_path)
    assert first is not None
    before = first.read_bytes()
    second = golden.add(new, [old], tmp_path)
    assert second == first.with_name(first.stem + "-2.json")
    assert first.read_bytes() == before
    assert json.loads(second.read_text("utf-8"))["schema"] == new.schema
