"""A producer that keeps what it is given, with librdkafka's manner: reports come from `poll`."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException

Report = Callable[[KafkaError | None, Any], None]


class MemoryProducer:
    """`failure` set: every record fails with that code. `silent`: no report ever comes. `raises` set: the next record
    makes `poll` raise that, as an error does that is fatal for the client, and is never reported.

    `meanwhile` is what happens elsewhere while a record is on its way.
    """

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes, str]] = []
        self.failure: int | None = None
        self.silent = False
        self.raises: Exception | None = None
        self.full = False
        self.purged = False
        self.meanwhile: Callable[[], None] = lambda: None
        self._reports: deque[Callable[[], None]] = deque()
        self._arrived = threading.Event()

    def produce(self, topic: str, value: bytes, key: str, on_delivery: Report) -> None:
        if self.full:
            raise BufferError("Local: Queue full")
        if self.silent:
            return
        if self.raises is not None:
            self._reports.append(self._raise)
        elif self.failure is not None:
            error = KafkaError(self.failure)
            self._reports.append(lambda: on_delivery(error, None))
        else:
            self.records.append((topic, value, key))
            self.meanwhile()
            self._reports.append(lambda: on_delivery(None, None))
        self._arrived.set()

    def poll(self, timeout_s: float) -> int:
        self._arrived.wait(timeout_s)
        self._arrived.clear()
        served = 0
        while self._reports:
            self._reports.popleft()()
            served += 1
        return served

    def _raise(self) -> None:
        assert self.raises is not None
        raised, self.raises = self.raises, None
        raise raised

    def flush(self, timeout_s: float) -> int:
        end = time.monotonic() + timeout_s
        while self._reports and time.monotonic() < end:
            self.poll(0.01)
        return len(self._reports)

    def purge(self) -> None:
        self.purged = True

    def list_topics(self, topic: str, _timeout_s: float) -> Any:
        if self.failure is not None:
            raise KafkaException(KafkaError(self.failure))
        partition = SimpleNamespace(leader=-1 if self.silent else 1)
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions={0: partition})})
