"""The JSON schema of AsyncAPI 3.0, from the npm package of those who write the specification; held against a hash."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

VERSION = "6.11.1"
SHA512 = "A3WBLqAKGoJ2+6FWFtpjBlCQ1oFCcs4GxF7zsIGvNqp/klGUHjlA3aAcZ9XMMpLGE8zPeYDz2x9FmO6DSuKraQ=="
MEMBER = "package/schemas/3.0.0-without-$id.json"


def schema(cache: Path) -> dict[str, Any]:
    """Needs npm unless the package is in `cache` already."""
    package = cache / f"asyncapi-specs-{VERSION}.tgz"
    if not package.exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["npm", "pack", "--silent", f"@asyncapi/specs@{VERSION}"],
            cwd=cache,
            check=True,
            capture_output=True,
            timeout=100,
        )
    digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if digest != SHA512:
        package.unlink()
        raise ValueError(f"@asyncapi/specs {VERSION} is not the package that was pinned: sha512-{digest}")
    with tarfile.open(package) as archive:
        member = archive.extractfile(MEMBER)
        assert member is not None
        found: dict[str, Any] = json.load(member)
    return found
