"""Asking a Prometheus over HTTP (its documentation, "HTTP API"), with nothing but the standard library."""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

Sample = tuple[dict[str, str], float]
"""Labels, with the name as `__name__` where the result has one, and value; NaN where a panel would show none."""


class QueryRefused(AssertionError):
    """Prometheus does not take the query; the message is its own."""


@dataclass
class Prometheus:
    """`at_s`: the moment that queries ask about, epoch seconds; None: now."""

    url: str
    at_s: float | None = None

    def query(self, expression: str, at_s: float | None = None) -> list[Sample]:
        """An instant query: one sample a series. Raises QueryRefused."""
        moment_s = at_s or self.at_s or time.time()
        found = self.get("query", query=expression, time=f"{moment_s:.3f}")
        if found["resultType"] in ("scalar", "string"):
            return [({}, float(found["result"][1]))]
        return [(row["metric"], float(row["value"][1])) for row in found["result"]]

    def values(self, expression: str, at_s: float | None = None) -> list[Sample]:
        """What a panel would draw of it: without what is not a number."""
        return [(labels, value) for labels, value in self.query(expression, at_s) if not math.isnan(value)]

    def get(self, path: str, **parameters: str | list[str]) -> Any:
        """`data` of the answer to GET /api/v1/PATH. Raises QueryRefused."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            with refused:
                raise QueryRefused(f"{parameters}: {json.load(refused)['error']}") from None
