"""Child processes of `up` and `demo` that are started again when they end, and stopped together.

A child that cannot live (a wrong setting) is tried ever more slowly, never faster than every ten seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.cluster import ChildProcess, ClusterError, LocalCluster

POLL_S = 0.2
BACKOFF_S, BACKOFF_MAX_S = 0.5, 10.0
HEALTHY_AFTER_S = 30.0  # who lived that long starts again with the shortest back-off
STOP_S = 20.0  # a stage finishes what is in hand within its own deadline, which is shorter


@dataclass
class Child:
    """One command that shall run. `env` is its whole environment."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    kept_fds: Sequence[int] = ()
    process: ChildProcess | None = None
    restarts: int = 0
    backoff_s: float = BACKOFF_S
    started_s: float = field(default=0.0)
    again_s: float = field(default=0.0)

    def spawn(self) -> None:
        self.started_s = time.monotonic()
        self.process = ChildProcess.spawn(
            self.command, name=self.name, log=self.log, env=self.env, kept_fds=self.kept_fds
        )


class Supervisor:
    """Watches children, and the servers of a cluster that is ours, from a thread of its own."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._children: list[Child] = []
        self._cluster: LocalCluster | None = None
        self._nodes = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, children: Sequence[Child]) -> None:
        """Start these now; the watch begins with the first call. Raises ClusterError."""
        for child in children:
            child.spawn()
            self._children.append(child)
        if not self._thread.is_alive():
            self._thread.start()

    def look_after(self, cluster: LocalCluster, nodes: int) -> None:
        """Bring servers of this cluster back when they die."""
        self._cluster, self._nodes = cluster, nodes

    def stop(self, timeout_s: float = STOP_S) -> None:
        """Stop every child, all at once, last started first. Safe to call again."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        running = [c.process for c in reversed(self._children) if c.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + timeout_s
        for process in running:
            process.stop(max(0.1, deadline - time.monotonic()))

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_S):
            for child in list(self._children):
                self._look(child)
            if self._cluster is not None:
                self._look_at(self._cluster)

    def _look(self, child: Child) -> None:
        now_s = time.monotonic()
        if child.process is not None and child.process.running:
            return
        if child.process is not None:
            code = child.process.stop()  # it has ended: this lets go of the pipe to it
            if now_s - child.started_s > HEALTHY_AFTER_S:
                child.backoff_s = BACKOFF_S
            child.again_s = now_s + child.backoff_s
            self._say(f"{child.name} ended with {code}; again in {child.backoff_s:g} s (log: {child.log})")
            child.backoff_s = min(BACKOFF_MAX_S, child.backoff_s * 2)
            child.process = None
        if now_s >= child.again_s:
            child.restarts += 1
            try:
                child.spawn()
            except ClusterError as error:
                child.again_s = now_s + child.backoff_s
                self._say(str(error))

    def _look_at(self, cluster: LocalCluster) -> None:
        alive = cluster.pids
        try:
            if "valkey" not in alive:
                self._say("Redis died; starting it again")
                cluster.start_redis()
            for node in range(1, self._nodes + 1):
                if f"kafka-{node}" not in alive:
                    self._say(f"Kafka node {node} died; starting it again")
                    cluster.start_broker(node, wait=False)
        except ClusterError as error:
            self._say(f"{error}")
            self._stopping.wait(BACKOFF_S)
