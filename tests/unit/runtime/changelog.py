"""A changelog in memory, as its reader and the admin client show it. Answers come at once, unless `away`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.topology import DAY_MS, Stage, Topic

STAGE = Stage("x", (Topic("x.in", "user", "ReminderEvent", 7 * DAY_MS),), (), "tests")


class Message(NamedTuple):
    """What a consumer hands out."""

    number: int
    at: int
    name: bytes
    stored: bytes | None
    trouble: KafkaError | None = None

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.at

    def key(self) -> bytes:
        return self.name

    def value(self) -> bytes | None:
        return self.stored

    def error(self) -> KafkaError | None:
        return self.trouble


class Changelog:
    """Plays the cluster, `Clients`, its readers and the admin client. `late`: records whose marker is not yet there."""

    def __init__(self, partitions: int) -> None:
        self.records: list[list[Message]] = [[] for _ in range(partitions)]
        self.lows = [0] * partitions
        self.late = 0
        self.topic_id = "first"
        self.away = False
        self.fatal = False
        self.positions: dict[int, int] = {}
        self.assigned: list[tuple[int, int]] = []
        self.readers = 0

    def write(self, number: int, key: str, value: bytes | None) -> None:
        records = self.records[number]
        records.append(Message(number, self.lows[number] + len(records), key.encode(), value))

    def end(self, number: int) -> int:
        return self.lows[number] + len(self.records[number])

    # as `Clients`

    def log_reader(self) -> Any:
        self.readers += 1
        self.fatal = False
        return self

    def log_follower(self) -> Any:
        return self.log_reader()

    # as a consumer

    def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            assert partition.partition not in self.positions, "assigned twice"
            self.positions[partition.partition] = partition.offset
            self.assigned.append((partition.partition, partition.offset))

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        for partition in partitions:
            del self.positions[partition.partition]

    def consume(self, limit: int, _timeout_s: float) -> list[Message]:
        if self.fatal:
            return [Message(0, 0, b"", None, KafkaError(KafkaError._FATAL, "on request", fatal=True))]
        found: list[Message] = []
        for number, position in self.positions.items():
            low, stable = self.lows[number], self.end(number) - self.late
            start = position if low <= position <= self.end(number) else low
            found += self.records[number][start - low : min(stable - low, start - low + limit - len(found))]
            if found and found[-1].number == number:
                self.positions[number] = found[-1].at + 1
        return found

    def close(self) -> None:
        self.positions.clear()

    # as an admin client

    def list_offsets(
        self, asked: dict[TopicPartition, OffsetSpec], **_: object
    ) -> dict[TopicPartition, Future[Any]]:
        latest = OffsetSpec.latest()
        return {
            partition: self._answer(
                SimpleNamespace(
                    offset=self.end(partition.partition) if spec is latest else self.lows[partition.partition]
                )
            )
            for partition, spec in asked.items()
        }

    def describe_topics(self, _names: object, **_: object) -> dict[str, Future[Any]]:
        return {"x.changelog": self._answer(SimpleNamespace(topic_id=self.topic_id, partitions=self.records))}

    def describe_cluster(self, **_: object) -> Future[Any]:
        return self._answer(SimpleNamespace(cluster_id="cluster"))

    def list_topics(self, *_: object, **__: object) -> None: ...

    def _answer(self, answer: object) -> Future[Any]:
        future: Future[Any] = Future()
        if self.away:
            future.set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT, "on request")))
        else:
            future.set_result(answer)
        return future
