"""What each failure of the Redis client means for the gate.

GateUnavailable   the server is away, slow, loading, a replica, short of replicas or of memory, or refuses
                  our password: hold, ask again. Whether the command ran may be unknown.
anything else     our own mistake (an error in the script, a key of another type): raised as it is, because
                  asking again would fail for ever, and silently.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    ClusterDownError,
    MaxConnectionsError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streams.once.gate import GateUnavailable

# ConnectionError covers LOADING and wrong passwords too, ClusterDownError covers MASTERDOWN.
_AWAY = (
    RedisConnectionError,
    RedisTimeoutError,
    MaxConnectionsError,
    OutOfMemoryError,
    ReadOnlyError,
    ClusterDownError,
    OSError,
)
# Errors that the client has no class for, by the first word of the server's reply.
_AWAY_CODES = ("NOREPLICAS", "MISCONF", "BUSY", "UNKILLABLE", "OOM", "READONLY", "LOADING")


def unavailable(error: Exception) -> GateUnavailable | None:
    """The decision for `error`: GateUnavailable, or None when it is our own mistake."""
    away = isinstance(error, _AWAY) or (
        isinstance(error, ResponseError) and str(error).startswith(_AWAY_CODES)
    )
    return GateUnavailable(f"{type(error).__name__}: {error}") if away else None


@contextmanager
def as_unavailable() -> Iterator[None]:
    """Raise GateUnavailable for what `unavailable` says is one."""
    try:
        yield
    except Exception as error:
        away = unavailable(error)
        if away is None:
            raise
        raise away from error
