"""The table: a row a measure, bar and goal beside ours, a column a subject; and how cost grows with size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infra.bench.timers.measures import Measure
from infra.bench.timers.outcome import Outcome

OURS = "ringback"
GROWTH = ("enqueue_per_cpu_s", "enqueue_per_s", "ram_per_pending_bytes", "disk_per_pending_bytes")


def figures(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """By subject, by key. The first work that has a key gives it, except W1, where the largest size does.

    So `fire_per_cpu_s` is the steady rate's, not the burst's.
    """
    found: dict[str, dict[str, float]] = {}
    ordered = sorted(outcomes, key=lambda o: (o.work, -o.size if o.work == "W1" else 0))
    for outcome in ordered:
        mine = found.setdefault(outcome.subject, {})
        for key, value in outcome.figures.items():
            mine.setdefault(key, value)
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
    """`absent`: subjects that could not run, and why."""
    found = figures(outcomes)
    names = sorted(_names(outcomes), key=lambda name: name != OURS)
    lines = [
        f"{'':43}{'bar':>9}{'goal':>9}" + "".join(f"{name:>16}" for name in names),
    ]
    met = verdicts(rows, found)
    for row in rows:
        values = [found[name].get(row.key) for name in names]
        if all(value is None for value in values):
            continue
        title = f"{row.title}, {row.unit}" if row.unit else row.title
        line = f"{title:43}{number(bar_of(row, found)):>9}{number(row.goal):>9}"
        line += "".join(f"{number(value):>16}" for value in values)
        lines.append(line + ("" if met.get(row.key, True) else "  missed"))
    lines.append(
        "faults, all works (lost doubled early strange)".ljust(61)
        + "".join(f"{_faults(outcomes, name):>16}" for name in names)
    )
    lines += [*_growth(outcomes), *(f"{name}: not run, {why}" for name, why in absent.items())]
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Three significant digits, thousands apart; a dash for nothing."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if value == int(value):
        return f"{value:.0f}"
    return f"{value:.{0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2}f}"


def _names(outcomes: Sequence[Outcome]) -> list[str]:
    """The subjects, in the order in which they ran."""
    return list(dict.fromkeys(outcome.subject for outcome in outcomes))


def _faults(outcomes: Sequence[Outcome], name: str) -> str:
    tallies = [o.tally for o in outcomes if o.subject == name and o.tally]
    return " ".join(
        str(sum(getattr(t, kind) for t in tallies)) for kind in ("lost", "doubled", "early", "strange")
    )


def _growth(outcomes: Sequence[Outcome]) -> list[str]:
    sizes = sorted({o.size for o in outcomes if o.work == "W1"})
    if len(sizes) < 2:
        return []
    lines = ["", "W1 by size" + " " * 34 + "".join(f"{size:>16,}" for size in sizes)]
    for name in sorted(_names(outcomes), key=lambda name: name != OURS):
        by_size = {o.size: o for o in outcomes if o.work == "W1" and o.subject == name}
        if not by_size:
            continue
        for key in GROWTH:
            values = [by_size[size].figures.get(key) if size in by_size else None for size in sizes]
            lines.append(f"{name} {key}".ljust(44) + "".join(f"{number(value):>16}" for value in values))
    return lines
