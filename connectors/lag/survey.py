"""Asks a cluster for everything but records: a handful of requests for any number of partitions.

The offsets of the groups come before the ends of the partitions, so a lag is never negative: it may be too high by what
was written in the milliseconds between, as Kafka's own ConsumerGroupCommand has it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from connectors.kafka.topics import admin_client
from connectors.lag.snapshot import NOT_COMMITTED, Broker, GroupState, Place, Snapshot, TopicState
from streams.runtime.deadline import Deadline

# Of what is left of a scrape, what one answer may take at least.
LEAST_S = 0.1
# librdkafka waits so long for a broker that does not answer, when there is time.
ANSWER_S = 5.0

Answers = Mapping[TopicPartition, "Future[Any]"]


class Survey:
    """Snapshots of one cluster. Not thread-safe."""

    def __init__(self, config: Mapping[str, str], wall_ms: Callable[[], int] | None = None) -> None:
        self._config = dict(config)
        self._admin: AdminClient = admin_client(config)
        self._doubtful = False
        self._wall_ms = wall_ms or (lambda: time.time_ns() // 1_000_000)

    def take(
        self,
        timeout_s: float,
        group: Callable[[str], bool] = lambda _: True,
        topic: Callable[[str], bool] = lambda _: True,
    ) -> Snapshot:
        """What the cluster says now of the groups and topics that are wanted.

        Raises KafkaException when it does not answer in `timeout_s`. What only one partition or one group does not
        answer is None in the snapshot, and counted in its `errors`.
        """
        if self._doubtful:
            # librdkafka may go on waiting for a coordinator that went away and came back; a new client asks anew.
            self._admin = admin_client(self._config)
        self._doubtful = True
        snapshot = self._take(Deadline(timeout_s), group, topic)
        self._doubtful = snapshot.silent
        return snapshot

    def _take(
        self, deadline: Deadline, group: Callable[[str], bool], topic: Callable[[str], bool]
    ) -> Snapshot:
        metadata = self._admin.list_topics(timeout=_left(deadline))
        snapshot = Snapshot(
            self._wall_ms(),
            sorted(
                (Broker(b.id, f"{b.host}:{b.port}") for b in metadata.brokers.values()), key=lambda b: b.id
            ),
            {name: _topic(name, found) for name, found in sorted(metadata.topics.items()) if topic(name)},
            [],
        )
        # Without a leader there is nobody to ask, and librdkafka would wait for one until the timeout.
        places = [
            (name, number)
            for name, state in snapshot.topics.items()
            for number, leader in enumerate(state.leader)
            if leader is not None
        ]
        starts = self._ask(places, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED, deadline)
        # One that does not answer leaves time for the ends.
        snapshot.groups = self._groups(snapshot, group, Deadline(deadline.left_s() / 2))
        snapshot.at_ms = self._wall_ms()
        # The last stable offset first: it is never ahead of the high watermark then.
        stables = self._ask(places, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED, deadline)
        found_stables = _offsets(stables, snapshot, "partition")
        ends = self._ask(places, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED, deadline)
        for figures, attribute in (
            (_offsets(starts, snapshot, "partition"), "start"),
            (found_stables, "stable"),
            (_offsets(ends, snapshot, "partition"), "end"),
        ):
            for name, state in snapshot.topics.items():
                setattr(state, attribute, [figures.get((name, n)) for n in range(state.partitions)])
        return snapshot

    def _ask(
        self, places: Iterable[Place], spec: OffsetSpec, level: IsolationLevel, deadline: Deadline
    ) -> Answers:
        request = {TopicPartition(name, number): spec for name, number in places}
        if not request:
            return {}
        return self._admin.list_offsets(request, isolation_level=level, request_timeout=_left(deadline))

    def _groups(
        self, snapshot: Snapshot, wanted: Callable[[str], bool], deadline: Deadline
    ) -> list[GroupState]:
        listed = self._admin.list_consumer_groups(request_timeout=_left(deadline)).result()
        for error in listed.errors or ():
            # A coordinator that does not answer: its groups are absent.
            snapshot.missed("groups", f"some groups are not listed: {error}", _silent(error))
        groups = [
            GroupState(found.group_id, _word(found, "state"), _word(found, "type"))
            for found in sorted(listed.valid or (), key=lambda found: found.group_id)
            if wanted(found.group_id)
        ]
        if not groups:
            return []
        committed = {
            group.name: self._admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group.name)], request_timeout=_left(deadline)
            )[group.name]
            for group in groups
        }
        described = self._admin.describe_consumer_groups(
            [group.name for group in groups], request_timeout=_left(deadline)
        )
        for group in groups:
            try:
                _describe(group, described[group.name].result())
            except KafkaException as error:
                why = f"group {group.name} is not described: {error}"
                snapshot.missed("group", why, _silent(error))
            try:
                _commits(group, committed[group.name].result().topic_partitions, snapshot)
            except KafkaException as error:
                why = f"the offsets of group {group.name} are not known: {error}"
                snapshot.missed("group", why, _silent(error))
        return groups


def _silent(error: object) -> bool:
    """Has nobody answered (librdkafka's own errors), rather than refused? A KafkaError, or a KafkaException of one."""
    cause = error.args[0] if isinstance(error, KafkaException) and error.args else error
    return isinstance(cause, KafkaError) and cause.code() < 0


def _left(deadline: Deadline) -> float:
    return max(LEAST_S, min(ANSWER_S, deadline.left_s()))


def _word(found: Any, name: str) -> str:
    """`PREPARING_REBALANCING` as `preparing_rebalancing`; a word that this client does not know as `unknown`."""
    value = getattr(found, name, None)
    return str(value.name).lower() if value is not None else "unknown"


def _topic(name: str, found: Any) -> TopicState:
    partitions = [found.partitions[number] for number in sorted(found.partitions)]
    return TopicState(
        name,
        [each.leader if each.leader >= 0 else None for each in partitions],
        [len(each.replicas) for each in partitions],
        [len(each.isrs) for each in partitions],
        [int(bool(each.replicas) and each.leader == each.replicas[0]) for each in partitions],
    )


def _describe(group: GroupState, found: Any) -> None:
    group.state = _word(found, "state")
    group.protocol = _word(found, "type")
    group.members = len(found.members)
    group.assigned = {
        (str(place.topic), place.partition)
        for member in found.members
        for place in member.assignment.topic_partitions
    }


def _commits(group: GroupState, places: Iterable[TopicPartition], snapshot: Snapshot) -> None:
    topics = snapshot.topics
    committed: dict[str, list[int | None]] = {}
    notes: dict[Place, str] = {}
    for place in places:
        topic, number, offset = place.topic, place.partition, place.offset
        state = topics.get(topic)
        if state is None or number >= state.partitions:
            continue  # a topic that is no more, or not wanted
        offsets = committed.get(topic)
        if offsets is None:
            offsets = committed[topic] = [NOT_COMMITTED] * state.partitions
        if place.error is not None:
            offsets[number] = None
            snapshot.missed("group", f"the offset of a group in {topic}/{number} is not known: {place.error}")
        else:
            offsets[number] = offset if offset >= 0 else NOT_COMMITTED
            if place.metadata:
                notes[topic, number] = place.metadata
    group.committed = {topic: committed[topic] for topic in sorted(committed)}
    group.notes = notes


def _offsets(answers: Answers, snapshot: Snapshot, what: str) -> dict[Place, int]:
    found: dict[Place, int] = {}
    last: KafkaException | None = None
    for place, answer in answers.items():
        try:
            found[place.topic, place.partition] = answer.result().offset
        except KafkaException as error:
            # No leader, or one that moves: the next page knows more.
            why = f"the offsets of {place.topic}/{place.partition} are not known: {error}"
            snapshot.missed(what, why, _silent(error))
            last = error
    if last is not None and not found:
        raise last  # not a word about any of them: the cluster is away
    return found
