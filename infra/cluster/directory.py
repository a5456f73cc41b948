"""A cluster seen through its directory alone: by another command, or after its owner has gone."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.cluster.cache import try_lock
from infra.cluster.errors import ClusterError, DirectoryInUse
from infra.cluster.state import Server, State

POLL_S = 0.05
STOP_DEADLINE_S = 15.0
KILL_DEADLINE_S = 10.0
ORPHANS_DEADLINE_S = 10.0  # more than the guardians' grace


@dataclass(frozen=True)
class ClusterStatus:
    """What runs in a directory. `pids` are the servers that run: `kafka-1` …, `valkey`.

    `running`: all of them run. `detached`: it is not tied to a process that ends it.
    """

    running: bool
    nodes: int
    bootstrap_servers: str
    redis_url: str
    pids: dict[str, int]
    detached: bool


def status(folder: Path) -> ClusterStatus | None:
    """What runs in `folder`; None if no cluster was ever started there."""
    state = State.read(folder.resolve())
    if state is None:
        return None
    alive = {server.name: server.process.pid for server in state.servers if server.process.alive}
    complete = len(alive) == state.nodes + 1
    return ClusterStatus(
        complete, state.nodes, state.bootstrap_servers, state.redis_url, alive, state.owner is None
    )


def stop(folder: Path, timeout_s: float = STOP_DEADLINE_S) -> bool:
    """Stop what runs in `folder`, whoever started it. Returns False if nothing ran.

    SIGTERM to all, SIGKILL to those that still run after `timeout_s`. Processes are known by pid and start time, so a
    pid that belongs to another program by now is left alone. Raises ClusterError if something survives.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        return False
    with _locked(folder):
        state = State.read(folder)
        if state is None or not state.running:
            return False
        _end(state.running, timeout_s)
        state.servers = []
        state.write(folder)
    return True


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the directory for a start: make it if needed, and see to it that nothing runs there.

    The servers of an owner that was killed are waited for: their guardians are ending them. Raises DirectoryInUse.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ClusterError(f"the directory {folder} cannot be made: {error.strerror}") from error
    with _locked(folder):
        state = State.read(folder)
        if state is not None and state.running:
            if state.owner is None or state.owner.alive:
                raise DirectoryInUse(
                    f"a cluster runs in {folder} already, at {state.bootstrap_servers}: use that one, "
                    f"stop it (ringback cluster stop --dir {folder}), or name another directory"
                )
            if not _wait_gone(state.running, ORPHANS_DEADLINE_S):
                _end(state.running, 0.0)
        yield


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    fd = try_lock(folder / "cluster.lock")
    if fd is None:
        raise DirectoryInUse(f"another command is starting or stopping the cluster in {folder}")
    try:
        yield
    finally:
        os.close(fd)


def _end(servers: Sequence[Server], timeout_s: float) -> None:
    """End `servers` by way of their guardians; a server without one (somebody killed it) directly."""
    for server in servers:
        if not server.guardian.signal(signal.SIGTERM):
            server.process.signal(signal.SIGTERM)
    if _wait_gone(servers, timeout_s):
        return
    for server in servers:
        server.guardian.signal(signal.SIGUSR1)  # "kill it now", guardian.py
        server.process.signal(signal.SIGKILL)
    if not _wait_gone(servers, KILL_DEADLINE_S):
        alive = ", ".join(f"{s.name} ({s.process.pid})" for s in servers if s.process.alive)
        raise ClusterError(f"still running after SIGKILL: {alive}")


def _wait_gone(servers: Sequence[Server], timeout_s: float) -> bool:
    """Wait until neither servers nor guardians run. Returns False if some still do after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while any(server.process.alive or server.guardian.alive for server in servers):
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True
