"""What is declared is what there is: on a real run, as a real Prometheus has it, in both directions."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from infra.monitoring.names import TABLES, samples
from streams.lag_metrics import LAG_METRICS
from streams.views.metrics import WITH_VIEWS
from tests.integration.monitoring.prometheus import Sample
from tests.integration.monitoring.run import ObservedRun
from tests.unit.monitoring.test_emitted import RARE

pytestmark = [pytest.mark.integration, pytest.mark.needs("prometheus"), pytest.mark.timeout(240)]

OF_PROMETHEUS = re.compile(r"up|scrape_\w+|ALERTS\w*")  # what it adds to each target by itself
OF_PROMETHEUS_LABELS = {"__name__", "job", "instance"}
PHONE_NUMBER = re.compile(r"\+\d{7,15}|\d{10,15}")  # E.164, with its sign or without
WHOLE_RUN = "5m"


@pytest.fixture(scope="module")
def series(observed: ObservedRun) -> list[Sample]:
    """Each series that any of our pages has ever had."""
    found = observed.prometheus.query(f'last_over_time({{job=~"ringback-.+"}}[{WHOLE_RUN}])')
    ours = [(labels, value) for labels, value in found if not OF_PROMETHEUS.fullmatch(labels["__name__"])]
    assert len(ours) > 1_000
    return ours


def test_nothing_is_on_a_page_that_is_not_declared(series: list[Sample]) -> None:
    """Each series has a name of the tables, and the labels that its row says."""
    declared = samples(TABLES.values())
    wrong = defaultdict(set)
    for labels, _ in series:
        name = labels["__name__"]
        here = frozenset(labels.keys() - OF_PROMETHEUS_LABELS)
        metric = declared.get(name)
        wanted = None if metric is None else frozenset(metric.labels)
        if wanted is not None and name.endswith("_bucket"):
            wanted |= {"le"}
        if here != wanted:
            wrong[name].add(here)
    assert not wrong


def test_types_and_meanings_are_the_declared_ones(observed: ObservedRun, series: list[Sample]) -> None:
    """Prometheus has been told of each metric what its row says. (OpenMetrics calls a counter without `_total`.)"""
    told = observed.prometheus.get("metadata")
    there = samples(TABLES.values())
    for metric in {there[labels["__name__"]] for labels, _ in series}:
        found = told.get(metric.name) or told[metric.name.removesuffix("_total")]
        assert {(each["type"], each["help"]) for each in found} == {(metric.type, metric.meaning)}, (
            metric.name
        )


def test_nothing_is_declared_that_is_never_emitted(observed: ObservedRun) -> None:
    """Each metric was given a value by our code. A gauge with labels is on the page only then; what has none, and
    counters, stand there at 0 from the start, so they count when they were ever something else. What a minute cannot
    show is in RARE."""
    never = set()
    for name, metric in WITH_VIEWS.items():
        sample = f"{name}_count" if metric.type == "histogram" else name
        window = f"{sample}[{WHOLE_RUN}]"
        emitted = (
            f"last_over_time({window})"
            if metric.labels and metric.type != "counter"
            else f"max_over_time({window}) > 0 or min_over_time({window}) < 0"
        )
        if not observed.prometheus.query(emitted):
            never.add(name)
    # Nothing puts a row of the exporter's table on its page but the code that has a figure for it.
    never |= {n for n in LAG_METRICS if not observed.prometheus.query(f"last_over_time({n}[{WHOLE_RUN}])")}
    assert never <= set(RARE)


def test_no_label_holds_a_phone_number(series: list[Sample]) -> None:
    """Dozens of people have texted and were called, and none of their numbers is in a label; nor is ours."""
    values = {
        (name, value)
        for labels, _ in series
        for name, value in labels.items()
        if name not in ("instance", "address")
    }
    assert [found for found in values if PHONE_NUMBER.search(found[1])] == []
