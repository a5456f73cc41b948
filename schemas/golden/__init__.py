"""Every version that a schema ever had, with bytes written by it: what the readers of next year are held to.

A version is one file here, `{record}.{fingerprint}.json`:

    {"schema":  the whole schema as of then,
     "samples": [{"record": JSON form (schemas/render.py), "bytes": single-object encoding in hexadecimal},
     …]}

The fingerprint does not see defaults, aliases and logical types. A version that differs from a kept one in
defaults only is kept beside it (`…-2.json`); one that differs in a logical type would be misread in
silence, and is refused. A file, once released, is never changed and never removed: `add` only adds.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from schemas import avro, catalog, codec, compatibility
from schemas.catalog import Schema, Version
from schemas.golden.samples import samples
from schemas.render import render


class Refused(ValueError):
    """The current schema cannot be kept beside the versions that are: `str()` says why, a line each."""


def encoded_samples(version: Version) -> list[bytes]:
    """Single-object encoding of the samples of `version`, by that version itself, current or not."""
    write = codec.writer(version)
    return [write(record) for record in samples(version.schema)]


def is_kept(version: Version, kept: Sequence[Version]) -> bool:
    """Whether a version that reads and writes exactly like `version` is among `kept`."""
    form = catalog.resolution_form(version.schema)
    return any(catalog.resolution_form(other.schema) == form for other in kept if other.name == version.name)


def document(version: Version) -> dict[str, Any]:
    """The content of the golden file of `version`."""
    read = avro.reader(version.name, avro.prepare(version.schema), None)
    return {
        "schema": version.schema,
        "samples": [
            {"record": render(version.schema, read(data, codec.HEADER_LENGTH)), "bytes": data.hex()}
            for data in encoded_samples(version)
        ],
    }


def add(version: Version, kept: Sequence[Version], folder: Path = catalog.GOLDEN) -> Path | None:
    """Keep `version` in `folder` beside `kept`; None when it is there already.

    Raises Refused when it is not FULL_TRANSITIVE compatible with the kept versions. Never overwrites a file.
    """
    if is_kept(version, kept):
        return None
    others = [other for other in kept if other.name == version.name]
    if problems := list(compatibility.problems([*others, version])):
        raise Refused("\n".join(problems))
    text = json.dumps(document(version), indent=1, ensure_ascii=True) + "\n"
    for path in _names(version, folder):
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise AssertionError("the names do not end")


def _names(version: Version, folder: Path) -> Iterator[Path]:
    stem = f"{version.name}.{version.fingerprint.hex()}"
    yield folder / f"{stem}.json"
    number = 2
    while True:
        yield folder / f"{stem}-{number}.json"
        number += 1


def load(path: Path) -> tuple[Schema, list[tuple[dict[str, Any], bytes]]]:
    """A golden file as (schema, [(JSON form, bytes), …])."""
    content = json.loads(path.read_text("utf-8"))
    return content["schema"], [(s["record"], bytes.fromhex(s["bytes"])) for s in content["samples"]]
