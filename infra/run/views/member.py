"""A worker in a thread of its own, started anew from its last commit when it fails; the shape of a stage's member."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Coroutine
from typing import Any

from connectors.metrics import PrometheusMetrics
from connectors.settings import Settings
from connectors.views.token import token, token_file
from infra.run.views.folder import folder_of
from infra.run.views.worker import Worker
from streams.topology import VIEWS

log = logging.getLogger("ringback.views")

RESTART_MIN_S, RESTART_MAX_S, HEALTHY_AFTER_S = 0.5, 10.0, 60.0
TICK_S = 0.1
STILL_S = 60.0
BACKLOG = 128
CANCEL_S = 2.0


class ViewsMember:
    """One for as long as the process runs: its port and token outlive the workers, so whoever asks while one is started
    anew waits in the listener's queue."""

    name = f"{VIEWS.name}-0"

    def __init__(self, settings: Settings, metrics: PrometheusMetrics, stop: threading.Event) -> None:
        """Binds the port and makes the token. Raises OSError, SettingsError."""
        from connectors.views.security import credentials

        self._settings, self._metrics, self._stop = settings, metrics, stop
        self._credentials = credentials(settings)
        self.folder = folder_of(settings)
        self._token = token(settings)
        self._socket = socket.create_server((settings.views_host, settings.views_port), backlog=BACKLOG)
        self.port: int = self._socket.getsockname()[1]
        self._worker: Worker | None = None
        self._moved_s = time.monotonic()
        self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
        self._asked = threading.Event()

    @property
    def ready(self) -> bool:
        worker = self._worker
        return worker is not None and worker.progress.whole

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and time.monotonic() - self._moved_s < STILL_S

    @property
    def held(self) -> dict[str, str]:
        """`views` -> the partition that stands still, and why."""
        worker = self._worker
        why = worker.progress.held if worker is not None else None
        return {VIEWS.name: why} if why is not None else {}

    def start(self) -> None:
        self._thread.start()
        host = self._settings.views_host
        where = "set by RINGBACK_VIEWS_TOKEN" if self._settings.views_token else token_file(self._settings)
        log.info("views answer on http://%s:%d, token: %s", host, self.port, where)

    def ask_to_stop(self) -> None:
        self._asked.set()

    def join(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        wait_s = RESTART_MIN_S
        while not self._stop.is_set() and not self._asked.is_set():
            started_s = time.monotonic()
            try:
                _run(self._life())
                break
            # When Faust fails it cancels what waits for it, which may be us.
            except (Exception, asyncio.CancelledError) as error:
                log.warning("views are started anew: %s: %s", type(error).__name__, error)
                self._metrics.inc("ringback_views_restarts_total")
            if time.monotonic() - started_s > HEALTHY_AFTER_S:
                wait_s = RESTART_MIN_S
            self._moved_s = time.monotonic()
            self._asked.wait(wait_s)
            wait_s = min(wait_s * 2, RESTART_MAX_S)
        self._socket.close()

    async def _life(self) -> None:
        worker = Worker(self._settings, self._credentials, self.folder, self._metrics)
        try:
            await worker.start(self._socket.dup(), self._token)
            self._worker = worker
            while not self._stop.is_set() and not self._asked.is_set():
                self._moved_s = time.monotonic()
                await worker.tick()
                await asyncio.sleep(TICK_S)
            await worker.finish()
        finally:
            self._worker = None
            self._metrics.set("ringback_views_whole", 0)
            await worker.close()


def _run(life: Coroutine[Any, Any, None]) -> None:
    """As `asyncio.run`, which would wait for ever for tasks of Faust's that go on when they are cancelled."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(life)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=CANCEL_S))
        asyncio.set_event_loop(None)
        loop.close()
