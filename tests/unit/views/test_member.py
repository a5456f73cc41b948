"""A worker of the read models in a process: started anew when it fails, and never away from its port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connectors.metrics import PrometheusMetrics
from connectors.settings import Settings
from infra.cluster.ports import lease_port
from infra.run.health import HealthServer
from infra.run.stages import Member, Runs, held_by
from infra.run.views import member, run_with_views, running
from infra.run.views.member import ViewsMember
from streams.runtime.loop import Loop
from streams.views.metrics import VIEWS_METRICS
from tests.waiting import until


class Told:
    """How far a worker is, set by hand."""

    whole = True
    held: str | None = None


class Lives:
    """Workers that do what the test says: each of `fails` ends one with its next tick."""

    def __init__(self) -> None:
        self.progress = Told()
        self.fails: list[BaseException] = []
        self.started = self.finished = self.closed = 0
        self.at_close: Callable[[], None] = lambda: None

    def __call__(self, *_: object) -> Lives:
        return self

    async def start(self, listener: socket.socket, _token: str) -> None:
        listener.close()  # as the HTTP server does when a worker ends
        self.started += 1

    async def tick(self) -> None:
        if self.fails:
            raise self.fails.pop()

    async def finish(self) -> None:
        self.finished += 1

    async def close(self) -> None:
        self.closed += 1
        self.at_close()


@pytest.fixture
def lives(monkeypatch: pytest.MonkeyPatch) -> Lives:
    lives = Lives()
    monkeypatch.setattr(member, "Worker", lives)
    monkeypatch.setattr(member, "RESTART_MIN_S", 0.01)
    monkeypatch.setattr(member, "TICK_S", 0.01)
    return lives


@pytest.fixture
def metrics() -> PrometheusMetrics:
    return PrometheusMetrics(VIEWS_METRICS)


@pytest.fixture
def views(lives: Lives, metrics: PrometheusMetrics, tmp_path: Path) -> Iterator[ViewsMember]:
    settings = Settings(state_dir=str(tmp_path), views_port=0)
    views = ViewsMember(settings, metrics, threading.Event())
    views.start()
    until(lambda: views.ready, "a worker runs")
    yield views
    views.ask_to_stop()
    assert views.join(10)
    assert lives.started == lives.closed
    assert lives.finished == 1  # the last, and none that failed


@pytest.mark.parametrize(
    "error",
    [RuntimeError("Faust gave up"), OSError("the disk is full"), asyncio.CancelledError("from within Faust")],
    ids=str,
)
def test_a_worker_that_fails_is_closed_and_started_anew(
    views: ViewsMember, lives: Lives, metrics: PrometheusMetrics, error: BaseException
) -> None:
    """Whatever it failed with; it is counted, nothing is whole meanwhile, and the member is ready again by itself."""
    metrics.set("ringback_views_whole", 1)
    lives.fails.append(error)
    until(lambda: lives.started == 2 and views.ready, "there is a new one")
    assert lives.closed == 1
    page = metrics.page("")[0].decode()
    assert "ringback_views_restarts_total 1.0" in page
    assert "ringback_views_whole 0.0" in page
    assert views.alive


def test_who_asks_between_two_workers_is_not_refused(views: ViewsMember, lives: Lives) -> None:
    """The port stays open: a question waits for the next worker, as long as whoever asks wants to wait."""
    asked: list[bool] = []

    def ask() -> None:
        socket.create_connection(("127.0.0.1", views.port), timeout=5).close()
        asked.append(True)

    lives.at_close = ask
    lives.fails.append(RuntimeError("the first ends"))
    until(lambda: lives.started == 2 and views.ready, "there is a new one")
    assert asked


def test_a_task_that_goes_on_when_it_is_cancelled_keeps_no_worker_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Faust has some, which wait for a broker."""
    monkeypatch.setattr(member, "CANCEL_S", 0.05)
    cancelled = threading.Event()

    async def stubborn() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            cancelled.set()

    async def life() -> None:
        task = asyncio.get_running_loop().create_task(stubborn())
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # as it is to be, here
        await asyncio.sleep(0)
        assert not task.done()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(member._run, life()).result(10)
    assert cancelled.is_set()


def test_whole_tables_are_what_makes_it_ready(views: ViewsMember, lives: Lives) -> None:
    """Whoever balances load by `/readyz` must not send questions to what answers 503."""
    lives.progress.whole = False
    assert (views.ready, views.alive) == (False, True)


def not_ready(port: int) -> Any:
    """What `/readyz` says, which must be no."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5)
    with refused.value:
        return json.load(refused.value)


def test_the_health_page_names_what_holds_views_up_beside_stages(views: ViewsMember, lives: Lives) -> None:
    """Not ready says that something is wrong; why, and of which part of the process, is what one asks next."""
    ends = threading.Event()
    partitions = SimpleNamespace(held={"inbound:3": "too many dead letters"})
    loop = SimpleNamespace(ready=True, partitions=partitions, run=ends.wait, stop=ends.set)
    stage = Member("inbound-0", lambda: cast(Loop, loop), threading.Event(), lambda: None)
    stage.start()
    until(lambda: stage.held, "the stage runs")
    crew: list[Runs] = [stage, views]
    health = HealthServer(0, crew, PrometheusMetrics(), held=lambda: held_by(crew))
    lives.progress.whole, lives.progress.held = False, "billing.charges 2: no such schema"
    assert not_ready(health.port) == {
        "ok": False,
        "members": {"inbound-0": True, "views-0": False},
        "held": {"inbound:3": "too many dead letters", "views": "billing.charges 2: no such schema"},
    }
    lives.progress.whole, lives.progress.held = True, None
    assert held_by(crew) == stage.held
    health.close()
    stage.ask_to_stop()
    assert stage.join(10)


def test_the_health_page_names_what_holds_views_up_alone(
    lives: Lives, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "logs_now", lambda _config: None)
    lives.progress.whole, lives.progress.held = False, "billing.charges 2: no such schema"
    settings = Settings(kafka_bootstrap_servers="none", state_dir=str(tmp_path), views_port=0)
    stop = threading.Event()
    with lease_port(None) as lease, ThreadPoolExecutor(1) as process:
        finished = process.submit(run_with_views, [], settings, 1, lease.port, stop)
        try:
            until(lambda: lives.started or finished.done(), "a worker runs")
            held = until(lambda: not_ready(lease.port).get("held"), "it is named", 10)
        finally:
            stop.set()
        assert finished.result(10) == 0
    assert held == {"views": "billing.charges 2: no such schema"}
