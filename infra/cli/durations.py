"""Spans of time as people type them: 90s, 15m, 2h, 1d."""

from __future__ import annotations

import re

import click

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|m|h|d)")


class Span(click.ParamType):
    """A number with a unit, as ms, within bounds (ms, both included)."""

    name = "span"

    def __init__(self, least_ms: int, most_ms: int, why: str = "") -> None:
        self._least_ms, self._most_ms, self._why = least_ms, most_ms, why

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = _SPAN.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is not a span such as 90s, 15m, 2h or 1d", param, ctx)
        span_ms = round(float(found[1]) * _UNITS_MS[found[2]])
        if not self._least_ms <= span_ms <= self._most_ms:
            bounds = f"{shown(self._least_ms)} to {shown(self._most_ms)}"
            self.fail(f"{value} is not within {bounds}{self._why and f' ({self._why})'}", param, ctx)
        return span_ms


def shown(span_ms: int) -> str:
    """The span in the largest unit that divides it: 120000 is 2m."""
    for unit in ("d", "h", "m", "s"):
        if span_ms and span_ms % _UNITS_MS[unit] == 0:
            return f"{span_ms // _UNITS_MS[unit]}{unit}"
    return "0s" if span_ms == 0 else f"{span_ms}ms"
