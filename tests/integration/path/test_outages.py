"""Redis, the carrier or the broker away in the middle: it waits, and ends right after they return."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.topology import STAGES
from tests.integration.path.pipeline import Pipeline

OUTAGE_S = 4.0


@pytest.mark.integration
@pytest.mark.timeout(120)
@pytest.mark.parametrize("gone", ["redis", "redis, with its memory lost", "carrier", "broker"])
def test_an_outage_delays_and_loses_nothing(
    pipeline: Pipeline, new_user: Callable[[], str], gone: str
) -> None:
    """Reminders that fall due while something is away are called once it is back, each once."""
    pipeline.start_stages()
    pipeline.send(new_user(), "Remind me to warm up in 1 second")
    pipeline.wait_until("the first reminder was answered", lambda: pipeline.ledger().settled)

    users = [new_user() for _ in range(4)]
    for user in users:
        pipeline.send(user, "Remind me to stretch in 3 seconds")
    pipeline.wait_until("all are scheduled", lambda: set(pipeline.sent) <= set(pipeline.ledger().outcomes))
    if gone == "broker":
        pipeline.cluster.kill_broker(1)
    elif gone == "carrier":
        pipeline.simulator.control.pause()
    else:
        pipeline.cluster.stop_redis(kill=True)
    pipeline.let_pass(
        OUTAGE_S
    )  # the reminders fall due meanwhile: the length of the outage is what is tested
    if gone == "broker":
        pipeline.cluster.start_broker(1)
    elif gone == "carrier":
        pipeline.simulator.control.resume()
    else:
        if "lost" in gone:
            pipeline.forget_redis()
        pipeline.cluster.start_redis()

    pipeline.wait_until("everything has ended", lambda: pipeline.ledger().settled, 60)
    ledger = pipeline.ledger()
    ledger.check()
    assert len(ledger.occurrences("ANSWERED")) == len(users) + 1, "all were called and answered"
    assert all(pipeline.child(stage).running for stage in STAGES), "no process died of it"
