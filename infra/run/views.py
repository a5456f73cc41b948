"""One worker of the read models: tables, Faust and the HTTP server on one event loop, in a thread of its own.

One loop, so that the tables need no lock: a batch is taken in, or a question answered, never both at once. The thread
lets views run beside stages in one process, as any stage does; they then share its GIL, so give them a process of their
own where figures are asked for often.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.kafka.browse import Place, ends, offsets
from connectors.kafka.topics import admin_client
from connectors.metrics import PrometheusMetrics
from connectors.settings import Settings
from connectors.views.asking import Object
from connectors.views.token import token, token_file
from infra.run.health import HealthServer
from infra.run.stopping import JOIN_S
from schemas.errors import RegistryUnreachable, UndecodableRecord, UnknownSchema
from schemas.registry import Codec
from streams.runtime.errors import Hold
from streams.runtime.processor import Poison
from streams.topology import VIEWS
from streams.views.metrics import VIEWS_METRICS
from streams.views.rows import MEANINGS, Record
from streams.views.tables import Applied, Batch, OtherTablesError, Tables

if TYPE_CHECKING:
    from connectors.views.consumer import Standing

log = logging.getLogger("ringback.views")

RESTART_MIN_S, RESTART_MAX_S, HEALTHY_AFTER_S = 0.5, 10.0, 60.0
TICK_S = 0.1
COMMIT_S, COMMIT_RECORDS = 1.0, 20_000  # what a crash reads again
STILL_S = 60.0
STOP_S = 10.0
BACKLOG = 128


class AnotherWorkerError(Exception):
    """Another process uses this member's tables."""


class ViewsMember:
    """A worker, started anew from its last commit when it fails; the same shape as a stage's member."""

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
        return worker is not None and worker.whole

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and time.monotonic() - self._moved_s < STILL_S

    @property
    def held(self) -> dict[str, str]:
        """`views` -> the partition that stands still, and why."""
        worker = self._worker
        return {VIEWS.name: worker.held} if worker is not None and worker.held is not None else {}

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
                asyncio.run(self._run())
                break
            except Exception as error:
                log.warning("views are started anew: %s: %s", type(error).__name__, error)
                self._metrics.inc("ringback_views_restarts_total")
            if time.monotonic() - started_s > HEALTHY_AFTER_S:
                wait_s = RESTART_MIN_S
            self._moved_s = time.monotonic()
            self._asked.wait(wait_s)
            wait_s = min(wait_s * 2, RESTART_MAX_S)
        self._socket.close()

    async def _run(self) -> None:
        worker = Worker(self._settings, self._credentials, self.folder, self._metrics)
        try:
            await worker.start(self._socket.dup(), self._token)
            self._worker = worker
            while not self._stop.is_set() and not self._asked.is_set():
                self._moved_s = time.monotonic()
                await worker.tick()
                await asyncio.sleep(TICK_S)
        finally:
            self._worker = None
            await worker.close()


