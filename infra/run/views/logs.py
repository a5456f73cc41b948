"""What the cluster says of the topics that are read: which they are, and from where to where their logs go."""

from __future__ import annotations

from typing import NamedTuple

from connectors.kafka.browse import Place, UnknownTopicError, ends, offsets
from connectors.kafka.topics import admin_client, find
from streams.topology import VIEWS


class Logs(NamedTuple):
    """As of one moment. `ids`: topic → its id, another one when it was made anew; `begins`, `ends`: the first offset
    that is kept of each partition, and where a read-committed reader comes to."""

    ids: dict[str, str]
    begins: dict[Place, int]
    ends: dict[Place, int]


def logs_now(config: dict[str, str]) -> Logs:
    """Ask the cluster. Blocks for seconds at most. Raises KafkaException, UnknownTopicError."""
    from confluent_kafka import TopicCollection
    from confluent_kafka.admin import OffsetSpec

    admin = admin_client(config)
    names = [topic.name for topic in VIEWS.reads]
    there = find(admin, names)
    for name in names:
        if name not in there:
            raise UnknownTopicError(name)
    described = admin.describe_topics(TopicCollection(names))
    ids = {name: str(future.result(10).topic_id) for name, future in described.items()}
    places = [(name, number) for name in names for number in range(there[name].partitions)]
    return Logs(ids, offsets(admin, places, OffsetSpec.earliest()), ends(admin, places))
