"""Reading what happens from the topics, from now on, while it happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from connectors.kafka.browse import Found, ends, places, read, reader
from connectors.kafka.topics import admin_client
from connectors.settings import Settings
from infra.cli.trace import Step
from infra.cli.values import codec_of, decode
from schemas.errors import CodecError
from streams.topology import DEAD_LETTERS, SMS_INBOUND, topics

WATCHED = [t.name for t in topics() if t.key == "user"] + [SMS_INBOUND.name, DEAD_LETTERS.name]


class Watch:
    """Calls `tell` with each step from the moment of entering, from one thread; waits through outages."""

    def __init__(self, settings: Settings, tell: Callable[[Step], None]) -> None:
        self._config = settings.kafka_config()
        self._codec = codec_of(settings)
        self._tell = tell
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)

    def __enter__(self) -> Self:
        """Raises KafkaException when the cluster cannot be asked where its topics end now."""
        self._consumer = reader(self._config)
        wanted = places(self._consumer, WATCHED)
        # Uncommitted: what is still in a transaction of before is none of ours; its end is beyond every start.
        self._start = ends(admin_client(self._config), wanted, committed=False)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            for record in read(self._consumer, self._start, stop=self._stopping.is_set):
                step = self._step(record)
                if step is not None:
                    self._tell(step)
        finally:
            self._consumer.close()

    def _step(self, record: Found) -> Step | None:
        if record.value is None:
            return None
        try:
            name, value = decode(self._codec, record)
        except CodecError:
            return None  # garbage on sms.inbound: its dead letter is shown
        key = record.key.decode(errors="replace") if record.key else ""
        return Step(record, str(value.get("user") or key), name, value)
