"""Decoded values of what was read a moment ago, by their bytes.

A call is looked at five times within a second by steps that change nothing; decoding it each time was an eighth of all
the loop does for it. Bytes that are equal decode to what is equal, so nothing here can be out of date.
"""

from __future__ import annotations

from collections.abc import Callable
from types import NoneType
from typing import Any

MOST = 2_000  # a few megabytes; the oldest go first, all at once

_PLAIN = frozenset({str, int, float, bool, bytes, NoneType})

Decode = Callable[[bytes], tuple[str, dict[str, Any]]]


class Recall:
    """`decode` with a memory. What it returns is the caller's to change."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._known: dict[bytes, tuple[str, dict[str, Any]]] = {}

    def __call__(self, value: bytes) -> tuple[str, dict[str, Any]]:
        """The Avro name and the value. Raises what `decode` raises."""
        known = self._known.get(value)
        if known is None:
            name, record = self._decode(value)
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[value] = name, _copy(record)
            return name, record
        return known[0], _copy(known[1])


def _copy(record: dict[str, Any]) -> dict[str, Any]:
    return {name: item if item.__class__ in _PLAIN else _deep(item) for name, item in record.items()}


def _deep(item: Any) -> Any:
    if item.__class__ is dict:
        return _copy(item)
    return [_deep(each) for each in item] if item.__class__ is list else item
