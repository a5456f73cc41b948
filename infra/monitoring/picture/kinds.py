"""How each kind of panel is painted, much as Grafana draws it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from infra.monitoring.boards.queries import Asked, Object
from infra.monitoring.picture.asking import Series, Span
from infra.monitoring.picture.frame import FAINT, GRID, INK, PAD, SMALL, TITLE, Frame, over_time, written

Answers = Sequence[tuple[Asked, list[Series]]]
Named = tuple[str, Series]
COLOURS = {
    "green": "#56a64b",
    "red": "#d4394b",
    "yellow": "#e0b400",
    "orange": "#f2812d",
    "blue": "#3274d9",
    "text": "#8e959d",
}
LINES = (
    "#56a64b",
    "#f2812d",
    "#3274d9",
    "#d4394b",
    "#a352cc",
    "#e0b400",
    "#37a2a8",
    "#8f5b3c",
    "#e377c2",
    "#6e7781",
)
LEGEND_STEP = 0.16  # inches a line of the legend
LEGEND_MOST = 5


def _named(answers: Answers) -> list[Named]:
    return [(series.named(query.legend), series) for query, found in answers for series in found]


def _defaults(panel: Object) -> Object:
    found: Object = panel["fieldConfig"]["defaults"]
    return found


def _colour(panel: Object, value: float) -> str:
    """By the state's own colour, or by bounds."""
    for mapping in _defaults(panel).get("mappings", ()):
        state = mapping["options"].get(f"{value:g}")
        if state is not None:
            return COLOURS[state["color"]]
    steps = _defaults(panel).get("thresholds", {}).get("steps", ())
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return COLOURS[reached[-1] if reached else "blue"]


def _word(panel: Object, value: float) -> str:
    for mapping in _defaults(panel).get("mappings", ()):
        state = mapping["options"].get(f"{value:g}")
        if state is not None:
            return str(state["text"])
    return written(value, _defaults(panel)["unit"], _defaults(panel).get("decimals"))


def nothing(frame: Frame) -> None:
    """As Grafana says it."""
    frame.write(frame.width / 2, (frame.height - 0.2) / 2, "No data", color=FAINT, ha="center")


def number(frame: Frame, panel: Object, answers: Answers, span: Span) -> None:  # noqa: ARG001 (one signature)
    """The values, large, each on its colour; several side by side, with their names."""
    found = [(name, series.points[-1][1]) for name, series in _named(answers)]
    if not found:
        nothing(frame)
        return
    wide = (frame.width - 2 * PAD) / len(found)
    for place, (name, value) in enumerate(found):
        left = PAD + place * wide
        frame.fill(
            _colour(panel, value), left, frame.width - left - wide + (0.06 if place + 1 < len(found) else 0)
        )
        middle = left + wide / 2
        y = PAD + (frame.height - TITLE - PAD) / 2
        size = 19 if wide > 1.3 else 15
        frame.write(
            middle, y, _word(panel, value), size=size, color="white", weight="bold", ha="center", zorder=5
        )
        if len(found) > 1:
            frame.write(middle, PAD + 0.2, name, size=9, color="white", ha="center", zorder=5)


def lines(frame: Frame, panel: Object, answers: Answers, span: Span) -> None:
    """With a legend below that has the last and the highest value of each."""
    found = [(name, series) for name, series in _named(answers) if series.points]
    if not found:
        nothing(frame)
        return
    shown = found[:LEGEND_MOST]
    more = len(found) - len(shown)
    axis = frame.axes(0.62, 0.14, 0.28 + LEGEND_STEP * (len(shown) + (more > 0) + 1))
    custom = _defaults(panel).get("custom", {})
    if custom.get("stacking", {}).get("mode") == "normal":
        _stack(axis, found)
    else:
        for (_, series), colour in zip(found, _cycled(len(found)), strict=True):
            axis.plot(*_gapped(series, span.step_s), color=colour, linewidth=1.1)
    over_time(axis, span)
    _limits(axis, found)
    for step in (
        _defaults(panel).get("thresholds", {}).get("steps", ()) if custom.get("thresholdsStyle") else ()
    ):
        if step["value"] is not None and step["value"] <= axis.get_ylim()[1]:
            axis.axhline(step["value"], color=COLOURS[step["color"]], linewidth=1, linestyle="--")
    _scale(axis, _defaults(panel)["unit"])
    _legend(frame, panel, shown, more)


