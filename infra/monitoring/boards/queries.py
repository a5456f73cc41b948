"""What a dashboard's file asks of Prometheus, as anybody else can ask it: with its variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
_CHOICE = re.compile(r"\$(?!__)\w+")


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of a panel: `ref` tells it from the panel's others. `instant`: of one moment, else of a span."""

    panel: str
    ref: str
    expression: str
    legend: str
    instant: bool


def panels(document: str) -> list[Object]:
    """The panels of a dashboard's file, without its rows."""
    return [panel for panel in json.loads(document)["panels"] if panel["type"] != "row"]


def asked(panel: Object) -> Iterator[Asked]:
    """Its queries; a panel of text has none."""
    for target in panel.get("targets", ()):
        yield Asked(
            panel["title"], target["refId"], target["expr"], target["legendFormat"], bool(target["instant"])
        )


def filled_in(expression: str, rate_s: int, range_s: int) -> str:
    """As Grafana would send it with everything chosen: `rate_s` is $__rate_interval (four scrapes at least),
    `range_s` the span that is shown."""
    spans = expression.replace("$__rate_interval", f"{rate_s}s").replace("$__range", f"{range_s}s")
    return _CHOICE.sub(".*", spans)
