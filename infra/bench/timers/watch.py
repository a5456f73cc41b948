"""A read-committed reader of one topic that notes when each record came, and decodes only when asked.

Decoding while timers fire would take the CPU of what is measured, on a machine with two cores.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.bench.timers.subject import Fired

Decode = Callable[[bytes], tuple[str, int, int]]
"""Value to load, timer, due_at."""

POLL_S = 0.05
BATCH = 2_000
LEADER_S = 10.0


class TopicWatch:
    """`Watch` over a topic that exists; it begins at the offsets in force when it is made."""

    def __init__(self, consumer: Consumer, topic: str, decode: Decode) -> None:
        self._consumer, self._decode = consumer, decode
        self._raw: list[tuple[float, int, bytes]] = []
        self._decoded: list[Fired] = []
        self._failed: BaseException | None = None
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, p, _end(consumer, topic, p)) for p in partitions])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {topic}", daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        if self._failed is not None:
            raise RuntimeError("the watch has ended") from self._failed
        return len(self._raw)

    def fired(self) -> list[Fired]:
        for received_ms, written_ms, value in self._raw[len(self._decoded) :]:
            load, timer, due_at = self._decode(value)
            self._decoded.append(Fired(received_ms, written_ms, load, timer, due_at))
        return self._decoded

    def close(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            self._consumer.close()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                first = self._consumer.poll(POLL_S)
                if first is None:
                    continue
                at_first = time.time() * 1000
                more = self._consumer.consume(BATCH, 0)
                at_more = time.time() * 1000
                for received_ms, messages in ((at_first, [first]), (at_more, more)):
                    for message in messages:
                        value = message.value()
                        if message.error() is None and value is not None:
                            self._raw.append((received_ms, message.timestamp()[1], value))
        except BaseException as error:  # told by `count`, in the thread that waits
            self._failed = error


def _end(consumer: Consumer, topic: str, partition: int) -> int:
    """The partition's end; a new topic's leader is named a little before it knows."""
    end_s = time.monotonic() + LEADER_S
    while True:
        try:
            _, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
        except KafkaException:
            if time.monotonic() > end_s:
                raise
            time.sleep(POLL_S)
        else:
            return int(high)
