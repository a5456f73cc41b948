"""One life of a worker of the read models: tables, Faust and the answers on one event loop."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from connectors.metrics import PrometheusMetrics
from connectors.settings import Settings
from connectors.views.fetched import Fetched
from infra.run.views.folder import open_tables
from infra.run.views.logs import logs_now
from infra.run.views.progress import Progress
from infra.run.views.serving import Serving
from schemas.errors import RegistryUnreachable, UndecodableRecord, UnknownSchema
from schemas.registry import Codec
from streams.runtime.errors import Hold
from streams.runtime.processor import Poison
from streams.topology import VIEWS
from streams.views.rows import MEANINGS, Record
from streams.views.tables import Applied, Batch, Place, Tables

log = logging.getLogger("ringback.views")

COMMIT_S, COMMIT_RECORDS = 1.0, 20_000  # what a crash reads again
STOP_S = 5.0
LAST_WORD_S = 2.0  # to tell the group how far we came; only `ringback lag` reads it
RESULTS = ("new", "copy", "skipped")


class Worker:
    """Started, ticked, finished when it is to stop and nothing has failed; closed in any case, never started again."""

    progress: Progress
    """Since it was started."""

    def __init__(
        self, settings: Settings, security: dict[str, Any], folder: Path, metrics: PrometheusMetrics
    ) -> None:
        self._settings, self._security, self._folder, self._metrics = settings, security, folder, metrics
        self._codec = Codec(settings.schema_registry_url)
        self._decoders = {t: self._codec.decoder(t, name) for t, (name, _) in MEANINGS.items()}
        self._committed_s = time.monotonic()
        for topic in MEANINGS:
            for result in RESULTS:  # from 0, or a rate would not see the first of them
                metrics.inc("ringback_views_records_total", 0, topic=topic, result=result)
        self._tables: Tables | None = None
        self._app: Any = None
        self._serving: Serving | None = None

    async def start(self, listener: socket.socket, shown: str) -> None:
        """Open the tables, answer on `listener` whoever shows the token `shown`, and begin to read."""
        from connectors.views.asking import Answers
        from connectors.views.consumer import transport_from
        from connectors.views.http import create_app
        from streams.views.worker import Feed, make_app

        begun_at = _now_ms()
        config = self._settings.kafka_config()
        logs = await asyncio.get_running_loop().run_in_executor(None, logs_now, config)
        self._tables = tables = open_tables(self._folder, self._decode, logs)
        self._feed = feed = Feed(tables, self._tell)
        self.progress = Progress(tables, logs.ends, begun_at, self._positions, lambda: feed.held)
        member = self._settings.member_id()
        self._app = make_app(
            VIEWS.group(member),
            (self._settings.kafka_bootstrap_servers or "").split(","),
            feed,
            self._folder,
            transport_from(tables.next),
            # A worker that is killed and back takes its own place, with no wait for its old self to time out.
            consumer_group_instance_id=member,
            **self._security,
        )
        answers = Answers(tables, lambda t, value, at: self._decode(t, value, MEANINGS[t][0], at), _now_ms)
        self._serving = Serving(create_app(answers, self.progress, shown, self._metrics), listener)
        await self._app.start()

    def _decode(self, topic: str, value: bytes, _name: str, _appended_at: int) -> Record:
        try:
            record: Record = self._decoders[topic](value)
        except UndecodableRecord as error:
            raise Poison("undecodable", str(error)) from error
        except (UnknownSchema, RegistryUnreachable) as error:
            raise Hold(str(error)) from error
        return record

    def _tell(self, batch: Batch, applied: Applied) -> None:
        inc = self._metrics.inc
        for result, count in zip(RESULTS, (applied.new, applied.copies, len(applied.skipped)), strict=True):
            if count:
                inc("ringback_views_records_total", count, topic=batch.topic, result=result)
        if applied.skipped:
            log.warning(
                "%d records of %s %d are skipped (%s); /v1/status has their places",
                len(applied.skipped),
                batch.topic,
                batch.partition,
                ", ".join(sorted(set(applied.skipped))),
            )

    def _positions(self) -> Mapping[Place, Fetched]:
        consumer = getattr(self._app, "_consumer", None)
        found: Mapping[Place, Fetched] = consumer.positions() if consumer is not None else {}
        return found

    async def tick(self) -> None:
        """What is due: hand on a failure, commit, see how far it is."""
        assert self._tables is not None
        if self._feed.failed.done():
            self._feed.failed.result()
        if self._app.crashed:
            raise RuntimeError(f"Faust gave up: {self._app.crash_reason!r}")
        if self._serving is not None:
            self._serving.check()
        due = time.monotonic() - self._committed_s > COMMIT_S
        if self._tables.uncommitted and (due or self._tables.uncommitted >= COMMIT_RECORDS):
            self._tables.commit(_now_ms())
            self._committed_s = time.monotonic()
        self.progress.look()
        self._metrics.set("ringback_views_whole", int(self.progress.whole))
        if (as_of := self.progress.as_of) is not None:
            self._metrics.set("ringback_views_behind_seconds", max(0.0, (_now_ms() - as_of) / 1000))

    async def finish(self) -> None:
        """Commit what was taken in. Raises what the tables do."""
        assert self._tables is not None
        await _over("commit", self._app.commit(None), LAST_WORD_S)
        await _over("stop", self._app.stop(), STOP_S)
        if self._feed.failed.done():
            self._feed.failed.result()
        self._tables.commit(_now_ms())

    async def close(self) -> None:
        """Stop reading and answering. What is not committed by now will be read again. Raises nothing."""
        if self._app is not None:
            await _over("stop", self._app.stop(), STOP_S)
        if self._serving is not None:
            await self._serving.stop()
        if self._tables is not None:
            self._tables.close()


async def _over(what: str, ending: Coroutine[Any, Any, object], within_s: float) -> None:
    """Wait for something of Faust's that may fail or never end, and raise nothing: not even its own CancelledError,
    which it hands on to whoever waits."""
    task = asyncio.ensure_future(ending)
    await asyncio.wait([task], timeout=within_s)
    if not task.done():
        task.cancel()
        log.warning("Faust's %s is not over after %g s", what, within_s)
    elif not task.cancelled() and (error := task.exception()) is not None:
        log.warning("Faust's %s: %s: %s", what, type(error).__name__, error)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
