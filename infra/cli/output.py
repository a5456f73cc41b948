"""How commands print: JSON lines for scripts, masked numbers and plain times for people."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click

_E164 = re.compile(r"\+\d{7,15}")


def say(text: str) -> None:
    """Progress, to stderr: stdout is for the answer."""
    click.echo(text, err=True)


def json_line(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """One line of JSON; what JSON has no word for (decimals, paths) as text."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str)


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    click.echo(json_line(value))


def masked(text: str) -> str:
    """Every phone number in `text` with all but its last four digits hidden."""
    return _E164.sub(lambda found: "+…" + found.group()[-4:], text)


def clock(at_ms: int) -> str:
    """Time of day in UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S.") + f"{at_ms % 1000:03}"


def instant(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03}Z"


def duration(ms: float) -> str:
    """A span as people say it: 12 ms, 3.4 s, 2 min 5 s, 3 h 2 min, 4 d 1 h."""
    if abs(ms) < 1000:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if abs(seconds) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, smaller, small in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if abs(whole) >= size:
            return f"{whole // size} {unit} {whole % size // small} {smaller}"
    return f"{whole} s"


def table(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Columns as wide as their widest cell; the last one as it comes."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    return "\n".join(
        indent + "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )


def plain(amount: Decimal) -> str:
    """0.010000 as 0.01, 5 as 5: no exponent, no zeros that mean nothing."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
