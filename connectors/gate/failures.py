"""What each failure of the Redis client means for the gate.

GateUnavailable   the server is away, slow, loading, a replica, short of replicas or of memory, refuses our password
                  or our rights, or is a Redis Cluster: hold, ask again. Whether the command ran may be unknown.
anything else     our own mistake (an error in the script, a key of another type): raised as it is, because
                  asking again would fail for ever, and silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterCrossSlotError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.once.gate import GateUnavailable

A_CLUSTER = "this is a Redis Cluster, whose nodes hold a part of the keys each; the gate needs one primary"

# By class, the first that fits: several of them are ConnectionErrors, MASTERDOWN is a ClusterDownError.
_CLASSES: tuple[tuple[str, tuple[type[Exception], ...]], ...] = (
    ("read_only", (ReadOnlyError, MasterDownError)),
    ("cluster", (ClusterCrossSlotError, ClusterDownError, MovedError)),
    ("refused", (AuthenticationError, NoPermissionError)),
    ("loading", (BusyLoadingError,)),
    ("memory", (OutOfMemoryError,)),
    ("slow", (RedisTimeoutError, TimeoutError)),
    ("away", (RedisConnectionError, OSError)),
)
# Errors that the client has no class for, by the first word of the server's reply.
_CODES = {
    "NOREPLICAS": "replicas",
    "OOM": "memory",
    "MISCONF": "memory",  # or a disk that is full: it may not write
    "READONLY": "read_only",
    "LOADING": "loading",
    "BUSY": "slow",
    "UNKILLABLE": "slow",
    "NOAUTH": "refused",
    "NOPERM": "refused",
    "WRONGPASS": "refused",
    "CROSSSLOT": "cluster",
    "MOVED": "cluster",
}
# Where the client makes a bare ConnectionError of a reply, by how that begins: a primary that has become a replica; a
# password that is wrong, or missing.
_BY_TEXT = (
    ("The previous master is now a slave", "read_only"),
    ("invalid username-password pair", "refused"),
    ("HELLO must be called with the client already authenticated", "refused"),
)


def unavailable(error: Exception) -> GateUnavailable | None:
    """The decision for `error`: GateUnavailable, or None when it is our own mistake."""
    reason = unavailable_because(error)
    if reason is None:
        return None
    if reason == "cluster":
        return GateUnavailable(A_CLUSTER, reason)
    return GateUnavailable(f"{type(error).__name__}: {error}".rstrip(": "), reason)


def unavailable_because(error: Exception) -> str | None:
    """The reason of that GateUnavailable, a word; None when it is our own mistake."""
    text = str(error)
    for beginning, reason in _BY_TEXT:
        if text.startswith(beginning):
            return reason
    for reason, classes in _CLASSES:
        if isinstance(error, classes):
            return reason
    code, _, _ = text.partition(" ")
    return _CODES.get(code) if isinstance(error, RedisError) else None


@contextmanager
def as_unavailable() -> Iterator[None]:
    """Raise GateUnavailable for what `unavailable` says is one."""
    try:
        yield
    except GateUnavailable:
        raise
    except Exception as error:
        away = unavailable(error)
        if away is None:
            raise
        raise away from error
