"""Files that are made from code or data, committed, and held current by `--check` in `make test`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]

Files = Mapping[str, str]
"""Path from the root of the repository -> content."""

HEAD = "# Made by `python -m {}`: change what it is made from, not this.\n"


class _Dumper(yaml.SafeDumper):
    """Writes shared parts out instead of naming them: tools differ in what they make of anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (PyYAML's own interface)
        return True


def as_yaml(documents: Iterable[Any], made_by: str) -> str:
    """Documents as YAML, under a line that names the module which makes them."""
    return HEAD.format(made_by) + yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True
    )


def write(files: Files, root: Path = ROOT, folders: Sequence[str] = ()) -> list[str]:
    """Write what differs; return those paths. What else lies in `folders`, which hold nothing but such files, goes."""
    changed = stale(files, root, folders)
    for name in changed:
        path = root / name
        if name not in files:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[name], "utf-8")
    return changed


def stale(files: Files, root: Path = ROOT, folders: Sequence[str] = ()) -> list[str]:
    """The paths that are not what they should be: other content, missing, or left over in one of `folders`."""
    found = [
        name
        for name, content in files.items()
        if not (root / name).is_file() or (root / name).read_text("utf-8") != content
    ]
    there = (path for folder in folders for path in sorted((root / folder).rglob("*")) if path.is_file())
    return found + [name for path in there if (name := path.relative_to(root).as_posix()) not in files]


def main(
    command: str,
    doc: str | None,
    make: Callable[[], Files],
    argv: list[str] | None = None,
    folders: Sequence[str] = (),
) -> int:
    """A command line with `--check`. 0: written, or current; 1: stale, and each file is named."""
    parser = argparse.ArgumentParser(prog=f"python -m {command}", description=(doc or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    if not parser.parse_args(argv).check:
        for name in write(make(), folders=folders):
            print(f"wrote {name}" if (ROOT / name).exists() else f"removed {name}")
        return 0
    found = stale(make(), folders=folders)
    for name in found:
        print(f"{name} is stale: run python -m {command}", file=sys.stderr)
    return 1 if found else 0
