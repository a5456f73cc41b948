"""Members come and go under load, and the carrier's ground truth says that nobody noticed but by a moment.

The run is that of `python -m infra.bench scaling`, on one broker and with fewer members. How late anything was stands
in the benchmark's table and is not asserted here, on a machine that does other things too; that each change is overcome
is (the run raises when a stage stays behind, or a group does not get the members).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.bench.scaling.run import Result, Run
from infra.bench.scaling.shape import Shape
from infra.cluster import LocalCluster
from streams.topology import STAGES
from tests.conftest import FreshTopics

pytestmark = pytest.mark.integration

SHORT = Shape(("calls",), (1, 2, 1), rate_per_s=4.0, hold_s=1.0, due_s=(2, 3))


def check(result: Result, changes: int) -> None:
    """All was called exactly once, heard once and charged once, none early; and members really came and went."""
    verdict = result.verdict
    assert verdict.holds, (*verdict.wrong, *verdict.missing)
    assert verdict.calls >= verdict.heard == verdict.sms > 0
    assert verdict.charges == verdict.charges_due == 2 * verdict.sms
    assert sum(span.ready_s is not None for span in result.spans) == changes
    for stage in result.shape.stages:
        seen = {sample.members[stage] for sample in result.samples if stage in sample.members}
        assert set(result.shape.counts) <= seen, (stage, seen)


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_second_member_of_calls_comes_and_goes(
    cluster: LocalCluster, fresh_topics: FreshTopics, tmp_path: Path
) -> None:
    """`calls` from one member to two and back, while calls are placed: each exactly once, none early."""
    fresh_topics()
    check(Run(cluster, tmp_path, SHORT, print).run(nodes=1), changes=2)


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_members_of_all_stages_come_and_go_at_once(tmp_path: Path, protocol: str) -> None:
    """Every stage from one member to four and to two, all at the same moment: nothing lost, doubled or early."""
    shape = replace(SHORT, stages=tuple(STAGES), counts=(1, 4, 2), together=True, protocol=protocol)
    with LocalCluster.start(tmp_path / "cluster", progress=print, heap_mb=384) as cluster:
        check(Run(cluster, tmp_path, shape, print).run(nodes=1), changes=2)
