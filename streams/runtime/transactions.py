"""Transactional producers, used in turn, and the reading of what their calls raise.

Two producers let the next transaction begin while the broker still writes the markers of the last one. That is
sound as long as the commit of the first has returned before the second produces, which `commit` sees to: one
transaction is open at a time, and the group metadata in the offsets fences both producers alike.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from confluent_kafka import KafkaException, Message, Producer, TopicPartition

from streams.runtime.bounded_call import BoundedCalls, Meanwhile
from streams.runtime.clients import Clients
from streams.runtime.errors import Fenced, Rewind, UnknownResult, classify

log = logging.getLogger("ringback.loop")

Delivered = Callable[[int], None]
# Called as a record is sent; what it gives is called with the delivery report, which holds the broker's time.
Sending = Callable[[], Callable[[Message], None] | None]

# Longer than transaction.timeout.ms (3 s): by then the broker has decided, whatever we heard of it.
CALL_TIMEOUT_S = 5.0
# Between two attempts to reach the transaction coordinator, when the first has failed at once.
AGAIN_S = 0.2


class Transactions:
    """The transactions of one member. `transactional_ids` are stable over its restarts."""

    def __init__(
        self, clients: Clients, transactional_ids: Sequence[str], sending: Sending = lambda: None
    ) -> None:
        self._clients = clients
        self._sending = sending
        self._first = True
        self._ids = transactional_ids
        self._producers: list[Producer] = []
        self._turn = 0
        self.producer: Producer  # of the open transaction
        # For the one call that does not keep to its own timeout, and the one that leaves us time.
        self._bounded = BoundedCalls("a transaction call", CALL_TIMEOUT_S + 1.0)

    def init(self, give_up: Callable[[], bool]) -> None:
        """Make the producers and fence whoever used their ids before: ends what a dead process left open.

        Waits for as long as it takes the coordinator to come back, until `give_up()`. Raises Fenced.
        """
        self._producers = [self._clients.transactional_producer(name) for name in self._ids]
        for name, producer in zip(self._ids, self._producers, strict=True):
            while not give_up():
                try:
                    producer.init_transactions(CALL_TIMEOUT_S)
                    break
                except KafkaException as exception:
                    decision = classify(exception)
                    if isinstance(decision, Fenced):
                        raise decision from exception
                    log.warning("%s waits for its transaction coordinator: %s", name, decision)
                    time.sleep(AGAIN_S)

    def throw_away(self) -> None:
        """After an unknown result: librdkafka lacks KIP-890's second part, and a late EndTxn of these producers
        could end a later transaction. New producers with the same ids get a new epoch, which shuts it out."""
        self._producers = []

    def begin(self) -> None:
        self._turn = (self._turn + 1) % len(self._producers)
        self.producer = self._producers[self._turn]
        self._first = True
        self._call(self.producer.begin_transaction)

    def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int = -1,
        delivered: Delivered | None = None,
    ) -> None:
        """Add a record. `delivered` gets its offset before `commit` returns."""
        more: dict[str, Any] = {}
        if headers:
            more["headers"] = list(headers)
        if self._first or delivered is not None:
            more["on_delivery"] = self._report(delivered)
        producer = self.producer
        try:
            producer.produce(topic, value, key, partition, **more)
        except BufferError:
            # The queue is full: the broker is slower than we are, so we wait for it.
            producer.flush(CALL_TIMEOUT_S)
            self._call(lambda: producer.produce(topic, value, key, partition, **more))
        except KafkaException as exception:
            raise classify(exception) from exception

    def _report(self, delivered: Delivered | None) -> Callable[[object, Message], None]:
        # One delivery report a transaction is enough to know the broker's time.
        witness = self._sending() if self._first else None
        self._first = False

        def report(error: object, message: Message) -> None:
            if error is None and witness is not None:
                witness(message)
            offset = message.offset()
            if error is None and offset is not None and delivered is not None:
                delivered(offset)

        return report

    def send_offsets(self, offsets: Iterable[TopicPartition], group_metadata: object) -> None:
        producer = self.producer
        self._call(
            lambda: self._bounded(
                lambda: producer.send_offsets_to_transaction(list(offsets), group_metadata, CALL_TIMEOUT_S)
            )
        )

    def commit(self, meanwhile: Meanwhile = lambda: False) -> None:
        """Raises Rewind, Rejoin, UnknownResult or Fenced; returning means committed.

        `meanwhile` is called again and again until the broker has answered, or it has nothing more to do.
        """
        producer = self.producer
        self._call(lambda: self._bounded(lambda: producer.commit_transaction(CALL_TIMEOUT_S), meanwhile))

    def abort(self) -> None:
        """Raises UnknownResult or Fenced."""
        try:
            self._call(lambda: self.producer.abort_transaction(CALL_TIMEOUT_S))
        except Rewind as exception:
            raise UnknownResult(str(exception)) from exception

    @staticmethod
    def _call(call: Callable[[], object]) -> None:
        try:
            call()
        except KafkaException as exception:
            raise classify(exception) from exception
        except BufferError as exception:
            raise UnknownResult(f"the producer's queue stays full: {exception}") from exception

    def close(self) -> None:
        """The member ends."""
        self._bounded.close()
        self._producers = []
