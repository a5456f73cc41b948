"""The JSON schema of AsyncAPI 3.0, from the npm package of those who write the specification; held against a hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.npm_package import NpmPackage

PUBLISHED = NpmPackage(
    "@asyncapi/specs",
    "6.11.1",
    "A3WBLqAKGoJ2+6FWFtpjBlCQ1oFCcs4GxF7zsIGvNqp/klGUHjlA3aAcZ9XMMpLGE8zPeYDz2x9FmO6DSuKraQ==",
)


def schema(cache: Path) -> dict[str, Any]:
    """Needs npm unless the package is in `cache` already."""
    return PUBLISHED.read_json("package/schemas/3.0.0-without-$id.json", cache)
