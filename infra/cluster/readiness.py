"""When is a server ready? When it answers its own protocol as it will answer its clients. Nothing here guesses by time.

A server that dies while it is waited for, or is not ready by the deadline, fails with the tail of its log.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.cluster.errors import ChildFailed
from infra.cluster.process import ChildProcess, tail

POLL_S = 0.02
PROBE_TIMEOUT_S = 1.0

# A client that says nothing on stderr while the broker is still away, and comes back at once when it is there.
QUIET: dict[str, Any] = {
    "log_level": 0,
    "error_cb": lambda _error: None,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 100,
    "allow.auto.create.topics": False,
}


def wait_for_brokers(
    nodes: Mapping[int, ChildProcess],
    ports: Mapping[int, int],
    timeout_s: float,
    *,
    running: Collection[int] | None = None,
) -> None:
    """Wait until each of `nodes` answers a metadata request as it should.

    That is: the answer names all `running` nodes (default: `nodes`), and a leader for every partition that has no
    replica elsewhere. `ports` are the client ports by node. Raises ChildFailed.
    """
    deadline = time.monotonic() + timeout_s
    expected = set(nodes if running is None else running)
    for node, process in nodes.items():
        ready: Callable[[], bool] = partial(listens, ports[node])
        _wait(ready, process, nodes.values(), deadline, timeout_s)
        admin = AdminClient({**QUIET, "bootstrap.servers": f"127.0.0.1:{ports[node]}"})
        _wait(partial(_knows, admin, expected), process, nodes.values(), deadline, timeout_s)


def wait_for_coordinators(process: ChildProcess, port: int, timeout_s: float) -> None:
    """Wait until the broker on `port` names a coordinator for groups and one for transactions. Raises ChildFailed.

    Asking makes Kafka create the two internal topics; without it the first client of a fresh cluster pays for
    that, in steps of half a second (librdkafka's pause between such requests).
    """
    deadline = time.monotonic() + timeout_s
    for key_type in (0, 1):
        _wait(partial(_has_coordinator, port, key_type), process, [process], deadline, timeout_s)


def wait_for_valkey(process: ChildProcess, port: int, timeout_s: float) -> None:
    """Wait until PING is answered with PONG: it listens, and has read its append-only file. Raises ChildFailed."""
    _wait(partial(ping_valkey, port), process, [process], time.monotonic() + timeout_s, timeout_s)


def ping_valkey(port: int) -> bool:
    """Whether the server on loopback `port` answers PING with PONG (RESP, inline command)."""
    try:
        with socket.create_connection(("127.0.0.1", port), PROBE_TIMEOUT_S) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def listens(port: int) -> bool:
    """Whether something accepts connections on loopback `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), PROBE_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _wait(
    ready: Callable[[], bool],
    process: ChildProcess,
    needed: Collection[ChildProcess],
    deadline: float,
    timeout_s: float,
) -> None:
    while not ready():
        for each in needed:
            if not each.running:
                raise ChildFailed(
                    f"{each.name} ended with code {each.returncode}; its log ends:\n{_tail(each)}"
                )
        if time.monotonic() > deadline:
            raise ChildFailed(
                f"{process.name} was not ready within {timeout_s:.0f} s; its log ends:\n{_tail(process)}"
            )
        time.sleep(POLL_S)


def _knows(admin: AdminClient, expected: set[int]) -> bool:
    try:
        metadata = admin.list_topics(timeout=PROBE_TIMEOUT_S)
    except KafkaException:
        return False
    partitions = [p for topic in metadata.topics.values() for p in topic.partitions.values()]
    return expected <= set(metadata.brokers) and all(
        p.leader >= 0 for p in partitions if set(p.replicas) <= expected
    )


def _has_coordinator(port: int, key_type: int) -> bool:
    """One FindCoordinator request (key 10, version 1; Kafka protocol guide) for a group (0) or a transaction (1).

    Written by hand, as the client library only asks it in the course of something else.
    """
    client, key = b"ringback-readiness", b"ringback-readiness"
    header = struct.pack(">hhih", 10, 1, 1, len(client)) + client
    request = header + struct.pack(">h", len(key)) + key + struct.pack(">b", key_type)
    try:
        with socket.create_connection(("127.0.0.1", port), PROBE_TIMEOUT_S) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(4096)  # size, correlation id, throttle time, then the error code
        return len(answer) >= 14 and struct.unpack_from(">h", answer, 12)[0] == 0
    except OSError:
        return False


def _tail(process: ChildProcess) -> str:
    """The end of the server's own log, if it keeps one, and of what it printed: a bad flag, too little memory."""
    texts = (tail(process.log.with_name("server.log"), 25), process.tail(10))
    return "\n".join(text for text in texts if text)
