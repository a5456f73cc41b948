"""Each benchmark with figures made by hand, just at its bar and just beyond: table or JSON, exit code 0 or 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from infra.bench.__main__ import bench
from infra.bench.calls import run as calls
from infra.bench.calls.member import Placing
from infra.bench.codec import run as codec
from infra.bench.hop import run as hop
from infra.bench.lag import run as lag
from infra.bench.metrics import run as metrics
from infra.bench.scaling.run import Result, Run
from infra.bench.scaling.shape import Shape
from infra.bench.timers.outcome import Outcome
from infra.bench.timers.run import Report
from infra.bench.views import run as views
from infra.cluster import ClusterError, LocalCluster
from infra.oracle import Verdict

# What a fake says is under way, as cluster and measurements do.
UNDER_WAY = "under way"
ABSENT = {"ringback W2": "no figures"}
# Where progress goes without --json: beside the table, or on stderr.
ON_STDOUT = {"hop", "timers", "calls", "scaling"}


def calls_found(per_s: float, faults: dict[str, int]) -> calls.Report:
    return calls.Report([calls.Plain(2 * per_s, 100.0)], [Placing(1_000, per_s, 100.0, faults)], None)


def hop_found(p50_ms: float) -> list[hop.HopResult]:
    return [hop.HopResult("stateless", hop.Figures(1.0, 2.0), hop.Figures(p50_ms, 2.0))]


def lag_found(cpu_s: float, first_s: float) -> lag.LagResult:
    return lag.LagResult(10, 1, 30, 1_000, cpu_s, 0.1, 0, 0.1, 0.1, 0.1, first_s, 50.0)


def metrics_found(cost: float) -> list[metrics.Row]:
    return [metrics.Row("full transactions", 20, 5_000, 50.0, 51.0, cost, (0.0, 0.1))]


def views_found(cpu_s: float, exact: bool) -> views.ViewsResult:
    return views.ViewsResult(10_000, cpu_s, 1.0, 0.1, 1_000, 50.0, exact)


def timers_found(p99_ms: float, absent: dict[str, str]) -> Report:
    return Report([Outcome("W2", "ringback", 1, {"trickle_p99_ms": p99_ms})], absent)


def scaling_found(*wrong: str) -> Result:
    verdict = Verdict("scaling", 5, 5, 5, 1, 5, 1, 10, 10, 0, 0.0, 0, 0, wrong)
    return Result(Shape(), 3, [], [], [], verdict, [], 0)


# command, what it measures with, what is found, whether that is fine
CASES: list[tuple[str, str, Any, bool]] = [
    ("calls", "infra.bench.calls.run.measure", calls_found(1_500.0, {}), True),
    ("calls", "infra.bench.calls.run.measure", calls_found(1_499.0, {}), False),
    ("calls", "infra.bench.calls.run.measure", calls_found(1_500.0, {"doubled": 1}), False),
    ("codec", "infra.bench.codec.run.measure", [codec.CodecResult("read", 1.0, 1.25)], True),
    ("codec", "infra.bench.codec.run.measure", [codec.CodecResult("read", 1.0, 1.26)], False),
    ("hop", "infra.bench.hop.run.measure", hop_found(1.3), True),
    ("hop", "infra.bench.hop.run.measure", hop_found(1.31), False),
    ("lag", "infra.bench.lag.run.measure", lag_found(1.0, 2.0), True),
    ("lag", "infra.bench.lag.run.measure", lag_found(1.01, 2.0), False),
    ("lag", "infra.bench.lag.run.measure", lag_found(1.0, 2.01), False),
    ("metrics", "infra.bench.metrics.run.measure", metrics_found(0.03), True),
    ("metrics", "infra.bench.metrics.run.measure", metrics_found(0.031), False),
    ("scaling", "infra.bench.scaling.run.Run.run", scaling_found(), True),
    ("scaling", "infra.bench.scaling.run.Run.run", scaling_found("SM1 was lost"), False),
    ("timers", "infra.bench.timers.run.run", timers_found(12.0, {}), True),
    ("timers", "infra.bench.timers.run.run", timers_found(12.1, {}), False),
    ("timers", "infra.bench.timers.run.run", timers_found(12.0, ABSENT), False),
    ("views", "infra.bench.views.run.measure", views_found(2.0, True), True),
    ("views", "infra.bench.views.run.measure", views_found(2.01, True), False),
    ("views", "infra.bench.views.run.measure", views_found(2.0, False), False),
]


def measured(found: Any) -> Callable[..., Any]:
    """Says that it is under way to whoever listens, and has found `found`."""

    def measure(*given: Any, **named: Any) -> Any:
        for tell in filter(callable, [*given, *named.values()]):
            tell(UNDER_WAY)
        return found

    return measure


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that only says that it is under way; nobody's own is used."""

    @contextmanager
    def start(*_: Any, progress: Callable[[str], None], **__: Any) -> Iterator[SimpleNamespace]:
        progress(UNDER_WAY)
        yield SimpleNamespace(bootstrap_servers="nowhere:1")

    monkeypatch.setattr(LocalCluster, "start", start)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)


@pytest.mark.parametrize(("command", "measure", "found", "fine"), CASES)
def test_json_is_all_there_is_on_stdout_and_a_missed_bar_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, command: str, measure: str, found: Any, fine: bool
) -> None:
    """A script reads stdout whole, and what it reads says the same as the exit code."""
    monkeypatch.setattr(measure, measured(found))
    done = CliRunner().invoke(bench, [command, "--json"])
    assert done.exit_code == (0 if fine else 1), done.output
    assert json.loads(done.stdout)["fine"] is fine
    # `scaling` says in its help that it tells on; the others are silent.
    assert done.stderr == (f"{UNDER_WAY}\n" if command == "scaling" else "")


@pytest.mark.parametrize(("command", "measure", "found", "fine"), CASES)
def test_a_table_for_people_and_the_same_exit_code(
    monkeypatch: pytest.MonkeyPatch, command: str, measure: str, found: Any, fine: bool
) -> None:
    """What is under way is told as well, where it always was."""
    monkeypatch.setattr(measure, measured(found))
    done = CliRunner().invoke(bench, [command])
    assert done.exit_code == (0 if fine else 1), done.output
    assert not done.stdout.startswith("{")
    told = UNDER_WAY in done.stdout, UNDER_WAY in done.stderr
    assert told == (command in ON_STDOUT, command not in ON_STDOUT | {"codec"})


@pytest.mark.parametrize("error", [ClusterError("no Java"), TimeoutError("never calm")])
def test_a_run_that_cannot_be_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """After minutes of `scaling` nobody wants to search a traceback for why."""

    def run(_run: Run, _nodes: int) -> Result:
        raise error

    monkeypatch.setattr(Run, "run", run)
    done = CliRunner().invoke(bench, ["scaling", "--json"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith(f"Error: {error}\n")
