"""Two worlds that the cases share, and the table of all verdicts at the end of the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.chaos import FaultProxies
from infra.cluster import LocalCluster
from infra.oracle import Verdict
from tests.integration.worst_cases.table import table
from tests.integration.worst_cases.world import LONG, SHORT, Scale, World

_VERDICTS: dict[str, list[Verdict]] = {}


@pytest.fixture(
    scope="session",
    params=[pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.long)],
)
def scale(request: pytest.FixtureRequest) -> Scale:
    found: Scale = request.param
    return found


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, scale: Scale) -> Iterator[World]:
    """One broker, one Redis."""
    yield from _world(tmp_path_factory.mktemp("small"), scale, 1)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, scale: Scale) -> Iterator[World]:
    """Three brokers, each record on three, two of them needed."""
    yield from _world(tmp_path_factory.mktemp("large"), scale, 3)


def _world(folder: Path, scale: Scale, nodes: int) -> Iterator[World]:
    heap_mb = 384 if nodes == 1 else 256
    with (
        FaultProxies() as proxies,
        LocalCluster.start(
            folder / "cluster", nodes=nodes, heap_mb=heap_mb, between=proxies.between, progress=print
        ) as cluster,
    ):
        world = World(cluster, folder / "cluster", folder / "members", scale, proxies)
        try:
            world.start()
            yield world
            # Nothing may have come later that was not there when a case was judged.
            late = world.missing()
        finally:
            _VERDICTS.setdefault(scale.name, []).extend(c.verdict for c in world.cases if c.verdict)
            world.close()
            cluster.stop(timeout_s=2)  # three that stop at once wait for a quorum that does not come
    assert not late, "after the verdicts:\n" + "\n".join(late)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for scale, verdicts in _VERDICTS.items():
        terminalreporter.section(f"worst cases, {scale} form: the carrier's ground truth against the topics")
        for line in table(sorted(verdicts, key=lambda v: int(v.case.split()[0]))):
            terminalreporter.write_line(line)
