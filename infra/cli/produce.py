"""Writing a few records for a person: every one is acknowledged before a command says that it is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.kafka.browse import ANSWER_S, UnknownTopicError
from streams.runtime.fatal import fatal_errors_as_they_are
from streams.topology import PARTITIONER

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class ToWrite:
    """`partition` None: where the key belongs."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None


def write(
    config: Mapping[str, str], records: Iterable[ToWrite], timeout_s: float = TIMEOUT_S
) -> list[tuple[int, int]]:
    """Partition and offset of each record. Raises UnknownTopicError before, KafkaException after writing any."""
    records = list(records)
    producer = Producer(
        {
            **config,
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": PARTITIONER,
            "message.timeout.ms": int(timeout_s * 1000),
            "message.max.bytes": 2_000_000,
            "linger.ms": 0,
            "log_level": 0,
        }
    )
    # A producer would ask the broker to create a topic that is not there, with the broker's own settings.
    known = producer.list_topics(timeout=ANSWER_S).topics
    for topic in {r.topic for r in records} - set(known):
        raise UnknownTopicError(topic)
    places: list[tuple[int, int]] = [(-1, -1)] * len(records)
    failed: list[KafkaError] = []

    with fatal_errors_as_they_are():  # such as the right to write nowhere
        for index, record in enumerate(records):

            def delivered(error: KafkaError | None, message: Message, index: int = index) -> None:
                if error is not None:
                    failed.append(error)
                else:
                    places[index] = (int(message.partition() or 0), int(message.offset() or 0))

            producer.produce(
                record.topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                on_delivery=delivered,
                partition=-1 if record.partition is None else record.partition,  # -1: librdkafka's "any"
            )
            producer.poll(0)
        left = producer.flush(timeout_s + 1)
    if failed or left:
        raise KafkaException(failed[0] if failed else KafkaError(KafkaError._TIMED_OUT, "not acknowledged"))
    return places
