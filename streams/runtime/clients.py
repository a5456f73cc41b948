"""What the loop needs of Kafka; `connectors/kafka/clients.py` makes them with the settings that were measured."""

from __future__ import annotations

from typing import Any, Protocol

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient


class Clients(Protocol):
    """Factory of configured clients. None of its methods waits for a broker."""

    group_protocol: str  # "classic" or "consumer" (KIP-848)

    def group_consumer(self, group: str, member: str) -> Consumer:
        """Member `member` of `group`: read committed, no auto commit, range assignor, end of partition reported."""

    def log_reader(self) -> Consumer:
        """A consumer without a group for `assign`, read committed: changelogs that somebody waits for."""

    def log_follower(self) -> Consumer:
        """The same for who follows a log, and for whom it is no matter how soon its end is told."""

    def transactional_producer(self, transactional_id: str) -> Producer: ...

    def plain_producer(self) -> Producer:
        """Idempotent, acks=all, outside any transaction: for evidence."""

    def admin(self) -> AdminClient: ...


class Codec(Protocol):
    """The wire format of topics (schemas.codec) as the loop uses it."""

    def encode(self, topic: str, name: str, record: Any) -> bytes: ...

    def decode(
        self, topic: str, data: bytes, name: str | None, timestamp_ms: int
    ) -> tuple[str, dict[str, Any]]:
        """The record's Avro name and value. Raises Poison for garbage, Hold for a schema we do not know yet."""

    def wake_at(self, topic: str, data: bytes) -> int | None:
        """The timer in a value of a changelog, without reading all of it. Raises as `decode`."""
