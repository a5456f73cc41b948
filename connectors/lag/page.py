"""A page of samples in the Prometheus text format 0.0.4, written straight from lists of numbers.

Its 90,000 lines would take seconds through objects for each sample. All lines of one family that differ in the
partition alone come from one `%` template, which is kept from page to page; so a line costs what it takes to print a
number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from streams.lag_metrics import LAG_METRICS
from streams.metrics import UndeclaredMetric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Number = int | float
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


def labelled(labels: Mapping[str, str]) -> str:
    """`{name="value"}` with names in their order; nothing for no labels."""
    if not labels:
        return ""
    pairs = ",".join(f'{name}="{labels[name].translate(_ESCAPES)}"' for name in sorted(labels))
    return "{" + pairs + "}"


class Templates:
    """Templates that the last page used. Those that the next does not use are dropped with it."""

    def __init__(self) -> None:
        self._last: dict[tuple[object, ...], list[str]] = {}
        self._now: dict[tuple[object, ...], list[str]] = {}

    def lines(self, family: str, labels: tuple[tuple[str, str], ...], count: int) -> list[str]:
        """One line a partition, with `%s` for its number. For `count` > 1 also all of them as one text, in front."""
        key = (family, labels, count)
        found = self._now.get(key)
        if found is None:
            found = self._now[key] = self._last.get(key) or _lines(family, dict(labels), count)
        return found

    def turn(self) -> None:
        """A page is done."""
        self._last, self._now = self._now, {}


def _lines(family: str, labels: Mapping[str, str], count: int) -> list[str]:
    each = [
        (family + labelled({**labels, "partition": str(number)})).replace("%", "%%") + " %s\n"
        for number in range(count)
    ]
    return ["".join(each), *each]


class Page:
    """Samples by family, written in the order of the table. A family without samples does not appear."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._families: dict[str, list[str]] = {}

    def add(self, family: str, value: Number | None, /, **labels: str) -> None:
        """One sample; none for None. Raises UndeclaredMetric."""
        _check(family, labels)
        if value is not None:
            self._families.setdefault(family, []).append(f"{family}{labelled(labels)} {value}\n")

    def add_partitions(self, family: str, values: Sequence[Number | None], /, **labels: str) -> None:
        """A sample for each partition from 0 on; none for None. Raises UndeclaredMetric."""
        _check(family, (*labels, "partition"))
        if not values:
            return
        whole, *each = self._templates.lines(family, tuple(labels.items()), len(values))
        texts = self._families.setdefault(family, [])
        if None in values:
            texts += [line % value for line, value in zip(each, values, strict=True) if value is not None]
        else:
            texts.append(whole % tuple(values))

    def text(self) -> bytes:
        """The whole page."""
        parts: list[str] = []
        for name, metric in LAG_METRICS.items():
            samples = self._families.get(name)
            if samples:
                meaning = metric.meaning.replace("\\", "\\\\").replace("\n", "\\n")
                parts.append(f"# HELP {name} {meaning}\n# TYPE {name} {metric.type}\n")
                parts += samples
        return "".join(parts).encode()


def _check(family: str, labels: Iterable[str]) -> None:
    """Raises UndeclaredMetric unless the lag exporter's table has the family with these labels."""
    metric = LAG_METRICS.get(family)
    if metric is None:
        raise UndeclaredMetric(f"{family} is not declared in streams/lag_metrics.py")
    if set(labels) != set(metric.labels):
        raise UndeclaredMetric(f"{family} has the labels {metric.labels}, not {tuple(sorted(labels))}")
