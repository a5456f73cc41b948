"""How confluent-kafka tells of an error that is fatal for the client: never where one would wait for it.

It raises the error in its own event, out of whatever call serves events (`poll`, `flush`), even with an `error_cb`.
Reports of records that are served in the same call then run with that exception pending, their first call into C
fails, and Python blames it: SystemError, with the KafkaException as its cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException


@contextmanager
def fatal_errors_as_they_are() -> Iterator[None]:
    """Around calls that serve events: a fatal error is a KafkaException, whatever it was dressed as."""
    try:
        yield
    except SystemError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, KafkaException):
            cause = cause.__cause__
        if cause is None:
            raise
        raise cause from None
