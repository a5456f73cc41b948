"""What a dashboard is: rows of panels, each a few queries with a unit, drawn in one of a few ways.

What a panel says beside its own words comes from elsewhere: the meaning of its metrics from their tables, its bounds
and the way to the runbook from the alerts that look at them (`telling.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["lines", "stacked", "number", "heat", "states", "bars", "table"]
"""`lines` over time; `stacked` areas, which add up; `number`: the last value, large; `heat`: a histogram over time, by
`le`; `states`: one coloured bar a series over time; `bars`: the last value of each series; `table`: a column a query.
"""

Bounds = tuple[tuple[float | None, str], ...]
"""From which value on a figure has which colour, rising; the first has None: from the lowest on."""

State = tuple[str, str]
"""What a value is called, and its colour."""


@dataclass(frozen=True, slots=True)
class Query:
    """`legend` may name labels as `{{label}}`. In a table it is the column's title, with a unit of its own."""

    expression: str
    legend: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit` is Grafana's identifier. `alerts` are those whose sections are linked (None: all that look at one of its
    metrics). Without `about` the metrics' meanings stand alone. `width` is of 24, a step of `height` about 30 pixels.
    `states` are for the kind of that name, and for numbers that are words."""

    title: str
    kind: Kind
    queries: tuple[Query, ...]
    unit: str = "short"
    about: str = ""
    bounds: Bounds = ()
    alerts: tuple[str, ...] | None = None
    width: int = 8
    height: int = 8
    decimals: int | None = None
    states: Mapping[int, State] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """Something to choose at the top, one, several or all: the values of `label` in `series`."""

    name: str
    title: str
    series: str
    label: str


@dataclass(frozen=True, slots=True)
class Board:
    """`name` is its file's, and part of its address: it stays when the title changes."""

    name: str
    title: str
    about: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()

    @property
    def uid(self) -> str:
        return f"ringback-{self.name}"

    @property
    def panels(self) -> tuple[Panel, ...]:
        return tuple(panel for row in self.rows for panel in row.panels)


def side_by_side(*numbers: Panel) -> tuple[Panel, ...]:
    """These in one low row, each as wide as the others: what a dashboard begins with, to be seen at a glance."""
    return tuple(replace(panel, width=24 // len(numbers), height=4) for panel in numbers)


def quantile(share: float, histogram: str, by: str = "", chosen: str = "") -> str:
    """The expression: below this value lies so large a share of what was observed lately; `by` these labels, of the
    series that these matchers choose."""
    labels = f"le, {by}" if by else "le"
    return (
        f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{chosen}[$__rate_interval])))"
    )