class Worker:
    """One life of it."""

    def __init__(
        self, settings: Settings, security: dict[str, Any], folder: Path, metrics: PrometheusMetrics
    ) -> None:
        self._settings, self._security, self._folder, self._metrics = settings, security, folder, metrics
        self._codec = Codec(settings.schema_registry_url)
        self._decoders = {t: self._codec.decoder(t, name) for t, (name, _) in MEANINGS.items()}
        self._targets: dict[Place, int] = {}
        self._reached = self._ours = False
        self._complete_at: int | None = None
        self._committed_s = time.monotonic()
        self._tables: Tables | None = None
        self._app: Any = None
        self._server: Any = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, listener: socket.socket, shown: str) -> None:
        from connectors.views.asking import Answers
        from connectors.views.consumer import transport_from
        from connectors.views.http import create_app
        from streams.views.worker import Feed, make_app

        self._tables = tables = await self._open()
        self._feed = Feed(tables, self._tell)
        member = self._settings.member_id()
        self._app = make_app(
            VIEWS.group(member),
            (self._settings.kafka_bootstrap_servers or "").split(","),
            self._feed,
            self._folder,
            transport_from(tables.next),
            # A worker that is killed and back takes its own place, with no wait for its old self to time out.
            consumer_group_instance_id=member,
            **self._security,
        )
        answers = Answers(tables, lambda t, value, at: self._decode(t, value, MEANINGS[t][0], at), _now_ms)
        self._serve(create_app(answers, self, shown, self._metrics), listener)
        await self._app.start()

    async def _open(self) -> Tables:
        """The tables of these very topics; begun anew when they are of others."""
        loop = asyncio.get_running_loop()
        config = self._settings.kafka_config()
        self._begun_at = _now_ms()
        ids, low, high = await loop.run_in_executor(None, _look, config)
        path = tables_folder(self._folder)
        tables = Tables(path, self._decode)
        try:
            tables.belong_to(ids)
        except OtherTablesError as error:
            log.warning("%s: begun anew", error)
            tables.close()
            shutil.rmtree(path)
            tables = Tables(path, self._decode)
            tables.belong_to(ids)
        for place, offset in low.items():
            tables.begin(place, offset)
        self._targets = high
        return tables

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
        for result, count in (
            ("new", applied.new),
            ("copy", applied.copies),
            ("skipped", len(applied.skipped)),
        ):
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

    def _serve(self, app: Any, listener: socket.socket) -> None:
        import uvicorn

        class Server(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield  # whoever runs the process has them

        config = uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,  # paths hold phone numbers
            server_header=False,
            timeout_graceful_shutdown=2,
        )
        self._server = Server(config)
        self._serving = asyncio.get_running_loop().create_task(self._server.serve(sockets=[listener]))

    async def tick(self) -> None:
        """What is due: hand on a failure, commit, see how far it is."""
        assert self._tables is not None
        if self._feed.failed.done():
            self._feed.failed.result()
        if self._app.crashed:
            raise RuntimeError(f"Faust gave up: {self._app.crash_reason!r}")
        if self._serving is not None and self._serving.done():
            self._serving.result()
        due = time.monotonic() - self._committed_s > COMMIT_S
        if self._tables.uncommitted and (due or self._tables.uncommitted >= COMMIT_RECORDS):
            self._tables.commit(_now_ms())
            self._committed_s = time.monotonic()
        self._look_around()
        self._metrics.set("ringback_views_whole", int(self.whole))
        if (as_of := self._as_of()) is not None:
            self._metrics.set("ringback_views_behind_seconds", max(0.0, (_now_ms() - as_of) / 1000))

    def _positions(self) -> Mapping[Place, Standing]:
        consumer = getattr(self._app, "_consumer", None)
        found: Mapping[Place, Standing] = consumer.positions() if consumer is not None else {}
        return found

    def _everywhere(self) -> dict[Place, Standing]:
        """All partitions, also those that are not ours: then nothing is complete."""
        from connectors.views.consumer import Standing

        return dict.fromkeys(self._targets, Standing()) | dict(self._positions())

    def _look_around(self) -> None:
        found = self._everywhere()
        # Another worker of this name, elsewhere, would share the partitions with us.
        self._ours = all(at.position is not None for at in found.values())
        if not self._reached:
            self._reached = all(self._past(place, found[place], end) for place, end in self._targets.items())
        # Every fetch has reached the end that it was told of, and nothing is on its way from there to the tables.
        if all(self._past(place, at, at.stable) for place, at in found.items()):
            self._complete_at = min(at.told_at or 0 for at in found.values()) - LONG_POLL_MS

    def _past(self, place: Place, at: Standing, end: int | None) -> bool:
        """Is everything before `end` taken in?"""
        assert self._tables is not None
        if end is None or at.position is None or at.told_at is None:
            return False
        return at.position >= end and self._tables.next(place) >= (at.handed or 0)

    @property
    def held(self) -> str | None:
        """The partition that stands still for want of something, and why."""
        return self._feed.held

    @property
    def whole(self) -> bool:
        """Do the tables hold all that lay there when this worker started, and is nothing held up or taken away?"""
        return self._reached and self._ours and self._feed.held is None

    def _as_of(self) -> int | None:
        """Up to when everything that was appended is in the figures."""
        return self._complete_at or (self._begun_at if self._reached else None)

    def standing(self) -> Object:
        assert self._tables is not None
        since = [p.first_at for p in self._tables.positions.values() if p.first and p.first_at]
        found = self._everywhere()
        return {
            "as_of": self._as_of(),
            "complete_since": max(since, default=None),
            "whole": self.whole,
            "held": self._feed.held,
            "partitions": [
                {
                    "topic": place[0],
                    "partition": place[1],
                    "next": self._tables.next(place),
                    "fetched": found[place].position,
                    "handed": found[place].handed or 0,
                    "end": found[place].stable,
                }
                for place in sorted(found)
            ],
        }

    async def close(self) -> None:
        """Stop reading, commit what was taken in, stop answering."""
        if self._app is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._app.stop(), STOP_S)
        if self._tables is not None:
            failed = self._app is None or self._feed.failed.done()
            if not failed:
                self._tables.commit(_now_ms())
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._serving, STOP_S)
        if self._tables is not None:
            self._tables.close()


