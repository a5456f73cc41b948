"""Sums of the tables as the figures that people ask for: counts by window, charges by day, dead letters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

from streams.views.life import plain
from streams.views.rows import DAY_MS, MICROS, MINUTE_MS, day_of, minute_of, number

Object = dict[str, Any]
Window = Literal["minute", "hour", "day"]
WINDOWS_MS: Mapping[str, int] = {"minute": MINUTE_MS, "hour": 60 * MINUTE_MS, "day": DAY_MS}

Sum = tuple[bytes, int]


def count_prefix(tenant: str, day_ms: int) -> bytes:
    """Where a tenant's counts of the UTC day that holds `day_ms` stand."""
    return b"c" + day_of(day_ms) + tenant.encode() + b"\0"


def counts(sums: Iterable[Sum], window_ms: int, from_ms: int, to_ms: int) -> list[Object]:
    """Windows [from, to) with what happened in them; those in which nothing did are left out."""
    found: dict[int, Counter] = {}
    first, end = number(minute_of(from_ms)), number(minute_of(to_ms))
    for key, count in sums:
        rest = key[key.index(b"\0", 5) + 1 :]
        minute = number(rest[:4])
        if first <= minute < end:
            start_ms = minute * MINUTE_MS // window_ms * window_ms
            what = rest[4:].decode()
            names = found.setdefault(start_ms, Counter())
            names.add(what, count)
    return [{"from": start, "to": start + window_ms, **found[start].shown()} for start in sorted(found)]


class Counter:
    """Counts of one window: events by type, call evidence by state."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, what: str, count: int) -> None:
        self._counts[what] = self._counts.get(what, 0) + count

    def shown(self) -> Object:
        events, calls = dict[str, int](), dict[str, int]()
        for what, count in sorted(self._counts.items()):
            kind, _, state = what.rpartition(" ")
            (calls if kind else events)[state] = count
        return {"events": events, "calls": calls}


def charge_prefix(tenant: str) -> bytes:
    """Where a tenant's charges stand, in the order of days."""
    return b"m" + tenant.encode() + b"\0"


def charges(sums: Iterable[Sum], from_ms: int, to_ms: int) -> list[Object]:
    """Days [from, to) with what was charged on them: by currency and kind, exactly, and how many charges it was."""
    found: dict[tuple[int, str, str], dict[str, int]] = {}
    for key, amount in sums:
        rest = key[key.index(b"\0") + 1 :]
        day_ms = number(rest[:4]) * DAY_MS
        if from_ms <= day_ms < to_ms:
            currency, kind, what = rest[4:].decode().split("\0")
            found.setdefault((day_ms, currency, kind), {})[what] = amount
    return [
        {
            "day": day_ms,
            "currency": currency,
            "kind": kind,
            "charges": each["n"],
            "amount": plain(Decimal(each["a"]).scaleb(-MICROS)),
        }
        for (day_ms, currency, kind), each in sorted(found.items())
    ]


def dead_prefix(day_ms: int | None = None) -> bytes:
    """Where counts of dead letters stand, of one day or of all."""
    return b"d" + (b"" if day_ms is None else day_of(day_ms))


def dead_letters(sums: Iterable[Sum]) -> list[Object]:
    """By topic and reason, the most first."""
    found: dict[tuple[str, str], int] = {}
    for key, count in sums:
        topic, reason = key[5:].decode().split("\0")
        found[topic, reason] = found.get((topic, reason), 0) + count
    return _most_first(found)


def skipped(sums: Iterable[Sum]) -> list[Object]:
    """What the views could not take in, by topic and reason, the most first."""
    found: dict[tuple[str, str], int] = {}
    for key, count in sums:
        topic, reason = key[1:].decode().split("\0")
        found[topic, reason] = count
    return _most_first(found)


def _most_first(found: Mapping[tuple[str, str], int]) -> list[Object]:
    rows = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [{"source_topic": topic, "reason": reason, "count": count} for (topic, reason), count in rows]
