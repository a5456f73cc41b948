"""Answers that come home after their partition was given up: written plainly, for no transaction may carry them.

Evidence needs no transaction: it is folded, so a copy or another order changes nothing.
"""

from __future__ import annotations

import logging

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.runtime.clients import Codec
from streams.runtime.clock import Clock
from streams.runtime.effects import Arrived
from streams.runtime.encoded import encoded
from streams.runtime.fatal import fatal_errors_as_they_are
from streams.runtime.processor import Processor

log = logging.getLogger("ringback.loop")


class Evidence:
    """Writes what `processor.late` says of an answer, with an idempotent producer, outside any transaction."""

    def __init__(self, producer: Producer, processor: Processor, codec: Codec, clock: Clock) -> None:
        self._producer = producer
        self._processor = processor
        self._codec = codec
        self._clock = clock

    def write(self, arrived: Arrived) -> None:
        """Never raises: what cannot be written is logged, and the next owner finds the effect unresolved."""
        try:
            for send in self._processor.late(arrived.result, self._clock.now_ms()):
                record = encoded(self._codec, send)
                self._producer.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers),
                    on_delivery=_report,
                )
            self._producer.poll(0)
        except Exception as error:
            log.error("late evidence is not written: %s", type(error).__name__)

    def flush(self, timeout_s: float) -> None:
        """Wait until what was written is acknowledged."""
        try:
            with fatal_errors_as_they_are():
                left = self._producer.flush(timeout_s)
        except KafkaException as error:
            log.error("late evidence may be lost: %s", error)
            return
        if left:
            log.error("%d records of late evidence are not acknowledged", left)


def _report(error: KafkaError | None, message: Message) -> None:
    if error is not None:
        log.error("late evidence for %s is lost: %s", message.topic(), error.str())