def run_with_views(
    names: list[str], settings: Settings, members: int, http_port: int | None, stop: threading.Event
) -> int:
    """A worker of the read models, alone or beside members of stages, until `stop` is set; as `run_stages`.

    Raises what that does, and OSError when the worker's port is taken, AnotherWorkerError.
    """
    for library in ("faust", "mode", "aiokafka", "uvicorn", "connectors.views.consumer"):
        logging.getLogger(library).setLevel(logging.WARNING)  # a start of theirs is forty lines
    with only_one(folder_of(settings)):
        if names:
            from infra.run.stages import run_stages

            def beside(metrics: PrometheusMetrics, stop: threading.Event) -> ViewsMember:
                return ViewsMember(settings, metrics, stop)

            return run_stages(names, settings, members, http_port, stop, beside=beside)
        return _alone(settings, http_port, stop)


def _alone(settings: Settings, http_port: int | None, stop: threading.Event) -> int:
    _look(settings.kafka_config())  # what is missing is said at once, and not tried again for ever
    metrics = PrometheusMetrics(VIEWS_METRICS)
    member = ViewsMember(settings, metrics, stop)
    health = HealthServer(http_port, [member], metrics) if http_port is not None else None
    member.start()
    stop.wait()
    log.info("stopping")
    member.ask_to_stop()
    finished = member.join(JOIN_S)
    if health:
        health.close()
    return 0 if finished else 1


# What a fetch tells of the end may be as old as it waited at the broker, and has the way back behind it.
LONG_POLL_MS = 500


def folder_of(settings: Settings) -> Path:
    """Where a member keeps its tables."""
    return Path(settings.state_dir) / settings.member_id() / VIEWS.name


def tables_folder(folder: Path) -> Path:
    return folder / "tables"


def forget(settings: Settings) -> bool:
    """Remove a member's tables, so that they are read anew from the topics; was there anything?

    Raises AnotherWorkerError while a worker uses them.
    """
    folder = folder_of(settings)
    with only_one(folder):
        path = tables_folder(folder)
        found = path.exists()
        shutil.rmtree(path, ignore_errors=True)
        return found


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for this process. Raises AnotherWorkerError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherWorkerError(f"another process runs views in {folder}") from None
        yield


def _look(config: dict[str, str]) -> tuple[dict[str, str], dict[Place, int], dict[Place, int]]:
    """Ids of the topics, and where each partition begins and ends now. Raises KafkaException, UnknownTopicError."""
    from confluent_kafka import TopicCollection
    from confluent_kafka.admin import OffsetSpec

    from connectors.kafka.browse import UnknownTopicError
    from connectors.kafka.topics import find

    admin = admin_client(config)
    names = [topic.name for topic in VIEWS.reads]
    there = find(admin, names)
    for name in names:
        if name not in there:
            raise UnknownTopicError(name)
    described = admin.describe_topics(TopicCollection(names))
    ids = {name: str(future.result(10).topic_id) for name, future in described.items()}
    places = [(name, number) for name in names for number in range(there[name].partitions)]
    return ids, offsets(admin, places, OffsetSpec.earliest()), ends(admin, places)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