def _limits(axis: Any, found: Sequence[Named]) -> None:
    """From 0, or from where something is below it; to 1 where everything is 0."""
    values = [value for _, series in found for _, value in series.points if math.isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=0.0)
    highest = axis.get_ylim()[1] if high > 0 else 1.0
    axis.set_ylim(0.0 if low >= 0 else low * 1.1, highest)


def _cycled(count: int) -> list[str]:
    return [LINES[n % len(LINES)] for n in range(count)]


def _gapped(series: Series, step_s: float) -> tuple[list[float], list[float]]:
    """Times and values, with a gap where points are missing."""
    times, values = [series.points[0][0]], [series.points[0][1]]
    for (before_s, _), (at_s, value) in pairwise(series.points):
        if at_s - before_s > 1.5 * step_s:
            times.append(before_s + step_s)
            values.append(math.nan)
        times.append(at_s)
        values.append(value)
    return times, values


def _stack(axis: Any, found: Sequence[Named]) -> None:
    times = sorted({at_s for _, series in found for at_s, _ in series.points})
    by_time = [dict(series.points) for _, series in found]
    if times:
        rows = [[values.get(at_s, 0.0) for at_s in times] for values in by_time]
        axis.stackplot(times, rows, colors=_cycled(len(found)), alpha=0.55, linewidth=0)


def _scale(axis: Any, unit: str) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, unit)))
    axis.grid(color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)


def _legend(frame: Frame, panel: Object, shown: Sequence[Named], more: int) -> None:
    unit = _defaults(panel)["unit"]
    y = PAD + LEGEND_STEP * (len(shown) + (more > 0))
    columns = frame.width - 1.0, frame.width - PAD
    for x, title in zip(columns, ("last", "max"), strict=True):
        frame.write(x, y, title, color=FAINT, ha="right")
    for (name, series), colour in zip(shown, _cycled(len(shown)), strict=True):
        y -= LEGEND_STEP
        values = [value for _, value in series.points if not math.isnan(value)] or [math.nan]
        frame.write(PAD, y, "■", color=colour)
        frame.write(PAD + 0.16, y, name or panel["title"])
        for x, value in zip(columns, (values[-1], max(values)), strict=True):
            frame.write(x, y, written(value, unit), ha="right")
    if more:
        frame.write(PAD + 0.16, y - LEGEND_STEP, f"and {more} more", color=FAINT)


def heat(frame: Frame, panel: Object, answers: Answers, span: Span) -> None:  # noqa: ARG001 (one signature)
    """A row for each bucket that holds anything, and those around it; the darker the more."""
    from matplotlib.colors import LinearSegmentedColormap

    buckets = sorted(
        ((float(s.labels["le"]), dict(s.points)) for _, found in answers for s in found), key=lambda b: b[0]
    )
    axis = frame.axes(0.62, 0.14, 0.28)
    over_time(axis, span)
    times = sorted({at_s for _, points in buckets for at_s in points})
    rows = [
        [max(0.0, upper.get(at_s, 0.0) - lower.get(at_s, 0.0)) for at_s in times]
        for (_, lower), (_, upper) in pairwise([(0.0, {}), *buckets])
    ]
    held = [n for n, row in enumerate(rows) if any(row)]
    if not held:
        return
    first, last = max(0, held[0] - 1), min(len(rows), held[-1] + 2)
    colours = LinearSegmentedColormap.from_list("heat", ["#ffffff", "#fdd9b0", "#f2812d", "#a63603"])
    edges = [*times, times[-1] + span.step_s]
    cells = [[math.sqrt(value) for value in row] for row in rows[first:last]]
    axis.pcolormesh(edges, range(last - first + 1), cells, cmap=colours, rasterized=True)
    bounds = [le for le, _ in buckets][first:last]
    axis.set_yticks(
        range(1, last - first + 1), ["more" if math.isinf(le) else f"≤ {written(le, 's')}" for le in bounds]
    )


