"""What of `requirements.lock` the image needs: the closure of pyproject's own dependencies, with the same hashes.

The lock holds all extras (a JRE, a broker's fetcher, test tools), which have no business in an image. Its `# via` lines
say who wants a package, so no index has to be asked.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from infra.generated import ROOT

NAME = re.compile(r"[A-Za-z0-9._-]+")


def normal(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Package -> (its lines with hashes, who wants it)."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", "\n" + text):
        match = NAME.match(block)
        if match is None:
            continue
        lines, wanted_by = [], set()
        for line in block.rstrip().split("\n"):
            stripped = line.strip()
            if not stripped.startswith("#"):
                lines.append(line)
                continue
            name = stripped.removeprefix("#").strip().removeprefix("via").strip()
            if name:
                wanted_by.add(normal(name.split()[0]))
        found[normal(match[0])] = ("\n".join(lines), frozenset(wanted_by))
    return found


def closure(direct: set[str], lock: dict[str, tuple[str, frozenset[str]]]) -> list[str]:
    """`direct` and all that they want. Raises KeyError for one that the lock does not have."""
    wanted = {normal(name) for name in direct}
    while more := {name for name, (_, by) in lock.items() if by & wanted} - wanted:
        wanted |= more
    return sorted(name for name in wanted if lock[name])


def direct_dependencies(root: Path = ROOT) -> set[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text())
    return {normal(match[0]) for text in project["project"]["dependencies"] if (match := NAME.match(text))}


def image_requirements(root: Path = ROOT) -> str:
    lock = locked((root / "requirements.lock").read_text())
    return _file(closure(direct_dependencies(root), lock), lock)


def build_requirements(root: Path = ROOT) -> str:
    """What builds our own wheel, and nothing that it wants: setuptools wants nothing."""
    return _file(["setuptools"], locked((root / "requirements.lock").read_text()))


def _file(names: list[str], lock: dict[str, tuple[str, frozenset[str]]]) -> str:
    head = "# Made by `python -m infra.deploy.generate` from pyproject.toml and requirements.lock: do not edit.\n"
    return head + "\n".join(lock[name][0] for name in names) + "\n"
