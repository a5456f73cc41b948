"""The read models while the broker is frozen, dead and back; a cluster of their own, whose broker may die."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.kafka import topics
from connectors.settings import Settings
from infra.cluster import LocalCluster
from tests.integration.views.worker import Log, Worker, committed
from tests.unit.views.oracle import fold
from tests.unit.views.reading import figures
from tests.unit.views.traffic import Written, traffic
from tests.waiting import until

pytestmark = pytest.mark.integration
SEED = int(os.environ.get("RINGBACK_TEST_SEED", "0")) or random.randrange(1, 2**31)
AWAY_S = 4.0


@pytest.fixture
def frail(tmp_path: Path) -> Iterator[LocalCluster]:
    with LocalCluster.start(tmp_path / "cluster", heap_mb=320) as cluster:
        yield cluster


@pytest.mark.parametrize("how", ["killed", pytest.param("frozen", marks=pytest.mark.long)])
def test_figures_stand_still_while_the_broker_is_away(frail: LocalCluster, tmp_path: Path, how: str) -> None:
    """They say so by `as_of`, the log does not run over, and when the broker is back they go on with nothing lost. A
    worker that is told to stop meanwhile does."""
    print(f"replay with RINGBACK_TEST_SEED={SEED}")
    away, back = {"killed": (_kill, _start), "frozen": (_freeze, _thaw)}[how]
    settings = Settings(kafka_bootstrap_servers=frail.bootstrap_servers, state_dir=str(tmp_path / "member"))
    topics.apply(topics.admin_client(settings.kafka_config()), 4)
    written: list[Written] = []
    now_ms = time.time_ns() // 1_000_000

    with Worker(settings, tmp_path / "one") as worker:

        def goes_on() -> None:
            more = traffic(SEED + len(written), 60, now_ms)
            Log(settings).write_all(more, 300)
            written.extend(more)
            worker.wait()
            users = sorted({each.key for each in written if each.topic != "dead.letters"})
            assert figures(worker.get, users, now_ms, at_once=50) == fold(committed(settings))
            until(lambda: _behind_s(worker) < 2, "they are of now", more=worker.log)

        goes_on()
        away(frail)
        until(lambda: _behind_s(worker) > AWAY_S, "they tell that they stand still")
        assert worker.get("/v1/tenants")["tenants"]
        back(frail)
        goes_on()
        assert worker.metric("ringback_views_restarts_total") == 0
        assert worker.log().count("Unable connect to node") <= 2 + 2 * AWAY_S

        away(frail)
        until(lambda: _behind_s(worker) > AWAY_S, "it has seen that")
        assert worker.stop(patience_s=30) == 0
    back(frail)
    with Worker(settings, tmp_path / "one") as worker:
        goes_on()


def _behind_s(worker: Worker) -> float:
    """How old the figures say that they are, seconds."""
    as_of = datetime.fromisoformat(worker.get("/v1/status")["as_of"])
    return (datetime.now(UTC) - as_of).total_seconds()


def _freeze(cluster: LocalCluster) -> None:
    os.kill(cluster.pids["kafka-1"], signal.SIGSTOP)


def _thaw(cluster: LocalCluster) -> None:
    os.kill(cluster.pids["kafka-1"], signal.SIGCONT)


def _kill(cluster: LocalCluster) -> None:
    cluster.kill_broker(1)


def _start(cluster: LocalCluster) -> None:
    cluster.start_broker(1)
