"""One file of a published npm package, by version and hash: specifications that are published that way."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FETCH_S = 100


@dataclass(frozen=True)
class NpmPackage:
    """`sha512` as registries write it: of the archive, in base64."""

    name: str
    version: str
    sha512: str

    def read_json(self, member: str, cache: Path) -> dict[str, Any]:
        """The file `member` of the archive. Needs npm, and the registry that it is set up for, unless the archive is
        in `cache` already. Raises ValueError if it is not the archive that was pinned."""
        archive = cache / f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"  # as npm calls it
        if not archive.exists():
            cache.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                ["npm", "pack", "--silent", f"{self.name}@{self.version}"],
                cwd=cache,
                check=True,
                capture_output=True,
                timeout=FETCH_S,
            )
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if digest != self.sha512:
            archive.unlink()
            raise ValueError(
                f"{self.name} {self.version} is not the package that was pinned: sha512-{digest}"
            )
        with tarfile.open(archive) as files:
            file = files.extractfile(member)
            assert file is not None
            found: dict[str, Any] = json.load(file)
        return found
