"""Topics and consumer groups that stand where a test wants them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from connectors.kafka.topics import _wait_for_leaders, admin_client
from connectors.lag.snapshot import Place
from streams.runtime.deadline import Deadline
from tests.waiting import until


@dataclass
class Groups:
    """What a test makes on a broker; every name is its own."""

    bootstrap: str
    name: str = field(default_factory=lambda: f"lag-{uuid.uuid4().hex[:8]}")
    members: list[Consumer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.config = {"bootstrap.servers": self.bootstrap}
        self.admin: AdminClient = admin_client(self.config)

    def topic(self, partitions: int, suffix: str = "t") -> str:
        topic = f"{self.name}.{suffix}"
        for made in self.admin.create_topics([NewTopic(topic, partitions, 1)]).values():
            made.result(20)
        _wait_for_leaders(self.admin, {topic: partitions}, Deadline(20))
        return topic

    def producer(self, transactional: bool = False) -> Producer:
        more: dict[str, Any] = {"linger.ms": 0}
        if transactional:
            more |= {"transactional.id": f"{self.name}.{uuid.uuid4().hex[:4]}", "retry.backoff.ms": 1}
        producer = Producer({**self.config, **more})
        if transactional:
            producer.init_transactions(20)
        return producer

    def produce(self, topic: str, counts: Sequence[int], timestamp_ms: int = 0) -> None:
        """So many records in each partition, outside any transaction."""
        producer = self.producer()
        for partition, count in enumerate(counts):
            for _ in range(count):
                producer.produce(topic, b"x", partition=partition, timestamp=timestamp_ms)
        assert producer.flush(20) == 0

    def commit(self, group: str, offsets: Mapping[Place, int]) -> None:
        """As a group without members commits."""
        places = [TopicPartition(*place, at) for place, at in offsets.items()]
        asked = self.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])
        asked[group].result(20)

    def commit_as(self, member: Consumer, offsets: Mapping[Place, int]) -> None:
        """As that member commits."""
        member.commit(
            offsets=[TopicPartition(*place, at) for place, at in offsets.items()], asynchronous=False
        )

    def join(self, group: str, topic: str, protocol: str) -> Consumer:
        """A member that owns every partition of `topic` and commits only what it is told to."""
        consumer = Consumer(
            {
                **self.config,
                "group.id": group,
                "group.protocol": protocol,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        self.members.append(consumer)
        consumer.subscribe([topic])
        wanted = len(self.admin.list_topics(topic, timeout=10).topics[topic].partitions)

        def owns() -> bool:
            consumer.poll(0.05)
            return len(consumer.assignment()) == wanted

        until(owns, f"{group} owns the partitions of {topic}")
        return consumer

    def close(self) -> None:
        for member in self.members:
            member.close()


def readable(bootstrap: str, topic: str, partition: int, first: int) -> int:
    """The oracle: a read-committed consumer that shares nothing with the exporter counts what it gets."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "lag-oracle",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic, partition, first if first >= 0 else OFFSET_BEGINNING)])
    count, end_s = 0, time.monotonic() + 30
    try:
        while True:
            assert time.monotonic() < end_s, "the end was not reached"
            message = consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is None:
                count += 1
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                return count
    finally:
        consumer.close()
