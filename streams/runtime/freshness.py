"""`Look`: how a step learns that it has seen everything that was written until now.

"Not cancelled" means something only if the cancel would have been read by now. A `Look` is answered when the
partition's position on `topics` has passed a high watermark that was sampled after the look was asked for. The
watermark is sampled *uncommitted*: the last stable offset would not cover a cancel whose transaction marker is
late. Markers hold no records, so only the end-of-partition event tells that a reader has passed them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

SAMPLE_TIMEOUT_S = 5.0
REFRESH_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """Effect: answer with the time (epoch ms) of a sample that the reader has passed. `about` is the asker's."""

    about: Any
    topics: tuple[str, ...]


@dataclass(slots=True)
class Sample:
    """High watermarks of some partitions, asked for at `asked_ms`."""

    asked_ms: int
    futures: Mapping[TopicPartition, Future[ListOffsetsResultInfo]]
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    settled: bool = False
    admin: AdminClient | None = None

    def done(self) -> bool:
        """Have all answers come? A failed one leaves its partition out, and it is asked for again."""
        return all(future.done() for future in self.futures.values())

    def settle(self) -> None:
        """Read the answers, once they are there. To call it again does nothing."""
        if self.settled:
            return
        self.settled = True
        failed = set()
        for partition, future in self.futures.items():
            # While a partition has no leader the client answers without an error, and with no offset (-1001). Taken
            # for an end, everything would lie behind it: a state restored from nothing, a cancel overlooked.
            if future.exception() is None and (offset := future.result().offset) >= 0:
                self.ends[partition.topic, partition.partition] = offset
            else:
                failed.add(partition.topic)
        if self.admin is not None:
            # The admin client does not refresh what it knows of leaders by itself: after a broker's restart it would
            # be answered FENCED_LEADER_EPOCH for ever.
            for topic in failed:
                with contextlib.suppress(KafkaException):
                    self.admin.list_topics(topic, timeout=REFRESH_TIMEOUT_S)

    def passed(self, topics: Iterable[str], partition: int, positions: Mapping[str, int]) -> bool:
        """Has the reader reached the sampled end of each topic?"""
        return all(
            (topic, partition) in self.ends and positions.get(topic, -1) >= self.ends[topic, partition]
            for topic in topics
        )


def sample(
    admin: AdminClient, partitions: Iterable[tuple[str, int]], now_ms: int, spec: OffsetSpec | None = None
) -> Sample:
    """Ask for the high watermarks of `partitions`, or for what `spec` says; returns at once."""
    asked = spec or OffsetSpec.latest()
    request = {TopicPartition(topic, number): asked for topic, number in partitions}
    futures = admin.list_offsets(
        request, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=SAMPLE_TIMEOUT_S
    )
    return Sample(now_ms, futures, admin=admin)
