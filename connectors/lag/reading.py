"""Carries readings out: one consumer outside any group, which commits nothing, assigned to what is to be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from connectors.lag.backlog import Probe
from connectors.lag.plan import Backlogs, Reading
from connectors.lag.snapshot import Place
from streams.runtime.deadline import Deadline

log = logging.getLogger("ringback.lag")

BATCH = 2_000
POLL_S = 0.02


@dataclass(slots=True)
class _Progress:
    """How far a reading is. For a probe: what it has found."""

    reading: Reading
    end: int
    records: int = 0
    oldest_ms: int | None = None

    def take(self, offset: int, time_ms: int) -> bool:
        """A record; is the reading done with it?"""
        window = self.reading.window
        if window is not None:
            window.take(offset, time_ms)
        elif self.records == 0:
            self.oldest_ms = time_ms
        self.records += 1
        self.end = offset + 1
        return self.end >= self.reading.stop or self.records >= self.reading.records

    def reach(self, offset: int) -> None:
        self.end = max(self.end, offset)
        if self.reading.window is not None:
            self.reading.window.reach(offset)


class Reader:
    """Reads for `Backlogs`. The consumer is made when it is first needed. Not thread-safe."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self._config = dict(config)
        self._consumer: Consumer | None = None
        self.records_read = 0
        self.errors = 0

    def read(self, readings: Sequence[Reading], backlogs: Backlogs, deadline: Deadline) -> None:
        """As many of them as are done by the deadline; what was read of the others is kept. Raises KafkaException."""
        for together in _rounds(readings):
            if deadline.passed:
                return
            self._read(together, backlogs, deadline)

    def _read(self, together: dict[Place, Reading], backlogs: Backlogs, deadline: Deadline) -> None:
        consumer = self._open()
        waiting = {place: _Progress(reading, reading.first) for place, reading in together.items()}
        consumer.assign([TopicPartition(t, p, reading.first) for (t, p), reading in together.items()])
        try:
            while waiting and not deadline.passed:
                done: list[TopicPartition] = []
                for message in consumer.consume(BATCH, POLL_S):
                    place = (str(message.topic()), int(message.partition() or 0))
                    progress = waiting.get(place)
                    if progress is not None and self._take(progress, message):
                        del waiting[place]
                        self._keep(progress, backlogs)
                        if message.error() is None:
                            done.append(TopicPartition(*place))
                if done and waiting:
                    consumer.incremental_unassign(done)  # there is more of them, which nobody wants
        finally:
            consumer.unassign()

    def _take(self, progress: _Progress, message: Message) -> bool:
        """Returns whether the reading is done."""
        error = message.error()
        offset = int(message.offset() or 0)
        if error is None:
            self.records_read += 1
            return progress.take(offset, message.timestamp()[1])
        if error.code() == KafkaError._PARTITION_EOF:
            # Markers and aborted records at the end are told by this event alone.
            progress.reach(offset)
            return offset >= progress.reading.stop
        self.errors += 1
        log.warning("reading %s/%d: %s", *progress.reading.place, error.str())
        return True

    def _keep(self, progress: _Progress, backlogs: Backlogs) -> None:
        reading = progress.reading
        if reading.window is None and progress.end > reading.first:
            backlogs.probes[reading.place, reading.first] = Probe(
                reading.first, progress.end, progress.records, progress.oldest_ms
            )

    def _open(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(
                {
                    **self._config,
                    "group.id": "ringback.lag",  # librdkafka wants one; it is never joined
                    "isolation.level": "read_committed",
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    # An offset that retention has overtaken meanwhile: what is left begins there.
                    "auto.offset.reset": "earliest",
                    "allow.auto.create.topics": False,
                    "check.crcs": False,
                    "fetch.wait.max.ms": 10,
                    # A few records are wanted of each of many partitions.
                    "fetch.message.max.bytes": 65_536,
                    "queued.max.messages.kbytes": 4_096,
                    "queued.min.messages": 1_000,
                    "log_level": 0,
                }
            )
        return self._consumer

    def close(self) -> None:
        """Safe to call again."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None


def _rounds(readings: Sequence[Reading]) -> Iterator[dict[Place, Reading]]:
    """A consumer reads a partition at one offset at a time, so the second reading of one waits for a later round."""
    left = list(readings)
    while left:
        together: dict[Place, Reading] = {}
        later = []
        for reading in left:
            if together.setdefault(reading.place, reading) is not reading:
                later.append(reading)
        yield together
        left = later
