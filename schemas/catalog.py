"""The schemas that this program knows: the current one of each record and every older version that was kept.

A current schema is one `.avsc` file in this folder, named by its record. An older version is a file in
`golden/` (see schemas/golden). A file may name a record that is defined in another file instead of repeating
it (`"type": "ringback.When"`); the definition is put in its place here, so that what is fingerprinted,
registered and kept is always whole.

Terms, from the Avro specification 1.12: the *writer's schema* is the one that bytes were written with, the
*reader's* the one that the reader wants; the *fingerprint* is CRC-64-AVRO of the Parsing Canonical Form,
which leaves out documentation, defaults, aliases **and logical types**, so versions are compared by those
as well.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fastavro.schema import fingerprint as fastavro_fingerprint
from fastavro.schema import to_parsing_canonical_form

FOLDER = Path(__file__).parent
GOLDEN = FOLDER / "golden"
PRIMITIVE = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
NAMED = frozenset({"record", "error", "enum", "fixed"})

Schema = dict[str, Any]
"""A record schema as it stands in JSON, not yet prepared for a library."""


class Version(NamedTuple):
    """One schema of one record, current or kept."""

    name: str
    fingerprint: bytes  # 8 bytes, little endian, as it stands on the wire
    schema: Schema


class UnsoundSchemaError(ValueError):
    """A schema file contradicts itself or another one: the files are wrong, not the data."""


def short_name(schema: Schema) -> str:
    """The record's name without its namespace: `ringback.CallEvent` is `CallEvent`."""
    return str(schema["name"]).rpartition(".")[2]


def full_name(schema: Schema, enclosing: str) -> str:
    """The namespace-qualified name of a named type found inside the namespace `enclosing`."""
    name = str(schema["name"])
    if "." in name:
        return name
    namespace = schema.get("namespace", enclosing)
    return f"{namespace}.{name}" if namespace else name


def fingerprint(schema: Schema) -> bytes:
    """CRC-64-AVRO of the Parsing Canonical Form, 8 bytes little endian (Avro 1.12, "Single-object")."""
    # fastavro's hexadecimal text is already in the order of the wire; a test holds this to the specification.
    return bytes.fromhex(fastavro_fingerprint(canonical_form(schema), "CRC-64-AVRO"))


def canonical_form(schema: Schema) -> str:
    """Parsing Canonical Form as text (Avro 1.12, "Transforming into Parsing Canonical Form")."""
    return str(to_parsing_canonical_form(schema))


def resolution_form(schema: Any) -> Any:
    """What decides how bytes are read: all of `schema` but the documentation and the order of its JSON."""
    if isinstance(schema, list):
        return [resolution_form(branch) for branch in schema]
    if isinstance(schema, dict):
        return {key: resolution_form(value) for key, value in sorted(schema.items()) if key != "doc"}
    return schema


@cache
def current() -> dict[str, Version]:
    """The current version of each record, by short name, from the `.avsc` files."""
    files = {path.name: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.avsc"))}
    return assemble(files)


def assemble(files: dict[str, Schema]) -> dict[str, Version]:
    """Versions of the records in `files` (file name -> schema), names of other files resolved.

    Raises UnsoundSchemaError for a name defined twice with different content, or not at all.
    """
    definitions: dict[str, tuple[str, Schema]] = {}
    for file, schema in files.items():
        for name, definition in _definitions(schema, ""):
            known = definitions.setdefault(name, (file, definition))
            if known[1] != definition:
                raise UnsoundSchemaError(f"{name} is defined in {known[0]} and, differently, in {file}")
    versions = {}
    for file, schema in files.items():
        whole = _inline(schema, "", definitions, set(), file)
        version = Version(short_name(whole), fingerprint(whole), whole)
        if version.name in versions:
            raise UnsoundSchemaError(f"{file}: a second file defines {version.name}")
        versions[version.name] = version
    return versions


def _definitions(schema: Any, enclosing: str) -> Iterator[tuple[str, Schema]]:
    """Every named type defined in `schema`, outermost first."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _definitions(branch, enclosing)
    elif isinstance(schema, dict):
        if schema["type"] in NAMED:
            name = full_name(schema, enclosing)
            yield name, schema
            enclosing = name.rpartition(".")[0]
        for field in schema.get("fields", ()):
            yield from _definitions(field["type"], enclosing)
        for part in ("items", "values", "type"):
            if isinstance(schema.get(part), list | dict):
                yield from _definitions(schema[part], enclosing)


def _inline(
    schema: Any, enclosing: str, known: dict[str, tuple[str, Schema]], seen: set[str], file: str
) -> Any:
    """A copy of `schema` in which the first use of a name that another file defines is that definition."""
    if isinstance(schema, str):
        if schema in PRIMITIVE:
            return schema
        name = schema if "." in schema or not enclosing else f"{enclosing}.{schema}"
        if name in seen:
            return name
        if name not in known:
            raise UnsoundSchemaError(f"{file}: no file defines {name}")
        return _inline({**known[name][1], "name": name}, enclosing, known, seen, file)
    if isinstance(schema, list):
        return [_inline(branch, enclosing, known, seen, file) for branch in schema]
    whole = dict(schema)
    if whole["type"] in NAMED:
        name = full_name(whole, enclosing)
        seen.add(name)
        enclosing = name.rpartition(".")[0]
    if "fields" in whole:
        whole["fields"] = [
            {**field, "type": _inline(field["type"], enclosing, known, seen, file)}
            for field in whole["fields"]
        ]
    for part in ("items", "values"):
        if part in whole:
            whole[part] = _inline(whole[part], enclosing, known, seen, file)
    if isinstance(whole["type"], list | dict):
        whole["type"] = _inline(whole["type"], enclosing, known, seen, file)
    return whole


@cache
def kept() -> tuple[Version, ...]:
    """Every version in `golden/`, in the order of the file names."""
    found = []
    for path in sorted(GOLDEN.glob("*.json")):
        schema = json.loads(path.read_text("utf-8"))["schema"]
        found.append(Version(short_name(schema), fingerprint(schema), schema))
    return tuple(found)


@cache
def by_fingerprint() -> dict[bytes, Version]:
    """Every version whose bytes this program can read; the current one wins over a kept one like it."""
    return {version.fingerprint: version for version in (*kept(), *current().values())}
