"""A Prometheus is asked what a panel asks (Prometheus' documentation, "HTTP API")."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.monitoring.boards.queries import Asked, filled_in

TIMEOUT_S = 30.0
_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class PrometheusError(Exception):
    """It is not there, or did not understand."""


@dataclass(frozen=True, slots=True)
class Span:
    """Epoch seconds, the distance of points, and what $__rate_interval stands for."""

    from_s: float
    until_s: float
    step_s: float
    rate_s: int


@dataclass(frozen=True, slots=True)
class Series:
    """`points`: (epoch seconds, value), in order; one point where a moment was asked about."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    def named(self, legend: str) -> str:
        """As the legend says; without one its labels."""
        if legend == "__auto":
            return ", ".join(v for k, v in sorted(self.labels.items()) if k != "__name__")
        return _LABEL.sub(lambda found: self.labels.get(found[1], ""), legend).strip()


class Prometheus:
    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def answer(self, query: Asked, span: Span) -> list[Series]:
        """What the panel would show in this span. Raises PrometheusError."""
        expression = filled_in(query.expression, span.rate_s, round(span.until_s - span.from_s))
        if query.instant:
            found = self._get("query", query=expression, time=span.until_s)
            return [_series(each["metric"], [each["value"]]) for each in found["result"]]
        found = self._get(
            "query_range", query=expression, start=span.from_s, end=span.until_s, step=span.step_s
        )
        return [_series(each["metric"], each["values"]) for each in found["result"]]

    def _get(self, what: str, **parameters: str | float) -> Any:
        url = f"{self._url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as refused:
            with refused:
                said = refused.read().decode(errors="replace")
            raise PrometheusError(f"{parameters.get('query')}: {said}") from refused
        except OSError as error:
            raise PrometheusError(f"{self._url} does not answer: {error}") from error


def _series(labels: Mapping[str, str], values: list[tuple[float, str]]) -> Series:
    return Series(labels, tuple((at_s, float(value)) for at_s, value in values))
