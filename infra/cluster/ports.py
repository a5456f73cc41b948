"""Loopback ports that no two clusters of this user ever share, not even when both look for one at the same moment.

A port that was free a moment ago may be taken by the time a broker binds it. So a port is *leased*: an flock on
a file with its number, kept open by the cluster and by the guardians of its servers, and gone with them. A stranger
may still take it; the cluster then starts again with others (cluster.py).
"""

from __future__ import annotations

import errno
import getpass
import os
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from infra.cluster.cache import try_lock
from infra.cluster.errors import ClusterError

# Below the range from which systems take the source ports of outgoing connections (Linux: from 32768). In that
# range a client that keeps trying to reach a stopped broker can be given that very port, connect to itself
# (TCP simultaneous open), and keep the broker from ever binding it again.
FALLBACK_PORTS = range(19092, 32000)


@dataclass
class PortLease:
    """A port, ours while `fd` is open."""

    port: int
    fd: int

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> PortLease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_free(port: int) -> bool:
    """Whether a server could listen on loopback `port` now (one in TIME_WAIT counts as free, as servers see it)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
                return False
            raise
    return True


def lease_port(preferred: int | None, *, exact: bool = False, avoid: Iterable[int] = ()) -> PortLease:
    """Lease `preferred` if it is free, else (unless `exact`) the first free one of FALLBACK_PORTS.

    `avoid` are ports not to be given, preferred or not. Raises ClusterError when there is none.
    """
    # Where every process of this user looks, whatever its cache folder is.
    folder = Path(tempfile.gettempdir()) / f"ringback-ports-{getpass.getuser()}"
    folder.mkdir(exist_ok=True)
    avoided = set(avoid)
    first = [] if preferred is None else [preferred]
    for port in first if exact else [*first, *FALLBACK_PORTS]:
        if port in avoided:
            continue
        fd = try_lock(folder / f"{port}.lock")
        if fd is None:
            continue
        try:
            free = is_free(port)
        except BaseException:
            os.close(fd)
            raise
        if free:
            return PortLease(port, fd)
        os.close(fd)
    if exact:
        raise ClusterError(f"port {preferred} is taken by another program; choose another, or leave it out")
    raise ClusterError(f"no free port from {FALLBACK_PORTS.start} to {FALLBACK_PORTS.stop - 1}")
