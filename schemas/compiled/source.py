"""The source of a function that is being made: its lines, the names it uses, what all makers ask of a schema."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from schemas.compiled.varint import INT_MAX, READ, SMALL, WRITTEN, read_long, write_long

Encoder = Callable[[Mapping[str, Any]], bytes]
Decoder = Callable[[bytes, int], tuple[Any, int]]


class Unknown(Exception):
    """The schema has a type that is not compiled."""


class Source:
    """Lines of a function, names for its locals, and the constants that it refers to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "write_long": write_long,
            "small": SMALL.get,
            "written": WRITTEN.get,
            "known": READ.get,
            "read_long": read_long,
            "INT": INT_MAX,
        }
        self._numbers = itertools.count()

    def name(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers)}"

    def constant(self, value: object) -> str:
        name = self.name("constant")
        self.names[name] = value
        return name

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def function(self, head: str) -> Any:
        exec("\n".join([head, *self.lines]), self.names)
        return self.names["made"]


def is_decimal(schema: Any) -> bool:
    return isinstance(schema, dict) and "logicalType" in schema


def branch(schema: list[Any]) -> Any:
    """The type of a union of null and one other. Raises Unknown for any other union."""
    if len(schema) != 2 or schema[0] != "null":
        raise Unknown
    return schema[1]
