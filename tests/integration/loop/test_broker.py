"""The broker goes away, comes back, and answers late. A cluster of their own: others must not feel it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.cluster import LocalCluster
from streams.runtime.errors import Fenced
from tests.integration.loop.line import Line
from tests.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def frail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with LocalCluster.start(tmp_path_factory.mktemp("frail"), heap_mb=320) as cluster:
        yield cluster


@pytest.fixture
def frail_line(frail: LocalCluster, tmp_path: Path) -> Iterator[Line]:
    line = Line(frail.bootstrap_servers, tmp_path)
    yield line
    line.close()


def test_a_broker_that_restarts_in_the_middle_of_a_stream(frail: LocalCluster, frail_line: Line) -> None:
    """Transactions are open when it stops; the member goes on by itself, and everything is exactly once."""
    line = frail_line
    line.count(600)
    line.child()
    until(line.outputs, "it is at work")
    frail.restart_broker(1)
    line.count(100, start=600)
    line.check_exactly_once()


def test_a_broker_that_is_killed_in_the_middle_of_a_stream(frail: LocalCluster, frail_line: Line) -> None:
    """Its transactions were neither ended nor begun anew: none of them hangs for ever when it is back."""
    line = frail_line
    line.child()
    for start in (0, 2_000, 4_000):
        line.count(2_000, start=start)
        line.await_outputs(start + 1)
        frail.kill_broker(1)
        frail.start_broker(1)
    line.check_exactly_once()


def test_an_unknown_result(frail: LocalCluster, frail_line: Line, caplog: pytest.LogCaptureFixture) -> None:
    """The broker is frozen for longer than a transaction call waits: taken over again, exactly once.

    Which of two ways it goes is the broker's to say when it wakes: it answers nobody in time (new producers in the
    same loop), or it has ended the transaction as overdue before it reads our commit (fenced, so a new loop).
    """
    line = frail_line
    running = line.run(line.loop(max_batch=10), again=lambda: line.loop(max_batch=10))
    running.until_ready()
    line.count(20)
    line.check_exactly_once()
    first = {task.tenure for task in running.loop.partitions}
    line.count(2_000, start=20)
    broker = frail.pids["kafka-1"]
    os.kill(broker, signal.SIGSTOP)
    try:
        until(lambda: "the result of a transaction is unknown" in caplog.text, "a call gives up waiting")
    finally:
        os.kill(broker, signal.SIGCONT)
    line.count(50, start=2_020)
    line.check_exactly_once()
    assert running.alive, running.failure
    assert isinstance(running.failure, Fenced) or first.isdisjoint(t.tenure for t in running.loop.partitions)
