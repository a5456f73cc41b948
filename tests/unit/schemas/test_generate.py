"""records.py follows from the .avsc files."""

import ast
from pathlib import Path
from typing import Any

import pytest

from schemas import catalog, generate


def schema(fields: dict[str, Any], name: str = "Thing") -> dict[str, Any]:
    return {
        "type": "record",
        "name": name,
        "namespace": "ringback",
        "fields": [{"name": field, "type": kind} for field, kind in fields.items()],
    }


def test_records_py_is_what_the_files_say() -> None:
    """Nobody edits it by hand, and nobody forgets to generate it."""
    assert generate.main(["--check"]) == 0


def test_a_stale_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--check says no to a file that differs by one byte and to none at all, and writes nothing."""
    target = tmp_path / "records.py"
    monkeypatch.setattr(generate, "TARGET", target)
    assert generate.main(["--check"]) == 1
    assert not target.exists()
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    target.write_text(target.read_text("utf-8") + " ", "utf-8")
    assert generate.main(["--check"]) == 1


@pytest.mark.parametrize(
    ("avro", "python"),
    [
        ("string", "str"),
        ({"type": "long", "logicalType": "timestamp-millis"}, "int"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "Decimal"),
        (["null", "string"], "str | None"),
        (["null", "int", "string"], "int | str | None"),
        (["null", "int", "long"], "int | None"),
        ({"type": "array", "items": ["null", "double"]}, "list[float | None]"),
        ({"type": "map", "values": "bytes"}, "dict[str, bytes]"),
        ("ringback.When", "When"),
        (schema({}, "When"), "When"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "str"),
    ],
)
def test_types(avro: Any, python: str) -> None:
    """Every Avro type has the Python type that the codec gives it."""
    assert generate.annotation(avro) == python


def test_keywords_and_nested_records() -> None:
    """`from` and `try` are field names of the contract; a nested record is defined before its user."""
    text = generate.source([schema({"from": "string", "when": ["null", schema({"hour": "int"}, "When")]})])
    tree = ast.parse(text)
    assert text.index("class When(TypedDict)") < text.index("Thing = TypedDict(")
    assert '"from": str' in text
    assert '"when": When | None' in text
    assert isinstance(tree.body[-1], ast.Assign)


def test_every_record_has_its_type() -> None:
    """One name for a record in the files, in the code and in the codec."""
    import schemas.records

    assert set(catalog.current()) <= set(vars(schemas.records))
