"""kill -9 of every stage at every failpoint of the loop: nothing lost, nothing called twice, charges exact."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from streams.topology import STAGES
from tests.integration.path.pipeline import PARTITIONS, Pipeline

FAILPOINTS = (
    "loop.2-stepped",
    "loop.3-produced",
    "loop.4-offsets",
    "loop.5-committed",
    "loop.6-stored",
    "loop.7-signalled",
)
# Opening a partition is a transaction of its own where an epoch is raised; mostly we want to die at work.
OPENINGS = {"calls": PARTITIONS, "replies": PARTITIONS}


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_a_stage_killed_at_any_failpoint_loses_and_doubles_nothing(
    pipeline: Pipeline, new_user: Callable[[], str]
) -> None:
    """Every stage dies once at every point, at a random transaction; what it had begun its successor ends."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    deaths: dict[str, list[str]] = {stage: [] for stage in STAGES}

    def start(stage: str) -> None:
        left = FAILPOINTS[len(deaths[stage]) :]
        after = OPENINGS.get(stage, 0) + rng.randint(1, 3)
        pipeline.start_stage(stage, f"{left[0]}={after}" if left else None)

    for stage in STAGES:
        start(stage)

    def each_died_at_each_point() -> bool:
        for stage in pipeline.dead_stages():
            deaths[stage].append(FAILPOINTS[len(deaths[stage])])
            start(stage)
        if len(pipeline.sent) < 5 or set(pipeline.sent[:-4]) <= set(pipeline.ledger().outcomes):
            pipeline.send(new_user(), f"Remind me to stretch in {rng.randint(1, 3)} seconds")
        return all(len(points) == len(FAILPOINTS) for points in deaths.values())

    pipeline.wait_until("each stage died at each point", each_died_at_each_point, 150)
    pipeline.wait_until("everything has ended", lambda: pipeline.ledger().settled, 60)
    ledger = pipeline.ledger()
    ledger.check()
    assert deaths == {stage: list(FAILPOINTS) for stage in STAGES}
    assert len(ledger.occurrences("ANSWERED")) > len(pipeline.sent) / 2, "most of them were called"
