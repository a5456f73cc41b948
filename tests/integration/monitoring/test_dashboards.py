"""Every panel of every dashboard, asked of the Prometheus of the observed run: each has something to draw."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from infra.generated import ROOT
from infra.monitoring.boards import every
from infra.monitoring.boards.queries import Asked, asked, filled_in, panels
from infra.monitoring.picture.asking import Prometheus, Span
from tests.integration.monitoring.run import ObservedRun

pytestmark = [pytest.mark.integration, pytest.mark.needs("prometheus"), pytest.mark.timeout(240)]

FILES = sorted((ROOT / every.FOLDER).glob("*.json"))
RATE_S = 15


def _draws(run: ObservedRun, query: Asked) -> bool:
    """Does the panel have a point to draw, somewhere in the whole run?"""
    span = Span(run.healthy_s[0], run.ended_s, 1.0, RATE_S)
    found = Prometheus(run.prometheus.url).answer(query, span)
    return any(math.isfinite(value) for series in found for _, value in series.points)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_every_query_of_every_panel_has_data(observed: ObservedRun, path: Path) -> None:
    """With everything chosen. An empty panel teaches people not to look."""
    queries = [query for panel in panels(path.read_text()) for query in asked(panel)]
    assert queries or path.stem == "runbook"
    assert [(q.panel, q.expression) for q in queries if not _draws(observed, q)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_every_choice_offers_something(observed: ObservedRun, path: Path) -> None:
    """The values of a label, as Grafana would ask for them."""
    for variable in json.loads(path.read_text()).get("templating", {}).get("list", ()):
        if variable["type"] != "query":
            continue
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert found is not None
        series = filled_in(found[1], RATE_S, 60)
        assert observed.prometheus.query(f"count by ({found[2]}) ({series})"), variable["name"]


def test_a_query_without_data_is_found(observed: ObservedRun) -> None:
    """The first test can fail: for a series that nobody has, and for one that is nothing but NaN."""
    assert not _draws(observed, Asked("x", "A", 'up{job="nobody"}', "", False))
    assert not _draws(observed, Asked("x", "A", "0 / (0 * max(up))", "", False))
    assert _draws(observed, Asked("x", "A", "max(up)", "", True))
