"""What processes wrote last, for the message of a failure."""

from __future__ import annotations

from collections.abc import Mapping

from infra.cluster import ChildProcess

LINES = 15


def tails(children: Mapping[str, ChildProcess]) -> str:
    return "\n".join(f"-- {name}\n{child.tail(LINES)}" for name, child in children.items())
