"""Topics as the map wants them: compare with the cluster, create what is missing, change nothing.

A topic that differs is *drift*: reported, never repaired by this program, because every repair is a decision
(a changed retention deletes records, a changed partition count moves users away from their state).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from streams.runtime.deadline import Deadline
from streams.topology import DEFAULT_PARTITIONS, REQUESTS, Topic, topics

TIMEOUT_S = 30.0
ANSWER_S = 5.0  # a broker that is there answers within a second
AGAIN_S = 0.1
MAX_REPLICATION = 3

# The client drops what it has asked of a node that its next metadata do not name: nodes of a cluster that has just
# started hear of each other one after the other. The node may do what it was asked all the same.
LET_GO = KafkaError._DESTROY_BROKER

# What is answered about a partition whose leader has just been elected, or moved.
LEADER_MOVES = {
    KafkaError._NOENT,  # librdkafka found no leader of any: the topics were made a moment ago
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
    LET_GO,  # and what is not answered at all, for the same reason
}

Action = Literal["create", "created", "ok", "drift"]


class PartitionsFixedError(Exception):
    """Another partition count was asked for than the topics have; nothing was created."""

    def __init__(self, topic: str, has: int, wanted: int) -> None:
        super().__init__(
            f"{topic} has {has} partitions, {wanted} were asked for. State, timers and open calls live in the "
            "partition that a user's key hashes to, so another count would part users from their reminders. "
            f"Use --partitions {has}; what it takes to change it is in streams/reminders/adding-partitions.md."
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing of a topic that is not as the map wants it."""

    what: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.what} is {self.found}, wanted {self.wanted}"


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """What is to be done about one topic; `partitions` and `replication` as wanted."""

    topic: Topic
    action: Action
    partitions: int
    replication: int
    config: Mapping[str, str]
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as the cluster has it; `replication` is that of its least replicated partition."""

    partitions: int
    replication: int
    config: Mapping[str, str]


def admin_client(config: Mapping[str, str]) -> AdminClient:
    """An admin client that leaves the telling of errors to us: librdkafka would print its own on stderr."""
    return AdminClient({**config, "log_level": 0, "socket.timeout.ms": 10_000})


def wanted_config(topic: Topic, replication: int) -> dict[str, str]:
    """The topic's settings; with three replicas two must have a record before it is acknowledged."""
    config = topic.config()
    if replication >= 3:
        config["min.insync.replicas"] = "2"
    return config


def compare(
    found: Mapping[str, FoundTopic], wanted: Iterable[Topic], partitions: int, replication: int
) -> list[TopicPlan]:
    """What creating `wanted` would mean on a cluster that has `found`. Pure."""
    plans = []
    for topic in wanted:
        config = wanted_config(topic, replication)
        here = found.get(topic.name)
        if here is None:
            plans.append(TopicPlan(topic, "create", partitions, replication, config))
            continue
        differences = []
        if here.partitions != partitions:
            differences.append(Difference("partitions", str(partitions), str(here.partitions)))
        if here.replication != replication:
            differences.append(Difference("replication", str(replication), str(here.replication)))
        differences += [
            Difference(name, value, here.config.get(name, "unset"))
            for name, value in config.items()
            if here.config.get(name) != value
        ]
        action: Action = "drift" if differences else "ok"
        plans.append(TopicPlan(topic, action, partitions, replication, config, tuple(differences)))
    return plans


def find(admin: AdminClient, names: Iterable[str], timeout_s: float = TIMEOUT_S) -> dict[str, FoundTopic]:
    """Those of `names` that exist. Raises KafkaException."""
    deadline = Deadline(timeout_s)
    while True:
        try:
            return _find(admin, list(names), deadline)
        except KafkaException as exception:
            # Nodes hear of a new topic one after the other: one has listed it, another may not know its settings.
            soon = exception.args[0].code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, LET_GO)
            if not soon or deadline.passed:
                raise
            time.sleep(AGAIN_S)


