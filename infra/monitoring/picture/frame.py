"""The paper of one panel: where in the picture it lies, and how numbers are written on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.monitoring.picture.asking import Span

PAGE, PAPER, EDGE, INK, FAINT, GRID = "#f4f5f5", "#ffffff", "#d9dce0", "#24292e", "#6e7781", "#eceef0"
SMALL = 7.5
PAD = 0.1  # inches between the paper's edge and what is on it
TITLE = 0.3  # inches, of each panel


@dataclass(frozen=True, slots=True)
class Frame:
    """In inches from the picture's lower left corner."""

    figure: Any
    left: float
    bottom: float
    width: float
    height: float

    def lay(self, title: str) -> None:
        """The empty paper with its title."""
        from matplotlib.patches import Rectangle

        x, y, wide, tall = self._shares(self.left, self.bottom, self.width, self.height)
        self.figure.add_artist(
            Rectangle(
                (x, y),
                wide,
                tall,
                facecolor=PAPER,
                edgecolor=EDGE,
                linewidth=0.8,
                transform=self.figure.transFigure,
                zorder=0,
            )
        )
        self.write(PAD, self.height - 0.15, title, size=8.5, weight="bold")

    def write(self, x: float, y: float, text: str, size: float = SMALL, **more: Any) -> None:
        """Text at a place on the paper, its middle at the height of `y`."""
        x, y, _, _ = self._shares(self.left + x, self.bottom + y, 0, 0)
        self.figure.text(x, y, text, **{"fontsize": size, "color": INK, "va": "center", **more})

    def axes(self, left: float, right: float, below: float) -> Any:
        """Axes with such margins, below the title."""
        height = self.height - TITLE - below
        place = self._shares(self.left + left, self.bottom + below, self.width - left - right, height)
        axis = self.figure.add_axes(place)
        axis.set_facecolor(PAPER)
        axis.tick_params(labelsize=SMALL, colors=FAINT, length=0)
        for spine in axis.spines.values():
            spine.set_color(GRID)
        return axis

    def fill(self, colour: str, left: float = PAD, right: float = PAD) -> None:
        """The paper below the title in one colour, but for such margins."""
        axis = self.axes(left, right, PAD)
        axis.set_facecolor(colour)
        axis.set_xticks([])
        axis.set_yticks([])

    def _shares(self, x: float, y: float, wide: float, tall: float) -> tuple[float, float, float, float]:
        width, height = self.figure.get_size_inches()
        return x / width, y / height, wide / width, tall / height


def over_time(axis: Any, span: Span) -> None:
    """Its x axis is the span, in hours and minutes (UTC), with as many of them as have room."""
    axis.set_xlim(span.from_s, span.until_s)
    length_s = span.until_s - span.from_s
    inches = axis.get_position().width * axis.figure.get_size_inches()[0]
    most = max(1, int(inches / 0.7))
    every_s = next((s for s in (60, 120, 300, 600, 1800, 3600) if length_s / s <= most), 7200)
    first_s = math.ceil(span.from_s / every_s) * every_s
    ticks = [first_s + n * every_s for n in range(int((span.until_s - first_s) // every_s) + 1)]
    axis.set_xticks(ticks, [f"{datetime.fromtimestamp(at, UTC):%H:%M}" for at in ticks])


def written(value: float, unit: str, decimals: int | None = None) -> str:
    """A value with its unit, as short as Grafana writes it."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    if unit == "percentunit":
        return f"{value * 100:.{decimals if decimals is not None else 1}f} %"
    if unit == "s":
        return _seconds(value)
    suffix = {"ops": "/s", "reqps": "/s", "cps": "/s", "cpm": "/min"}.get(unit, "")
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g} {letter}{suffix}"
    return f"{round(value, decimals if decimals is not None else 2):g}{suffix}"


def _seconds(value: float) -> str:
    if value == 0:
        return "0 s"
    if abs(value) < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s" if abs(value) < 120 else f"{value / 60:.3g} min"
