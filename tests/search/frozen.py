"""State as values: frozen, numbered, and moved in time.

A world is a handful of numbers, each standing for something that was seen before (`Numbered`), so that a state is
compared and kept at the price of a short tuple, and what production code made of two numbers is computed once.

Time stands still: it is always `NOW`, and when time passes everything that is a time becomes older (`older`). Two
states that differ only in the hour are therefore one. An integer near `NOW` is a time; all that is further than
`OLDEST_MS` in the past is equally old, and all that is further than `LATEST_MS` in the future never comes.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

NOW = 1_800_000_000_000
OLDEST_MS = 16_000
LATEST_MS = 86_400_000
_WINDOW_MS = 1_000_000_000

T = TypeVar("T", bound=Hashable)


class Numbered(Generic[T]):
    """Gives equal things equal numbers."""

    def __init__(self) -> None:
        self.of: list[T] = []
        self._numbers: dict[T, int] = {}

    def number(self, thing: T) -> int:
        number = self._numbers.get(thing)
        if number is None:
            number = self._numbers[thing] = len(self.of)
            self.of.append(thing)
        return number

    def __len__(self) -> int:
        return len(self.of)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    """A dict, list or set as a value."""

    kind: str
    items: tuple[Any, ...]


def freeze(thing: Any) -> Any:
    """A value that can be hashed. Dicts, lists and sets become `Frozen`, also inside named tuples."""
    if isinstance(thing, dict):
        kind = "counter" if isinstance(thing, Counter) else "dict"
        return Frozen(kind, tuple(sorted(((k, freeze(v)) for k, v in thing.items()), key=repr)))
    if isinstance(thing, list):
        return Frozen("list", tuple(freeze(each) for each in thing))
    if isinstance(thing, set):
        return Frozen("set", tuple(sorted(thing)))
    if isinstance(thing, tuple):
        return _like(thing, [freeze(each) for each in thing])
    return _settled(thing)


def thaw(thing: Any) -> Any:
    """The inverse of `freeze`; what it returns may be changed."""
    if isinstance(thing, Frozen):
        if thing.kind == "dict":
            return {key: thaw(value) for key, value in thing.items}
        if thing.kind == "counter":
            return Counter(dict(thing.items))
        return (list if thing.kind == "list" else set)(thaw(each) for each in thing.items)
    if isinstance(thing, tuple):
        return _like(thing, [thaw(each) for each in thing])
    return thing


def older(thing: Any, by_ms: int) -> Any:
    """The same `by_ms` later: every time in it is that much further back."""
    if isinstance(thing, Frozen):
        return Frozen(thing.kind, tuple(older(each, by_ms) for each in thing.items))
    if isinstance(thing, tuple):
        return _like(thing, [older(each, by_ms) for each in thing])
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        changed = {f.name: older(getattr(thing, f.name), by_ms) for f in dataclasses.fields(thing)}
        return dataclasses.replace(thing, **changed)
    if type(thing) is int and abs(thing - NOW) < _WINDOW_MS and thing != NOW + LATEST_MS:
        return _settled(thing - by_ms)
    return thing


def _settled(thing: Any) -> Any:
    if type(thing) is int and abs(thing - NOW) < _WINDOW_MS:
        return max(NOW - OLDEST_MS, min(thing, NOW + LATEST_MS))
    return thing


def _like(thing: tuple[Any, ...], items: list[Any]) -> tuple[Any, ...]:
    """A tuple of the same kind."""
    return type(thing)._make(items) if hasattr(thing, "_make") else tuple(items)
