"""The loop that the other one is held against: an honest transaction, and nothing else.

It reads one record, produces what the stage would, sends the offset with the group's metadata and commits; the
clients are the very ones of the loop (measured.md's settings). It rewinds nothing, keeps no state, hands nothing
over and knows no dead letters.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from confluent_kafka import TopicPartition

from connectors.kafka.clients import KafkaClients

Feed = Callable[[], None]


class Bare:
    """`writes`: (topic, value) of each record that one hop produces."""

    def __init__(
        self, clients: KafkaClients, group: str, topic: str, writes: list[tuple[str, bytes]]
    ) -> None:
        self._writes = writes
        self._consumer = clients.group_consumer(group, "bare")
        self._producer = clients.transactional_producer(f"{group}.bare")
        self._consumer.subscribe([topic])
        self._producer.init_transactions(30)

    def run(self, hops: int, feed: Feed) -> list[float]:
        """Milliseconds of each hop. `feed` writes the next record to the input."""
        consumer, producer = self._consumer, self._producer
        took: list[float] = []
        feed()
        while len(took) < hops:
            message = consumer.poll(0.1)
            if message is None or message.error():
                continue
            begin = time.perf_counter()
            producer.begin_transaction()
            for topic, value in self._writes:
                producer.produce(topic, value, message.key(), partition=0)
            offset = (message.offset() or 0) + 1
            next_offset = TopicPartition(message.topic() or "", message.partition() or 0, offset)
            metadata = consumer.consumer_group_metadata()
            producer.send_offsets_to_transaction([next_offset], metadata, 5.0)
            producer.commit_transaction(5.0)
            took.append((time.perf_counter() - begin) * 1000)
            feed()
        return took

    def close(self) -> None:
        self._consumer.close()
