"""`sms.inbound` for a comparison: which sids stand there, and one more SMS at its end.

Reading is read committed, outside any group: looking never moves a stage.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka.admin import OffsetSpec

from connectors.kafka.browse import ends, offsets, places, read, reader
from connectors.kafka.clients import KafkaClients
from connectors.kafka.topics import admin_client
from schemas.errors import UndecodableRecord, UnknownSchema
from schemas.records import SmsReceived
from schemas.registry import Codec
from streams.once.carrier import CarrierMessage
from streams.runtime.fatal import fatal_errors_as_they_are
from streams.topology import SMS_INBOUND

SID = re.compile(rb"(?:SM|MM)[0-9a-fA-F]{32}")
DELIVERY_S = 12.0  # past the producer's own 10 s, so that its word is heard
PROGRESS_EVERY = 100_000


class SmsLog:
    """`config`: librdkafka settings to connect with. `progress` is told how many records were read so far."""

    def __init__(
        self, config: Mapping[str, str], codec: Codec, progress: Callable[[int], None] = lambda _: None
    ) -> None:
        self._config = dict(config)
        self._codec = codec
        self._progress = progress

    def known(self, sids: Collection[str], since_ms: int) -> set[str]:
        """Those of `sids` that stand in records appended from `since_ms` until now.

        Raises KafkaException, UnknownTopicError, RegistryUnreachable.
        """
        admin, consumer, found = admin_client(self._config), reader(self._config), set[str]()
        try:
            parts = places(consumer, [SMS_INBOUND.name])
            until = ends(admin, parts)
            begin = offsets(admin, parts, OffsetSpec.for_timestamp(since_ms))
            # -1: nothing was appended since.
            start = {place: offset for place, offset in begin.items() if 0 <= offset < until[place]}
            if not start:
                return found
            for number, record in enumerate(read(consumer, start, {p: until[p] for p in start}), start=1):
                found.update(sid for sid in self._sids(record.value, record.timestamp_ms) if sid in sids)
                if number % PROGRESS_EVERY == 0:
                    self._progress(number)
            return found
        finally:
            consumer.close()

    def _sids(self, value: bytes | None, timestamp_ms: int) -> list[str]:
        try:
            return [self._codec.decode_sms(value, timestamp_ms)["message_sid"]]
        except (UndecodableRecord, UnknownSchema):
            # It lies there all the same, and will be a dead letter or be read later: a copy would be one as well.
            return [sid.decode() for sid in SID.findall(value or b"")]

    def unusable(self, message: CarrierMessage) -> str | None:
        """What the inbound stage would say of it: a sender that has no number, for instance."""
        try:
            self._codec.decode_sms(self._encode(message), message.created_at)
        except UndecodableRecord as error:
            return str(error)
        return None

    @fatal_errors_as_they_are()  # such as the right to write nowhere
    def append(self, messages: Sequence[CarrierMessage], confirmed: Callable[[CarrierMessage], None]) -> None:
        """As the gateway writes them, keyed by sender. Raises KafkaException when one was not confirmed."""
        config = dict(self._config)
        producer = KafkaClients(config.pop("bootstrap.servers"), config).plain_producer()
        failed: list[KafkaError] = []
        for message in messages:

            def delivered(error: KafkaError | None, _: Message, message: CarrierMessage = message) -> None:
                if error is None:
                    confirmed(message)
                else:
                    failed.append(error)

            value = self._encode(message)
            while True:
                try:
                    producer.produce(
                        SMS_INBOUND.name, key=message.from_.encode(), value=value, on_delivery=delivered
                    )
                    break
                except BufferError:  # the queue is full: wait for the broker
                    producer.poll(0.1)
            producer.poll(0)
        deadline_s = time.monotonic() + DELIVERY_S
        left = len(producer)
        while left and time.monotonic() < deadline_s and not failed:
            left = producer.flush(0.5)
        if failed or left:
            raise KafkaException(
                failed[0] if failed else KafkaError(KafkaError._TIMED_OUT, "not acknowledged")
            )

    def _encode(self, message: CarrierMessage) -> bytes:
        record: SmsReceived = {
            "message_sid": message.sid,
            "from": message.from_,
            "to": message.to,
            "body": message.body,
            "received_at": message.created_at,
        }
        return self._codec.encode(SMS_INBOUND.name, "SmsReceived", record)
