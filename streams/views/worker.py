"""The Faust app of the read models: one agent, fed with batches, that takes them into the tables.

Faust owns the group, the fetching, flow control and the agent; what it hands over are batches instead of records
(connectors/views/consumer.py), for its own path costs eight times what all of ours does. Nothing here may raise
into the agent: Faust acknowledges what an agent failed at. A record that cannot be read is skipped, counted and shown;
a schema that is not known yet holds everything until it is; and what is left (a disk that is full, a batch that got
lost) stops the worker, which is started anew from the last commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from pathlib import Path
from typing import Any

import faust

from streams.runtime.errors import Hold
from streams.topology import VIEWS
from streams.views.tables import Applied, Batch, Tables

# A schema comes with the next release, or with a registry that answers again.
HOLD_S = 1.0
# Batches that wait for the agent, each of at most a fetch of one partition (1 MiB).
WAITING_BATCHES = 4
Tell = Callable[[Batch, Applied], None]


class Feed:
    """What the agent does with a batch, and what became of it."""

    def __init__(self, tables: Tables, tell: Tell = lambda _batch, _applied: None) -> None:
        self.tables = tables
        self.held: str | None = None
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Set with the exception that ends this worker."""
        self._tell = tell

    async def take(self, batch: Batch) -> None:
        """Into the tables; waits while a schema is missing, and for ever once something has failed."""
        while not self.failed.done():
            try:
                applied = self.tables.apply(batch)
            except Hold as hold:
                self.held = f"{batch.topic} {batch.partition}: {hold}"
                await asyncio.sleep(HOLD_S)
            except Exception as error:
                self.failed.set_exception(error)
            else:
                self.held = None
                self._tell(batch, applied)
                return
        await asyncio.Event().wait()  # Faust must not acknowledge what was not taken in


def make_app(
    name: str, brokers: list[str], feed: Feed, folder: Path, transport: type[Any], **settings: Any
) -> faust.App:
    """The app, not started. `name` is the consumer group; `settings` are Faust's, for security and the like."""
    app = faust.App(
        name,
        broker=[f"kafka://{address}" for address in brokers],
        datadir=folder / "faust",  # it makes the folder, and keeps nothing in it
        key_serializer="raw",
        value_serializer="raw",
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=WAITING_BATCHES,
        table_standby_replicas=0,  # no tables of Faust's, so none of the assignor that is for them
        # A stop would wait for the agent, which may wait for a schema, or for ever once something has failed.
        stream_wait_empty=False,
        topic_allow_declare=False,  # `ringback topics apply` makes them
        topic_disable_leader=True,
        web_enabled=False,  # the answers are served by connectors/views
        **settings,
    )
    app.transport = transport(app.conf.broker_consumer, app)
    topics = app.topic(
        *(topic.name for topic in VIEWS.reads), key_type=bytes, value_type=bytes, value_serializer="raw"
    )

    async def take(batches: AsyncIterable[Batch]) -> None:
        async for batch in batches:
            await feed.take(batch)

    # One agent and no concurrency: with more, a commit passes what is still in flight.
    app.agent(topics, name=f"{name}.take", concurrency=1)(take)
    return app
