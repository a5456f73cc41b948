"""The committed records that a history is judged by, as they lie in the topics."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.kafka.browse import BEGINNING, ends, places, read, reader
from connectors.kafka.topics import admin_client
from infra.oracle.checker import Row
from schemas.registry import Codec
from streams.topology import topics

JUDGED = (
    "reminders.events",
    "reminders.due",
    "calls.events",
    "sms.outbound",
    "sms.events",
    "billing.charges",
    "dead.letters",
)


class Records:
    """Every committed record of these topics, decoded; what was read once is not read again. Not thread-safe.

    The topics must be there. Raises UnknownTopicError, KafkaException.
    """

    def __init__(self, config: Mapping[str, str]) -> None:
        self._config = dict(config)
        self._codec = Codec()
        self._names = {topic.name: topic.record for topic in topics()}
        self._reader = reader(config)
        self._read_to = dict.fromkeys(places(self._reader, JUDGED), BEGINNING)
        self._rows: list[Row] = []

    def rows(self) -> list[Row]:
        """All until now; the same list at each call, grown."""
        until = ends(admin_client(self._config), self._read_to)
        for found in read(self._reader, self._read_to, until):
            if found.value is not None:
                value = self._codec.decode(found.topic, found.value, expected=self._names[found.topic]).record
                self._rows.append(Row(found.topic, found.timestamp_ms, value))
            self._read_to[found.topic, found.partition] = found.offset + 1
        self._read_to = until
        return self._rows

    def close(self) -> None:
        self._reader.close()
