"""The table: a row a measure, bar and goal beside ours, a column a subject and count of pending timers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from infra.bench.timers.measures import Measure
from infra.bench.timers.outcome import Outcome

OURS = "ringback"
GROWTH = ("enqueue_per_cpu_s", "enqueue_per_s", "ram_per_pending_bytes", "disk_per_pending_bytes")
TITLE, LIMIT, COLUMN = 43, 9, 16


def figures(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """By subject, by key, at the largest count of pending timers: that one is judged.

    The first work that has a key gives it, except W1, where the largest size does. So `fire_per_cpu_s` is the steady
    rate's, not the burst's.
    """
    most = max((outcome.pending for outcome in outcomes), default=0)
    return {name: _column(outcomes, name, most) for name in _names(outcomes)}


def _column(outcomes: Sequence[Outcome], name: str, pending: int) -> dict[str, float]:
    mine = [o for o in outcomes if (o.subject, o.pending) == (name, pending)]
    found: dict[str, float] = {}
    for outcome in sorted(mine, key=lambda o: (o.work, -o.size if o.work == "W1" else 0)):
        found = {**outcome.figures, **found}
    return found


def verdicts(rows: Sequence[Measure], found: Mapping[str, Mapping[str, float]]) -> dict[str, bool]:
    """By key, does our figure meet its bar? Keys without a figure or a bar are left out."""
    result = {}
    for row in rows:
        value, bar = found.get(OURS, {}).get(row.key), bar_of(row, found)
        if value is not None and bar is not None:
            result[row.key] = row.meets(value, bar)
    return result


def bar_of(row: Measure, found: Mapping[str, Mapping[str, float]]) -> float | None:
    beside = found.get(row.beside or "", {}).get(row.key)
    return row.bar if beside is None else beside


def table(rows: Sequence[Measure], outcomes: Sequence[Outcome], absent: Mapping[str, str]) -> str:
    """`absent`: subjects, or works of a subject, without figures, and why."""
    found = figures(outcomes)
    names = _names(outcomes)
    counts = sorted({outcome.pending for outcome in outcomes})
    places = [(name, count) for name in names for count in counts]
    columns = [_column(outcomes, name, count) for name, count in places]
    lines = [_line("", "bar", "goal", [name for name, _ in places])]
    if len(counts) > 1:
        lines.append(_line("pending beforehand", "", "", [f"{count:,}" for _, count in places]))
    met = verdicts(rows, found)
    for row in rows:
        values = [column.get(row.key) for column in columns]
        if all(value is None for value in values):
            continue
        title = f"{row.title}, {row.unit}" if row.unit else row.title
        line = _line(title, number(bar_of(row, found)), number(row.goal), map(number, values))
        lines.append(line + ("" if met.get(row.key, True) else "  missed"))
    faults = [_faults(outcomes, *place) for place in places]
    lines.append(_line("faults (lost doubled early strange)", "", "", faults))
    if len(counts) == 1:
        lines += _growth(outcomes, names)
    return "\n".join([*lines, *(f"{name}: not run, {why}" for name, why in absent.items())])


def number(value: float | None) -> str:
    """Three significant digits, thousands apart; a dash for nothing."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if value == int(value):
        return f"{value:.0f}"
    return f"{value:.{0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2}f}"


def _line(title: str, bar: str, goal: str, values: Iterable[str]) -> str:
    return f"{title:{TITLE}}{bar:>{LIMIT}}{goal:>{LIMIT}}" + "".join(f"{value:>{COLUMN}}" for value in values)


def _names(outcomes: Sequence[Outcome]) -> list[str]:
    """The subjects, ours first, then in the order in which they ran."""
    return sorted(dict.fromkeys(outcome.subject for outcome in outcomes), key=lambda name: name != OURS)


def _faults(outcomes: Sequence[Outcome], name: str, pending: int) -> str:
    tallies = [o.tally for o in outcomes if (o.subject, o.pending) == (name, pending) and o.tally]
    return " ".join(
        str(sum(getattr(t, kind) for t in tallies)) for kind in ("lost", "doubled", "early", "strange")
    )


def _growth(outcomes: Sequence[Outcome], names: Sequence[str]) -> list[str]:
    sizes = sorted({o.size for o in outcomes if o.work == "W1"})
    if len(sizes) < 2:
        return []
    lines = ["", "W1 by size".ljust(44) + "".join(f"{size:>16,}" for size in sizes)]
    for name in names:
        by_size = {o.size: o for o in outcomes if o.work == "W1" and o.subject == name}
        if not by_size:
            continue
        for key in GROWTH:
            values = [by_size[size].figures.get(key) if size in by_size else None for size in sizes]
            lines.append(f"{name} {key}".ljust(44) + "".join(f"{number(value):>16}" for value in values))
    return lines
