"""From a request to a record that Kafka has confirmed, awaited in asyncio.

librdkafka reports deliveries from `poll`. One thread calls it for the whole gateway and wakes the request that
waits; a thread a request would be the bound on how many SMS can be in flight. The bound is instead the
producer's own queue (`queue.buffering.max.messages`) and the gateway's `max_in_flight`; who slows down is the
carrier, by 503.

An idempotent producer that met a fatal error never works again: it is replaced, once a second at most, so that one
that meets it at once (its user may write nowhere) does not start client after client.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas import codec
from streams.metrics import Metrics
from streams.runtime.fatal import fatal_errors_as_they_are
from streams.topology import Topic

log = logging.getLogger("ringback.gateway")

POLL_S = 0.1
REPLACED_EVERY_S = 1.0
Encode = Callable[[str, str, Mapping[str, Any]], bytes]
"""(topic, record name, record) -> bytes"""


class NotDelivered(Exception):
    """Kafka has not confirmed the record in time. It may still be written: readers know copies by their ids."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def single_object(_topic: str, name: str, record: Mapping[str, Any]) -> bytes:
    """The wire format without a schema registry."""
    return codec.encode(name, record)


class Deliveries:
    """An idempotent producer with acks=all, made by `make_producer`. `start` and `close` frame its life."""

    def __init__(
        self, make_producer: Callable[[], Producer], metrics: Metrics, encode: Encode = single_object
    ) -> None:
        self._make_producer = make_producer
        self._metrics = metrics
        self._encode = encode
        self._producer = make_producer()
        self._broken = False
        self._replaceable_s = 0.0
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._probe = asyncio.Lock()

    def start(self) -> None:
        self._thread = threading.Thread(target=self._poll, name="gateway-deliveries", daemon=True)
        self._thread.start()

    async def send(self, topic: Topic, key: str, record: Mapping[str, Any], within_s: float) -> None:
        """Return when Kafka has the record on all in-sync replicas. Raises NotDelivered."""
        assert topic.record is not None, f"{topic.name} holds records of several kinds"
        value = self._encode(topic.name, topic.record, record)
        loop = asyncio.get_running_loop()
        delivered: asyncio.Future[str | None] = loop.create_future()

        def settle(failure: str | None) -> None:
            if not delivered.done():
                delivered.set_result(failure)

        def report(error: KafkaError | None, _message: Message) -> None:
            if error is not None and (error.fatal() or error.code() == KafkaError._FATAL):
                self._broken = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, error.name() if error is not None else None)

        began = time.monotonic()
        try:
            try:
                self._producer.produce(topic.name, value, key, on_delivery=report)
            except BufferError:
                raise NotDelivered("queue_full") from None
            except KafkaException as error:
                self._broken = True
                raise NotDelivered(error.args[0].name()) from None
            try:
                async with asyncio.timeout(within_s):
                    failure = await delivered
            except TimeoutError:
                raise NotDelivered("deadline") from None
            if failure is not None:
                raise NotDelivered(failure)
        except NotDelivered as not_delivered:
            self._metrics.inc(
                "ringback_gateway_produce_failed_total", topic=topic.name, reason=not_delivered.reason
            )
            log.warning("%s: not confirmed by Kafka: %s", topic.name, not_delivered.reason)
            raise
        self._metrics.inc("ringback_gateway_produced_total", topic=topic.name)
        self._metrics.observe("ringback_gateway_produce_seconds", time.monotonic() - began, topic=topic.name)

    async def trouble(self, topic: Topic, within_s: float) -> str | None:
        """Why `topic` cannot be written now; None when the cluster has it and it has a leader."""
        async with self._probe:  # probes that wait for a dead broker must not pile up threads
            try:
                metadata = await asyncio.to_thread(self._producer.list_topics, topic.name, within_s)
            except KafkaException as error:
                return f"no broker answers ({error.args[0].name()})"
        found = metadata.topics[topic.name]
        if found.error is not None:
            return f"{topic.name}: {found.error.name()}"
        if any(partition.leader < 0 for partition in found.partitions.values()):
            return f"{topic.name}: a partition has no leader"
        return None

    async def close(self, within_s: float) -> None:
        """Wait for what is in flight. Call once no request sends any more."""
        try:
            left = await asyncio.to_thread(_flush, self._producer, within_s)
            if left:
                log.error("%d records were not confirmed by Kafka before the end", left)
        except KafkaException as error:
            log.error("what was in flight is not confirmed by Kafka: %s", error)
        self._stopping = True
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _poll(self) -> None:
        while not self._stopping:
            try:
                with fatal_errors_as_they_are():
                    self._producer.poll(POLL_S)
            except KafkaException as error:
                log.error("the producer met a fatal error: %s", error)
                self._broken = True
            if self._broken and time.monotonic() >= self._replaceable_s:
                self._replaceable_s = time.monotonic() + REPLACED_EVERY_S
                self._replace()

    def _replace(self) -> None:
        """Whoever waits for the broken one is told that it has not delivered."""
        log.error("the producer is replaced")
        broken, self._producer = self._producer, self._make_producer()
        broken.purge()
        with contextlib.suppress(KafkaException):  # once more the error that broke it
            _flush(broken, POLL_S)
        self._broken = False  # only now: its last reports name that error too


@fatal_errors_as_they_are()
def _flush(producer: Producer, within_s: float) -> int:
    """How many records are left. Raises KafkaException."""
    return producer.flush(within_s)
