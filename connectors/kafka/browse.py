"""Looking into topics: bounded, read-committed reading for people, outside any consumer group.

Nothing here commits an offset or joins a group, so looking never moves a stage.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_INVALID,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from connectors.kafka.topics import LEADER_MOVES, admin_client
from streams.access import BROWSER
from streams.runtime.deadline import Deadline

Place = tuple[str, int]
"""A topic and a partition number."""

POLL_S = 0.1
ANSWER_S = 5.0  # a broker that is there answers within a second, a wide-area one too
RETRY_S = 0.05
# The nodes of a cluster hear of a new topic one after the other: one that does not know it is asked again so long.
HEARD_S = 1.0
BEGINNING: int = OFFSET_BEGINNING


class UnknownTopicError(Exception):
    """The cluster has no such topic."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"there is no topic {topic}; `ringback topics apply` creates those of the map")


@dataclass(frozen=True, slots=True)
class Found:
    """A record as it lies in the log. `timestamp_ms` is the broker's, or the producer's where it sets it."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()

    @property
    def place(self) -> str:
        """`partition@offset`: how a record is named where its topic is known."""
        return f"{self.partition}@{self.offset}"


def murmur2(data: bytes) -> int:
    """MurmurHash2 with Kafka's seed, as `org.apache.kafka.common.utils.Utils.murmur2`; 32 bits, unsigned."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Where Java's default partitioner, and ours, put a record with this key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def reader(config: Mapping[str, str]) -> Consumer:
    """A consumer for `assign`, read committed, that reports the end of partitions and prints nothing itself."""
    return Consumer(
        {
            **config,
            "group.id": BROWSER,  # librdkafka wants one; it is never used
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": False,
            "fetch.wait.max.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        }
    )


def places(consumer: Consumer, topics: Iterable[str], timeout_s: float = ANSWER_S) -> list[Place]:
    """Every partition of `topics`. Raises UnknownTopicError, KafkaException."""
    topics, deadline = list(topics), Deadline(HEARD_S)
    while True:
        found = consumer.list_topics(timeout=timeout_s).topics
        unknown = next((name for name in topics if name not in found or found[name].error is not None), None)
        if unknown is None:
            return [(name, number) for name in topics for number in sorted(found[name].partitions)]
        if deadline.passed:
            raise UnknownTopicError(unknown)
        time.sleep(RETRY_S)


def offsets(
    admin: AdminClient,
    wanted: Collection[Place],
    spec: OffsetSpec,
    committed: bool = True,
    timeout_s: float = ANSWER_S,
) -> dict[Place, int]:
    """One offset of each partition, of what is committed or of everything. Raises KafkaException."""
    deadline = Deadline(timeout_s)
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    left, found = set(wanted), dict[Place, int]()
    while left:
        request = {TopicPartition(topic, number): spec for topic, number in left}
        answers = admin.list_offsets(
            request, isolation_level=level, request_timeout=max(0.1, deadline.left_s())
        )
        for partition, future in answers.items():
            place = (str(partition.topic), partition.partition)
            try:
                offset = future.result().offset
                if offset == OFFSET_INVALID and not deadline.passed:
                    continue  # no leader just now, told without an error
                found[place] = offset
                left.discard(place)
            except KafkaException as error:
                # A leader that has just been elected, or moved, is known everywhere within milliseconds.
                if error.args[0].code() not in LEADER_MOVES or deadline.passed:
                    raise
        if left:
            time.sleep(RETRY_S)
    return found


def ends(
    admin: AdminClient, wanted: Collection[Place], committed: bool = True, timeout_s: float = ANSWER_S
) -> dict[Place, int]:
    """The end of each partition: the last stable offset, or the high watermark with `committed=False`."""
    return offsets(admin, wanted, OffsetSpec.latest(), committed, timeout_s)


def read(
    consumer: Consumer,
    start: Mapping[Place, int],
    until: Mapping[Place, int] | None = None,
    stop: Callable[[], bool] = lambda: False,
    stall_s: float = 30.0,
) -> Iterator[Found]:
    """Records from `start`, as they come: up to the offsets `until` (exclusive), else until `stop()`.

    With `until`, raises KafkaException when nothing at all was heard for `stall_s`; without, it waits through
    a broker's absence for as long as it takes. `stop` is asked at least every 0.1 s.
    """
    consumer.assign([TopicPartition(topic, number, offset) for (topic, number), offset in start.items()])
    open_places = set(start)
    if until is not None:
        # A start of BEGINNING (-2) says nothing about emptiness, so an end of 0 is what proves it.
        open_places = {place for place in start if until[place] > max(start[place], 0)}
    patience = Deadline(stall_s)
    while not stop() and (until is None or open_places):
        message = consumer.poll(POLL_S)
        if message is None:
            if until is not None and patience.passed:
                raise KafkaException(
                    KafkaError(KafkaError._TIMED_OUT, f"nothing was read for {stall_s:.0f} s")
                )
            continue
        place, offset = (str(message.topic()), int(message.partition() or 0)), int(message.offset() or 0)
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            if until is not None and not error.retriable() and error.code() not in _AWAY:
                raise KafkaException(error)
            continue
        patience = Deadline(stall_s)
        if error is not None:
            # Behind the last record there may be transaction markers, which hold no record: only this event
            # tells that they were passed.
            if until is not None and offset >= until[place]:
                open_places.discard(place)
            continue
        if until is not None:
            if offset + 1 >= until[place]:
                open_places.discard(place)
            if offset >= until[place]:
                continue
        yield found(message)


_AWAY = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._TIMED_OUT}


def found(message: Message) -> Found:
    """The parts of librdkafka's message that we show."""
    headers: Any = message.headers() or []  # a list of pairs; the stub allows more than is ever returned
    return Found(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        message.timestamp()[1],
        _bytes(message.key()),
        _bytes(message.value()),
        [(name, _bytes(value) or b"") for name, value in headers],
    )


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def whole(config: Mapping[str, str], topics: Iterable[str]) -> Iterator[Found]:
    """Every committed record that lies in `topics` now, partition by partition as it comes."""
    consumer = reader(config)
    try:
        wanted = places(consumer, topics)
        until = ends(admin_client(config), wanted)
        yield from read(consumer, dict.fromkeys(wanted, BEGINNING), until)
    finally:
        consumer.close()
