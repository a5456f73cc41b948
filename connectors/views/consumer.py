"""Faust's Kafka transport, with four things changed.

1. **Read committed.** Faust reads what transactions have not committed, by a setting that is wired in.
2. **It goes on where the tables are.** The tables hold what was read and how far in one transaction; what the group has
   committed is only what `ringback lag` shows. So the tables' position is sought to, whenever Faust seeks.
3. **Batches.** What a fetch brings of one partition goes through Faust as one message. Record by record, Faust spends
   165 us of CPU on each (a task to wait for flow control, two locks, a queue, acknowledgement) before anything was done
   with it. A batch says where reading was before it, so one that Faust drops on the way (it does at a rebalance, and
   then seeks) is missed by the tables and never silently left out.
4. **It stops without a broker.** Client and thread would each wait for what does not come any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.threads import ServiceThread, WorkerThread

from connectors.views.fetched import Fetched
from streams.views.tables import Batch, Place

COMMIT_S = 1.0
Next = Callable[[Place], int]
"""Where the tables are in a partition. Called from the consumer's thread."""


class Message:
    """A batch in the shape of a record, as Faust's consumer wants one: its offset is that of the last record."""

    __slots__ = (
        "checksum",
        "headers",
        "key",
        "offset",
        "partition",
        "serialized_key_size",
        "serialized_value_size",
        "timestamp",
        "timestamp_type",
        "topic",
        "value",
    )

    def __init__(self, batch: Batch) -> None:
        last = batch.records[-1]
        self.topic, self.partition, self.offset = batch.topic, batch.partition, last.offset
        self.timestamp, self.timestamp_type = last.timestamp, 0
        self.headers: tuple[()] = ()
        self.key = self.checksum = None
        self.value = batch
        self.serialized_key_size = self.serialized_value_size = 0


class Daemon(WorkerThread):
    """A thread that cannot keep the process from ending, however its client hangs."""

    def __init__(self, service: ServiceThread, **kwargs: Any) -> None:
        super().__init__(service, **kwargs)
        self.daemon = True


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches."""

    Worker = Daemon
    next: Next

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = 100  # Faust's 1.5 s is what a figure would be late by
        self._handed: dict[TP, int] = {}
        return consumer

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Tell the group how far we are. The client tries for as long as the broker is away, and on when it is closed
        meanwhile, so that nothing behind it in this thread would ever have its turn."""
        try:
            async with asyncio.timeout(COMMIT_S):
                return bool(await super()._commit(offsets))
        except TimeoutError:
            return False  # Faust comes again with what it has by then

    async def on_thread_stop(self) -> None:
        """Close the client. It hands on what it cancels its own fetch with; Faust would then wait a minute for this
        thread, which has ended."""
        try:
            await super().on_thread_stop()
        except asyncio.CancelledError:
            if self._consumer is not None:
                await self._consumer._client.close()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to where the tables are."""
        found: Mapping[TP, int] = await self.call_thread(self._seek_to_tables)
        return found

    async def _seek_to_tables(self) -> Mapping[TP, int]:
        consumer = self._ensure_consumer()
        places = {TP(p.topic, p.partition): self.next((p.topic, p.partition)) for p in consumer.assignment()}
        for place, offset in places.items():
            consumer.seek(TopicPartition(*place), offset)
        self._handed = dict(places)
        return places

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Mapping[TP, list[Message]]:
        found = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        batches = {}
        for place, records in found.items():
            tp = TP(place.topic, place.partition)
            # Behind markers and what was aborted, which hold no record.
            end = self._position(consumer, place)
            end = records[-1].offset + 1 if end is None else max(end, records[-1].offset + 1)
            start = self._handed.get(tp, records[0].offset)
            self._handed[tp] = end
            batches[tp] = [Message(Batch(place.topic, place.partition, start, end, records))]
        return batches

    @staticmethod
    def _position(consumer: AIOKafkaConsumer, place: TopicPartition) -> int | None:
        assignment = consumer._subscription.subscription and consumer._subscription.subscription.assignment
        state = assignment.state_value(place) if assignment else None
        return state._position if state is not None else None

    def positions(self) -> dict[Place, Fetched]:
        """How far each assigned partition is."""
        consumer = self._consumer
        if consumer is None:
            return {}
        assignment = consumer._subscription.subscription and consumer._subscription.subscription.assignment
        if not assignment:
            return {}
        found: dict[Place, Fetched] = {}
        for tp in list(assignment.tps):
            state = assignment.state_value(tp)
            if state is not None:
                handed = self._handed.get(TP(tp.topic, tp.partition))
                found[tp.topic, tp.partition] = Fetched(state._position, state.lso, state.timestamp, handed)
        return found


def transport_from(next_of: Next) -> type[driver.Transport]:
    """Faust's transport with these changes, reading from where `next_of` says."""

    class Thread(ConsumerThread):
        next = staticmethod(next_of)

    class Consumer(driver.Consumer):
        _thread: ConsumerThread

        def _new_consumer_thread(self) -> ConsumerThread:
            return Thread(self, loop=self.loop, beacon=self.beacon)

        def positions(self) -> Mapping[Place, Fetched]:
            return self._thread.positions()

    class Transport(driver.Transport):
        pass

    Transport.Consumer = Consumer
    return Transport
