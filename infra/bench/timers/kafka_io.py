"""What both subjects on Kafka need: acknowledged writes, and how far a group has committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from infra.bench.timers.load import batches
from infra.bench.timers.waiting import until

DELIVERY_S = 60.0
QUEUED = 50_000  # records in the producer before it is given time


class Writer:
    """A producer whose every record is acknowledged when `write` returns."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def write(self, topic: str, records: Iterable[tuple[str, bytes]]) -> None:
        """Key and value of each. Raises KafkaException."""
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failed.append(error)

        produce, poll = self._producer.produce, self._producer.poll
        for batch in batches(records, 1_000):
            for key, value in batch:
                produce(topic, value, key, on_delivery=delivered)
            poll(0)
            while len(self._producer) > QUEUED:
                poll(0.01)
        if self._producer.flush(DELIVERY_S) or failed:
            raise KafkaException(
                failed[0] if failed else KafkaError(KafkaError._TIMED_OUT, "not acknowledged")
            )


def committed(admin: AdminClient, group: str, topic: str) -> int:
    """The sum of the group's committed offsets on a topic that holds no transaction markers: records done with."""
    (future,) = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    found = future.result(10).topic_partitions
    return sum(max(0, place.offset) for place in found if place.topic == topic)


def delete(admin: AdminClient, wanted: Callable[[str], bool], timeout_s: float) -> None:
    """Delete those topics and return when the broker has forgotten them. Raises KafkaException, TimeoutError."""
    there = [name for name in admin.list_topics(timeout=10).topics if wanted(name)]
    if there:
        for future in admin.delete_topics(there).values():
            future.result(timeout_s)
    until(
        lambda: not any(map(wanted, admin.list_topics(timeout=10).topics)), "deleted topics stay", timeout_s
    )
