"""Kafka clients with the settings that decide between 10 and 350 transactions a second.

Each setting that is not librdkafka's default has its reason beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient

from connectors.repeats import Repeats
from streams.access import LOG_READER
from streams.topology import PARTITIONER

log = logging.getLogger("ringback.kafka")

# The broker ends a dead member's transaction when it is this old; until then readers see nothing behind it.
TRANSACTION_TIMEOUT_MS = 3_000
# A dead member's partitions move after this long. The broker's minimum must allow it.
SESSION_TIMEOUT_MS = 6_000

# Whoever follows a log asks each broker so often when there is nothing new. With the 10 ms of those who wait for its
# end every standby would ask each broker 100 times a second.
FOLLOWER_WAIT_MS = 500


class KafkaClients:
    """Clients of one cluster. `security` holds librdkafka settings (security.protocol, sasl.*, ssl.*)."""

    def __init__(
        self,
        bootstrap_servers: str,
        security: Mapping[str, str] | None = None,
        group_protocol: str = "classic",
    ) -> None:
        if group_protocol not in ("classic", "consumer"):
            raise ValueError(f"group protocol must be classic or consumer, not {group_protocol!r}")
        self.group_protocol = group_protocol
        self._base: dict[str, Any] = {
            "bootstrap.servers": bootstrap_servers,
            **(security or {}),
            # A broker that comes back is found within half a second, not after ten.
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "log_level": 2,  # what matters comes through error_cb
            "error_cb": _log_error,
        }

    def group_consumer(self, group: str, member: str) -> Consumer:
        config = {
            **self._base,
            **_READER,
            "group.id": group,
            # Static membership: a member that is back within the session timeout causes no rebalance.
            "group.instance.id": member,
            "group.protocol": self.group_protocol,
            # Each empty answer costs an idle member some 50 us; how soon the end of a partition is told hangs on it.
            "fetch.wait.max.ms": 20,
        }
        if self.group_protocol == "classic":
            # Co-partitioned topics need range: the sticky assignors split partition numbers between members.
            config["partition.assignment.strategy"] = "range"
            config["session.timeout.ms"] = SESSION_TIMEOUT_MS
            # A member hears of a rebalance at its next heartbeat: the mean of it is lateness at each of them.
            config["heartbeat.interval.ms"] = 300
        else:
            config["group.remote.assignor"] = "range"
        return Consumer(config)

    def log_reader(self) -> Consumer:
        # librdkafka wants a group id even where no group is joined; nothing is ever committed under it.
        return Consumer({**self._base, **_READER, "group.id": LOG_READER})

    def log_follower(self) -> Consumer:
        # Records come as soon as before: only an answer without any waits.
        return Consumer(
            {**self._base, **_READER, "group.id": LOG_READER, "fetch.wait.max.ms": FOLLOWER_WAIT_MS}
        )

    def transactional_producer(self, transactional_id: str) -> Producer:
        return Producer(
            {
                **self._base,
                **_WRITER,
                # The few records of a small transaction go to two dozen partitions, each in a request of its own:
                # to unpack them costs the broker half of the time that the commit takes.
                "compression.type": "none",
                "transactional.id": transactional_id,
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
                "message.timeout.ms": TRANSACTION_TIMEOUT_MS,
                # The broker still writes the last transaction's markers when the next begins and answers
                # CONCURRENT_TRANSACTIONS: with the default back-off of 100 ms that costs 100 ms each time.
                "retry.backoff.ms": 1,
                "retry.backoff.max.ms": 20,
            }
        )

    def plain_producer(self) -> Producer:
        # Below the 15 s after which the carrier gives a webhook up.
        return Producer({**self._base, **_WRITER, "enable.idempotence": True, "message.timeout.ms": 10_000})

    def admin(self) -> AdminClient:
        return AdminClient(dict(self._base))


_READER: dict[str, Any] = {
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    # How far a read-committed reader is, markers included, is known from the end of the partition alone.
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 10,
    "fetch.error.backoff.ms": 50,
    # What is fetched ahead takes three times its size in memory, and is seldom given back: 64 MB by default.
    "queued.max.messages.kbytes": 4_096,
    "allow.auto.create.topics": False,
}
_WRITER: dict[str, Any] = {
    "acks": "all",
    "partitioner": PARTITIONER,
    # 0: a transaction is flushed at its commit anyway, and lingering would be added to each one.
    "linger.ms": 0,
    "compression.type": "lz4",
}


_repeats = Repeats()


def _log_error(error: KafkaError) -> None:
    if _repeats.says(error.name()):
        log.warning("kafka: %s: %s", error.name(), error.str())
