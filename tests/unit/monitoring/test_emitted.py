"""Which code emits a metric: what can be told without a run. The run: tests/integration/monitoring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.generated import ROOT
from infra.monitoring.names import TABLES

# Where names of metrics stand that emit nothing: tables, rules and dashboards.
ABOUT = ("streams/metrics", "streams/lag_metrics.py", "infra/monitoring")

_PREFIX = re.compile("|".join(sorted({name.partition("_")[0] + "_" for name in TABLES})))


@dataclass(frozen=True)
class Rare:
    """A metric that a run of a minute may not move: why, and the test that does, as `file::function`."""

    why: str
    shown_by: str


CLOCK = "tests/unit/runtime/test_clock.py::test_a_hold_is_told_once"
VIEWS_FAIL = "tests/unit/views/test_member.py::test_a_worker_that_fails_is_closed_and_started_anew"
DUPLICATES = "tests/unit/streams/calls/test_metrics.py::test_a_second_call_of_a_try_is_counted_once"
RARE = {
    "ringback_duplicate_calls_total": Rare("0 unless the carrier makes two calls of one request", DUPLICATES),
    "ringback_views_restarts_total": Rare("0 while nothing fails there", VIEWS_FAIL),
    "ringback_clock_held": Rare("0 while our clock and the broker's, on one machine, agree", CLOCK),
    "ringback_clock_anchored_total": Rare("somebody would have to set this machine's clock", CLOCK),
    "ringback_clock_off_seconds": Rare("0 while our time is one that append times allow", CLOCK),
    "ringback_clock_wall_off_seconds": Rare("0, or what a float makes of it, on the same grounds", CLOCK),
}


def _literals(path: Path) -> Iterator[str]:
    source = path.read_text("utf-8")
    if not _PREFIX.search(source):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.fixture(scope="module")
def named_in_code() -> set[str]:
    """Each text in our code, outside of what only tells about metrics, that is the name of one or looks like it."""
    return {
        text
        for folder in ("streams", "connectors", "infra")
        for path in (ROOT / folder).rglob("*.py")
        if not path.relative_to(ROOT).as_posix().startswith(ABOUT)
        for text in _literals(path)
        if text in TABLES or re.fullmatch(r"ringback_[a-z_]+", text)
    }


def test_every_declared_metric_is_named_by_code_that_emits(named_in_code: set[str]) -> None:
    """A row of a table that no code names is a panel that stays empty for ever."""
    assert TABLES.keys() - named_in_code == set()


def test_code_names_no_metric_that_is_not_declared(named_in_code: set[str]) -> None:
    """It would raise UndeclaredMetric, but only when the rare thing happens that it counts."""
    assert named_in_code - TABLES.keys() == set()


@pytest.mark.parametrize("name", RARE)
def test_what_a_run_may_not_show_has_a_test_of_its_own(name: str) -> None:
    """The excuse holds only while that test is there and names the metric."""
    file, _, function = RARE[name].shown_by.partition("::")
    text = (ROOT / file).read_text("utf-8")
    assert f"\ndef {function}(" in text
    assert name in TABLES
    assert name in text
