"""The tree of what can go wrong in the loop; each branch names the decision.

LoopError
├── Rewind          abort, drop pending writes, seek back, go on               (abortable transaction error)
│   └── Rejoin      the same, and take membership and assignment anew          (the group has moved on)
├── UnknownResult   throw the producers away, take over again from the broker  (timeout of a transaction call)
├── Fenced          stop this member; it is restarted clean                    (another has our id; fatal errors)
│   ├── Misconfigured  the same; the text names what an operator must mend     (topics missing, not co-partitioned)
│   └── StoreFailed    the same; the local store is wiped and comes back from the changelog
└── Hold            leave the record where it is, pause its partition, ask again later, alarm
Poison (processor.py): dead letter in the same transaction; the partition goes on
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException


class LoopError(Exception):
    """Base of everything that the loop decides on."""


class Rewind(LoopError):
    """The transaction is void, and known to be."""


class Rejoin(Rewind):
    """The group's generation is not ours any more."""


class UnknownResult(LoopError):
    """A transaction call timed out: it may have happened, or may still happen."""


class Fenced(LoopError):
    """This member must not go on."""


class Misconfigured(Fenced):
    """The cluster lacks what the stage needs, or has it in the wrong shape."""


class StoreFailed(Fenced):
    """The local store cannot be read or written; Kafka holds the truth."""


class Outgrown(Exception):
    """The store's file has grown, which ends every snapshot of it: read it anew."""


class Hold(LoopError):
    """Something that the record needs is not there yet (a schema, a table). Nothing is wrong with the record."""


_MOVED_ON = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.STALE_MEMBER_EPOCH,
    KafkaError.FENCED_MEMBER_EPOCH,
}
_FENCING = {
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.PRODUCER_FENCED,
    KafkaError._FENCED,
    KafkaError._FATAL,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.UNRELEASED_INSTANCE_ID,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}


def describe(exception: KafkaException) -> str:
    """The client's name for the error, and its sentence."""
    error: KafkaError = exception.args[0]
    return f"{error.name()}: {error.str()}"


def classify(exception: KafkaException) -> LoopError:
    """The decision for an error of a transaction call (begin, produce, send offsets, commit, abort)."""
    error: KafkaError = exception.args[0]
    text = describe(exception)
    code = error.code()
    if code in _MOVED_ON:
        return Rejoin(text)
    if error.fatal() or code in _FENCING:
        return Fenced(text)
    if error.txn_requires_abort():
        return Rewind(text)
    # What is left is a timeout or a state we cannot read: the call may have happened.
    return UnknownResult(text)
