"""The `tenants` topic as a table in memory: read whole before a stage starts, kept current by a thread.

"No tenant owns this number" ends an SMS as a dead letter, so it may only be said after everything was read that
was written before the SMS was looked at: on a miss, `owner_of` samples the topic's high watermarks *now*,
uncommitted, and waits until the reader has passed them. Positions do not advance over transaction markers; only
the end-of-partition event does, so the reader keeps its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.kafka.browse import Place, ends, found, places, reader
from connectors.kafka.topics import admin_client
from schemas.errors import RegistryUnreachable, UndecodableRecord, UnknownSchema
from schemas.registry import Codec
from streams.runtime.deadline import Deadline
from streams.runtime.errors import Hold
from streams.tenants import Tenant, TenantTable
from streams.topology import TENANTS

log = logging.getLogger("ringback.tenants")

LOAD_S = 60.0
CATCH_UP_S = 5.0  # below the session timeout: a step that waits keeps the whole member from polling
RETRY_S = 0.5


class TenantsTable:
    """`streams.tenants.Tenants` over the topic. One for a process; its methods may be called from any thread.

    `start` blocks until the table is loaded; until then nothing is known.
    """

    def __init__(
        self, config: Mapping[str, str], codec: Codec | None = None, catch_up_s: float = CATCH_UP_S
    ) -> None:
        """`config`: librdkafka settings to connect with (`Settings.kafka_config`)."""
        self._config = dict(config)
        self._admin = admin_client(config)
        self._codec = codec or Codec()
        self._catch_up_s = catch_up_s
        self._table = TenantTable()
        self._positions: dict[Place, int] = {}
        self._moved = threading.Condition()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, timeout_s: float = LOAD_S) -> Self:
        """Load the table and keep it current. Raises KafkaException, UnknownTopicError, Hold (not in time)."""
        consumer = reader(self._config)
        try:
            parts = places(consumer, [TENANTS.name], timeout_s)
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for topic, number in parts])
            self._positions = dict.fromkeys(parts, 0)
            self._thread = threading.Thread(
                target=self._read_on, args=(consumer,), name="tenants", daemon=True
            )
            self._thread.start()
        except BaseException:
            consumer.close()
            raise
        self._catch_up(Deadline(timeout_s))
        return self

    def close(self) -> None:
        """Stop the reader; the table stays as it is."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def owner_of(self, number: str) -> Tenant | None:
        """The tenant that owns this number. Raises Hold when it is not known *and* the topic cannot be read now.

        Blocks at most `catch_up_s`, and only for a number that is not in the table.
        """
        owner = self._table.owner_of(number)
        if owner is not None:
            return owner
        self._catch_up(Deadline(self._catch_up_s))
        return self._table.owner_of(number)

    def get(self, tenant: str) -> Tenant | None:
        """The tenant of this id, as far as was read; an id comes from a record of ours, so it was read before."""
        known = self._table.get(tenant)
        if known is not None:
            return known
        self._catch_up(Deadline(self._catch_up_s))
        return self._table.get(tenant)

    @property
    def version(self) -> int:
        """Differs after each change of the table."""
        return self._table.version

    def all(self) -> list[Tenant]:
        """Every tenant, by id."""
        return self._table.all()

    def _catch_up(self, deadline: Deadline) -> None:
        """Return when everything that lies in the topic now was read. Raises Hold at the deadline."""
        try:
            wanted = ends(self._admin, self._positions, committed=False, timeout_s=deadline.left_s())
        except KafkaException as error:
            raise Hold(f"the end of {TENANTS.name} is not known: {error}") from error
        with self._moved:
            if not self._moved.wait_for(lambda: self._passed(wanted), deadline.left_s()):
                raise Hold(f"{TENANTS.name} was not read to its end in time")

    def _passed(self, wanted: Mapping[Place, int]) -> bool:
        return all(self._positions[place] >= end for place, end in wanted.items())

    def _read_on(self, consumer: Consumer) -> None:
        """Until `close`. What breaks a reader is said, and a new one goes on where it stood; whoever misses a number
        meanwhile gets Hold."""
        while True:
            try:
                while not self._stopping.is_set():
                    message = consumer.poll(0.1)
                    if message is not None:
                        self._take(message)
                return
            except Exception:
                log.exception("the reader of %s is made anew", TENANTS.name)
            finally:
                consumer.close()
            self._stopping.wait(RETRY_S)
            consumer = reader(self._config)
            consumer.assign([TopicPartition(*place, at) for place, at in self._positions.items()])

    def _take(self, message: Message) -> None:
        error = message.error()
        record = found(message)
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            log.warning("reading %s: %s", TENANTS.name, error.str())
            return
        position = record.offset if error is not None else record.offset + 1
        # A tombstone is no tenant's end: `apply` removes nothing, and open reminders still need their tenant.
        if error is None and record.value is not None:
            self._put(record.value, record.place)
        with self._moved:
            place = (record.topic, record.partition)
            self._positions[place] = max(position, self._positions.get(place, 0))
            self._moved.notify_all()

    def _put(self, value: bytes, place: str) -> None:
        while not self._stopping.is_set():
            try:
                record = self._codec.decode(TENANTS.name, value, expected=TENANTS.record).record
                self._table.put(Tenant.from_record(record))
                return
            except UndecodableRecord as error:
                log.error("%s %s is not a tenant: %s", TENANTS.name, place, error)
                return
            except (UnknownSchema, RegistryUnreachable) as error:
                # A tenant that cannot be read *yet*: we do not pass it, and whoever needs the end gets Hold.
                log.error("%s %s cannot be read yet: %s", TENANTS.name, place, error)
                self._stopping.wait(RETRY_S)