def states(frame: Frame, panel: Object, answers: Answers, span: Span) -> None:
    """A bar a series, in the colour of what it is at each moment."""
    found = sorted(((name, series) for name, series in _named(answers) if series.points), key=lambda n: n[0])
    longest = max((len(name) for name, _ in found), default=0)
    axis = frame.axes(0.25 + 0.062 * longest, 0.14, 0.5)
    for row, (_, series) in enumerate(reversed(found)):
        spans = [(at_s, span.step_s) for at_s, _ in series.points]
        colours = [_colour(panel, value) for _, value in series.points]
        axis.broken_barh(spans, (row - 0.36, 0.72), facecolors=colours, linewidth=0)
    axis.set_yticks(range(len(found)), [name for name, _ in reversed(found)])
    axis.set_ylim(-0.6, len(found) - 0.4)
    over_time(axis, span)
    x = PAD
    for mapping in _defaults(panel).get("mappings", ()):
        for state in mapping["options"].values():
            frame.write(x, PAD + 0.05, "■", color=COLOURS[state["color"]])
            frame.write(x + 0.16, PAD + 0.05, state["text"], size=SMALL, color=INK)
            x += 0.35 + 0.07 * len(state["text"])


def bars(frame: Frame, panel: Object, answers: Answers, span: Span) -> None:  # noqa: ARG001 (one signature)
    """The last value of each series, as a bar with its figure."""
    found = sorted((name, series.points[-1][1]) for name, series in _named(answers))
    longest = max((len(name) for name, _ in found), default=0)
    axis = frame.axes(0.25 + 0.062 * longest, 0.5, PAD)
    places = range(len(found) - 1, -1, -1)
    axis.barh(places, [value for _, value in found], 0.7, color=[_colour(panel, value) for _, value in found])
    axis.set_yticks(places, [name for name, _ in found])
    axis.set_xticks([])
    for place, (_, value) in zip(places, found, strict=True):
        axis.text(value, place, f" {_word(panel, value)}", fontsize=SMALL, color=INK, va="center")


def table(frame: Frame, panel: Object, answers: Answers, span: Span) -> None:  # noqa: ARG001 (one signature)
    """A row for each set of labels, as many as have room; a column for each label and each query."""
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    labels: list[str] = []
    for query, found in answers:
        for series in found:
            labels = sorted(series.labels)
            rows.setdefault(tuple(series.labels[name] for name in labels), {})[query.legend] = series.points[
                -1
            ][1]
    columns = [*labels, *(query.legend for query, _ in answers)]
    room = int((frame.height - TITLE - PAD) / 0.2) - 1
    lines_of = [columns]
    for key, values in sorted(rows.items())[:room]:
        figures = (values.get(query.legend, math.nan) for query, _ in answers)
        lines_of.append([*key, *(written(value, "short") for value in figures)])
    wide = (frame.width - 2 * PAD) / max(1, len(columns))
    for line, texts in enumerate(lines_of):
        for column, text in enumerate(texts):
            y = frame.height - TITLE - 0.12 - 0.2 * line
            frame.write(PAD + column * wide, y, text, color=INK if line else FAINT)


KINDS: Mapping[str, Callable[[Frame, Object, Answers, Span], None]] = {
    "stat": number,
    "timeseries": lines,
    "heatmap": heat,
    "state-timeline": states,
    "bargauge": bars,
    "table": table,
}