def _find(admin: AdminClient, names: list[str], deadline: Deadline) -> dict[str, FoundTopic]:
    metadata = admin.list_topics(timeout=min(ANSWER_S, deadline.left_s()))
    here = [name for name in names if name in metadata.topics and metadata.topics[name].error is None]
    if not here:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in here]
    asked = admin.describe_configs(resources, request_timeout=max(1.0, deadline.left_s()))
    found = {}
    for resource, future in asked.items():
        entries: dict[str, Any] = future.result()
        topic = metadata.topics[resource.name]
        found[resource.name] = FoundTopic(
            len(topic.partitions),
            min(len(p.replicas) for p in topic.partitions.values()),
            {name: entry.value for name, entry in entries.items()},
        )
    return found


def plan(
    admin: AdminClient,
    partitions: int | None = None,
    replication: int | None = None,
    wanted: Iterable[Topic] | None = None,
) -> list[TopicPlan]:
    """Compare the map with the cluster.

    Not given, `partitions` is what the topics have already (else 8), `replication` what the cluster allows up
    to three. Raises KafkaException.
    """
    wanted = list(topics() if wanted is None else wanted)
    found = find(admin, [t.name for t in wanted])
    if partitions is None:
        some = found.get(REQUESTS.name) or next(iter(found.values()), None)
        partitions = some.partitions if some else DEFAULT_PARTITIONS
    if replication is None:
        replication = min(MAX_REPLICATION, len(admin.list_topics(timeout=ANSWER_S).brokers))
    return compare(found, wanted, partitions, replication)


def apply(
    admin: AdminClient,
    partitions: int | None = None,
    replication: int | None = None,
    wanted: Iterable[Topic] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> list[TopicPlan]:
    """Create what is missing and return when every new partition has a leader; drift is only reported.

    Doing it twice, or from two places at once, is harmless. Raises PartitionsFixedError before anything is
    created, KafkaException when the cluster refuses or cannot be reached in `timeout_s`.
    """
    deadline = Deadline(timeout_s)
    plans = plan(admin, partitions, replication, wanted)
    for topic in plans:
        for difference in topic.differences:
            if difference.what == "partitions":
                raise PartitionsFixedError(topic.topic.name, int(difference.found), topic.partitions)
    missing = [p for p in plans if p.action == "create"]
    if not missing:
        return plans
    new = [
        NewTopic(
            p.topic.name,
            num_partitions=p.partitions,
            replication_factor=p.replication,
            config=dict(p.config),
        )
        for p in missing
    ]
    while not _create(admin, new, deadline):
        if deadline.passed:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no node makes the topics"))
        time.sleep(AGAIN_S)
    _wait_for_leaders(admin, {p.topic.name: p.partitions for p in missing}, deadline)
    made = {p.topic.name for p in missing}
    return [
        TopicPlan(p.topic, "created", p.partitions, p.replication, p.config) if p.topic.name in made else p
        for p in plans
    ]


def _create(admin: AdminClient, wanted: list[NewTopic], deadline: Deadline) -> bool:
    """Make those that are not there yet; False when it is not known of all whether they were made."""
    known = True
    for future in admin.create_topics(wanted, request_timeout=max(1.0, deadline.left_s())).values():
        try:
            future.result()
        except KafkaException as error:
            code = error.args[0].code()
            if code not in (KafkaError.TOPIC_ALREADY_EXISTS, LET_GO):
                raise
            known = known and code != LET_GO
    return known


def _wait_for_leaders(admin: AdminClient, wanted: Mapping[str, int], deadline: Deadline) -> None:
    """Return when every partition can be read and written. That its leader is known says less: on a busy disk the
    broker that is named has yet to make its log, seconds later."""
    while True:
        found = admin.list_topics(timeout=max(1.0, deadline.left_s())).topics
        known = all(
            name in found and sum(p.leader >= 0 for p in found[name].partitions.values()) == count
            for name, count in wanted.items()
        )
        if known and _lead(admin, wanted, deadline):
            return
        if deadline.passed:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "new topics have no leaders yet"))
        time.sleep(0.05)


def _lead(admin: AdminClient, wanted: Mapping[str, int], deadline: Deadline) -> bool:
    """Does the leader of each partition answer as such?"""
    asked = {
        TopicPartition(name, n): OffsetSpec.latest() for name, count in wanted.items() for n in range(count)
    }
    answers = admin.list_offsets(asked, request_timeout=max(1.0, deadline.left_s()))
    try:
        return all(future.result().offset != OFFSET_INVALID for future in answers.values())
    except KafkaException as error:
        if error.args[0].code() not in LEADER_MOVES:
            raise
        return False
