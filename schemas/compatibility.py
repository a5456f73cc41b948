"""FULL_TRANSITIVE: every version of a record that was ever kept reads what every other one wrote.

    python -m schemas.compatibility     exit 0 when it holds, 1 and a line per reason when it does not

Three judges, each of whom can say no. They share no code, because each is blind somewhere:

1. **fastavro reads** bytes of each version with each other one, and what both know must come back equal.
It sees what happens, but only for the bytes it is shown (the samples visit every branch of every union).
2. **The `avro` package** judges the schemas by the specification's rules (Avro 1.12, "Schema Resolution"),
without bytes. It takes string and bytes for one another, which our readers could not.
3. **Logical types** must stay: a decimal of another scale has the same fingerprint and would be another
price.
"""

import importlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

from schemas import avro, catalog, codec
from schemas.catalog import Schema, Version
from schemas.errors import UndecodableRecord

KEPT_BY_NAME = ("logicalType", "precision", "scale")


def problems(versions: Sequence[Version]) -> Iterator[str]:
    """Every reason why `versions`, all of one record, are not FULL_TRANSITIVE; nothing when they are."""
    for reader, writer in permutations(versions, 2):
        direction = f"{reader.name}: {label(reader)} does not read {label(writer)}"
        for judge in (bytes_disagree, rules_disagree, logical_types_disagree):
            yield from (f"{direction}: {reason}" for reason in judge(reader, writer))


def label(version: Version) -> str:
    """How a version is called in a message."""
    return version.fingerprint.hex()


def bytes_disagree(reader: Version, writer: Version) -> Iterator[str]:
    """First judge: fastavro, on the bytes of the writer's samples."""
    from schemas.golden import encoded_samples  # golden refuses by this module

    written = avro.prepare(writer.schema)
    as_written = avro.reader(writer.name, written, None)
    as_wanted = avro.reader(reader.name, written, avro.prepare(reader.schema))
    for number, data in enumerate(encoded_samples(writer)):
        try:
            before, after = (read(data, codec.HEADER_LENGTH) for read in (as_written, as_wanted))
        except UndecodableRecord as error:
            yield f"fastavro, sample {number}: {error.__cause__ or error}"
            return
        for path in differences(before, after):
            yield f"fastavro, sample {number}: {path} comes back as another value"


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Paths of what both values hold and do not agree on; 1 and 1.0 agree, "a" and b"a" do not."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in before.keys() & after.keys():
            yield from differences(before[key], after[key], f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for old, new in zip(before, after, strict=True):
            yield from differences(old, new, f"{path}[]")
    elif before != after:
        yield path


def rules_disagree(reader: Version, writer: Version) -> Iterator[str]:
    """Second judge: the `avro` package, on the schemas alone. ModuleNotFoundError without that package."""
    rules = importlib.import_module("avro.compatibility")
    parse = importlib.import_module("avro.schema").make_avsc_object
    verdict = rules.ReaderWriterCompatibilityChecker().get_compatibility(
        parse(reader.schema), parse(writer.schema)
    )
    if verdict.compatibility is not rules.SchemaCompatibilityType.compatible:
        yield "avro: " + ("; ".join(sorted(verdict.messages)) or str(verdict.compatibility))


def logical_types_disagree(reader: Version, writer: Version) -> Iterator[str]:
    """Third judge: what the fingerprint does not see."""
    ours, theirs = dict(_logical_types(reader.schema, "")), dict(_logical_types(writer.schema, ""))
    for path in sorted(ours.keys() & theirs.keys()):
        if ours[path] != theirs[path]:
            yield f"{path}: {theirs[path] or 'plain'} is taken for {ours[path] or 'plain'}"


def _logical_types(schema: Any, path: str) -> Iterator[tuple[str, str]]:
    """(path, logical type with its parameters or "") of every leaf."""
    if isinstance(schema, str):
        if schema != "null":
            yield path, ""
    elif isinstance(schema, list):
        for branch in schema:
            yield from _logical_types(branch, path)
    elif schema["type"] == "record":
        for field in schema["fields"]:
            yield from _logical_types(field["type"], f"{path}.{field['name']}" if path else field["name"])
    elif schema["type"] in ("array", "map"):
        yield from _logical_types(schema.get("items", schema.get("values")), f"{path}[]")
    elif isinstance(schema["type"], str):
        yield path, " ".join(str(schema[key]) for key in KEPT_BY_NAME if key in schema)
    else:
        yield from _logical_types(schema["type"], path)


def all_problems(current: Mapping[str, Version], kept: Sequence[Version]) -> Iterator[str]:
    """Every reason over all records; a record that was kept must still have a current schema."""
    histories: defaultdict[str, list[Version]] = defaultdict(list)
    for version in (*kept, *current.values()):
        histories[version.name].append(version)
    for name, versions in histories.items():
        if name not in current:
            yield f"{name}: versions are kept, but no .avsc file defines it: its records could not be read"
        yield from problems(_distinct(versions))


def _distinct(versions: Sequence[Version]) -> list[Version]:
    """Without copies: the current schema is usually kept already."""
    different: dict[str, tuple[Schema, Version]] = {}
    for version in versions:
        different.setdefault(repr(version.schema), (version.schema, version))
    return [version for _, version in different.values()]


def main() -> int:
    found = list(all_problems(catalog.current(), catalog.kept()))
    for line in found:
        print(line, file=sys.stderr)
    if not found:
        print(f"{len(catalog.current())} records are compatible with all {len(catalog.kept())} kept versions")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
