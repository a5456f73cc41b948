"""A little of everything that Ringback asks of a broker, for the JVM to learn from (runtime.py)."""

from __future__ import annotations

import contextlib

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.cluster.errors import ChildFailed
from infra.cluster.readiness import QUIET

TOPIC, OUTPUT = "training.input", "training.output"
TRANSACTIONS = 200
DEADLINE_S = 20.0


def exercise(bootstrap_servers: str) -> None:
    """Create topics, then consume, process and produce in transactions, with both group protocols.

    Raises ChildFailed when the broker does not do it in time.
    """
    try:
        admin = AdminClient({**QUIET, "bootstrap.servers": bootstrap_servers})
        for created in admin.create_topics([NewTopic(name, 8, 1) for name in (TOPIC, OUTPUT)]).values():
            created.result(DEADLINE_S)
        producer = Producer({**QUIET, "bootstrap.servers": bootstrap_servers, "acks": "all"})
        for number in range(TRANSACTIONS * 10):
            producer.produce(TOPIC, key=str(number), value=b"x" * 200)
        producer.flush(DEADLINE_S)
        _transactions(bootstrap_servers, "classic")
        _transactions(bootstrap_servers, "consumer")
        for deleted in admin.delete_topics([TOPIC, OUTPUT]).values():
            with contextlib.suppress(KafkaException):
                deleted.result(DEADLINE_S)
    except KafkaException as error:
        raise ChildFailed(f"the broker did not do its training run: {error}") from error


def _transactions(bootstrap_servers: str, protocol: str) -> None:
    consumer = Consumer(
        {
            **QUIET,
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"training-{protocol}",
            "group.protocol": protocol,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    producer = Producer(
        {
            **QUIET,
            "bootstrap.servers": bootstrap_servers,
            "transactional.id": f"training-{protocol}",
            "retry.backoff.ms": 1,
            "retry.backoff.max.ms": 20,
        }
    )
    try:
        consumer.subscribe([TOPIC])
        producer.init_transactions(DEADLINE_S)
        for _ in range(TRANSACTIONS):
            batch = [m for m in consumer.consume(10, 0.5) if m.error() is None]
            if not batch:
                continue
            producer.begin_transaction()
            offsets: dict[tuple[str, int], int] = {}
            for message in batch:
                topic, partition, offset = message.topic(), message.partition(), message.offset()
                assert topic is not None
                assert partition is not None
                assert offset is not None
                producer.produce(OUTPUT, key=message.key(), value=message.value())
                offsets[topic, partition] = offset + 1
            producer.send_offsets_to_transaction(
                [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()],
                consumer.consumer_group_metadata(),
                DEADLINE_S,
            )
            producer.commit_transaction(DEADLINE_S)
    finally:
        consumer.close()
