"""A real Kafka cluster and a real Valkey server on this machine, as child processes.

    with LocalCluster.start(Path("state"), progress=print) as cluster:
        … cluster.bootstrap_servers, cluster.redis_url …

Files: state.py says what the directory holds. Ports: ports.py. What keeps it from outliving its owner: process.py.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from infra.cluster import broker, fencing, readiness, valkey
from infra.cluster.directory import claimed
from infra.cluster.errors import ChildFailed, ClusterError, DirectoryInUse
from infra.cluster.identity import ProcessIdentity
from infra.cluster.ports import PortLease, is_free, lease_port
from infra.cluster.process import ChildProcess
from infra.cluster.runtime import Runtime, ensure_runtime
from infra.cluster.state import VALKEY, Layout, Server, State, wipe_data

READY_DEADLINE_S = 60.0  # 1 s on two idle cores; a machine under load gets its time
STOP_DEADLINE_S = 15.0
ORPHAN_GRACE_S = 4.0  # what a server gets to end cleanly once its owner is gone
PORT_ATTEMPTS = 3  # how often a stranger may take a port between our look and the broker's bind

# Called with a node and the port where it listens for brokers, before it starts; returns the port that they are told.
Between = Callable[[int, int], int]


def _silent(_message: str) -> None:
    pass


class LocalCluster:
    """A running cluster of 1 or 3 Kafka nodes (numbered from 1) and one Valkey server. Made by `start`.

    Not safe for use by several threads at once.
    """

    def __init__(
        self,
        folder: Path,
        layout: Layout,
        runtime: Runtime,
        detached: bool,
        heap_mb: int,
        between: Between | None,
    ) -> None:
        self._folder, self._layout, self._runtime = folder, layout, runtime
        self._detached, self._heap_mb, self._between = detached, heap_mb, between
        self._servers: dict[str, ChildProcess] = {}
        self._leases: dict[int, PortLease] = {}

    @classmethod
    def start(
        cls,
        folder: Path,
        *,
        nodes: int = 1,
        wipe: bool = False,
        port: int | None = None,
        progress: Callable[[str], None] = _silent,
        detached: bool = False,
        heap_mb: int = broker.HEAP_MB,
        between: Between | None = None,
        timeout_s: float = READY_DEADLINE_S,
    ) -> LocalCluster:
        """Start the cluster of directory `folder` and return when it answers.

        The first start fetches and prepares what is needed, and tells `progress` so (a line at a time). `nodes`: 1,
        or 3 with replication factor 3 and two in-sync replicas demanded. `wipe` deletes what the directory held.
        `port`: where the first node's clients connect, the others after it; without it, those of the last start, else
        9092 and up if free, else any. `detached`: it outlives this process and is stopped by `directory.stop`.
        `between` puts a proxy in front of each node for all nodes, itself too (infra/chaos); clients come past it.

        Raises RequirementMissing, FetchFailed, DirectoryInUse (something runs there, or its data is of another
        number of nodes), ChildFailed (with the end of the log), ClusterError. Nothing keeps running then.
        """
        if nodes not in (1, 3):
            raise ClusterError(f"a local cluster has 1 or 3 nodes, not {nodes}")
        folder = folder.resolve()
        valkey_server = valkey.find_valkey()
        runtime = ensure_runtime(progress)
        with claimed(folder):
            if wipe:
                wipe_data(folder)
            layout = Layout.read(folder) or Layout.new(nodes, port)
            if layout.nodes != nodes:
                raise DirectoryInUse(
                    f"{folder} holds a cluster of {layout.nodes} node(s), not {nodes}; wipe it or name another"
                )
            cluster = cls(folder, layout, runtime, detached, heap_mb, between)
            try:
                for attempt in range(1, PORT_ATTEMPTS + 1):
                    cluster._lease_ports(port)
                    try:
                        cluster._start_all(valkey_server, timeout_s)
                        break
                    except ChildFailed:
                        cluster._stop_servers(STOP_DEADLINE_S)
                        if attempt == PORT_ATTEMPTS or all(is_free(leased) for leased in cluster._leases):
                            raise
                        progress("another program took one of the ports; trying others")
            except BaseException:  # Ctrl-C too: nothing of a half-started cluster stays
                cluster.stop()
                raise
            if detached:
                cluster._release_leases()  # the guardians hold them now
            return cluster

    @property
    def bootstrap_servers(self) -> str:
        """What a Kafka client needs: `host:port` of each node, comma-separated."""
        return ",".join(f"127.0.0.1:{ports.client}" for ports in self._layout.ports)

    @property
    def redis_url(self) -> str:
        return f"redis://127.0.0.1:{self._layout.redis_port}/0"

    @property
    def pids(self) -> dict[str, int]:
        """The running servers' own pids: `kafka-1` …, `valkey`."""
        return {name: server.pid for name, server in self._servers.items() if server.running}

    def stop(self, timeout_s: float = STOP_DEADLINE_S) -> None:
        """Stop every server: SIGTERM to all, SIGKILL to those that still run after `timeout_s`. Safe to call again."""
        try:
            self._stop_servers(timeout_s)
        finally:
            self._release_leases()
        self._write_state()

    def __enter__(self) -> LocalCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._detached:
            self.stop()

    # Faults, for tests and drills

    def kill_broker(self, node: int) -> None:
        """SIGKILL to one node; returns when it is gone."""
        self._server(_name(node)).kill()

    def stop_broker(self, node: int, timeout_s: float = STOP_DEADLINE_S) -> None:
        """Stop one node cleanly: its leaderships move first.

        A lone node is killed instead: nobody takes its leaderships, and a transaction that ends while it gives them up
        may stay open for ever (fencing.py). Nothing that it has acknowledged is lost.
        """
        if self._layout.nodes == 1:
            self.kill_broker(node)
        else:
            self._server(_name(node)).stop(timeout_s)

    def start_broker(self, node: int, *, wait: bool = True, timeout_s: float = READY_DEADLINE_S) -> None:
        """Start one node again, on its ports and data.

        After a kill a lone node takes 1 s longer (fencing.py), one of three up to its session, 3 s.
        `wait=False` returns before it answers, as it must where too few nodes run for a quorum.
        """
        if self._server(_name(node)).running:
            return
        process = self._spawn_broker(node)
        if wait:
            running = [n for n in self._nodes if self._server(_name(n)).running]
            readiness.wait_for_brokers({node: process}, self._client_ports, timeout_s, running=running)

    def restart_broker(self, node: int) -> None:
        """Stop one node and start it again; returns when it answers."""
        self.stop_broker(node)
        self.start_broker(node)

    def stop_redis(self, *, kill: bool = False) -> None:
        """Stop Valkey, with SIGKILL if `kill`. Nothing that it has acknowledged is lost."""
        server = self._server(VALKEY)
        if kill:
            server.kill()
        else:
            server.stop(STOP_DEADLINE_S)

    def start_redis(self) -> None:
        """Start Valkey again, on its port and data; returns when it answers."""
        if not self._server(VALKEY).running:
            process = self._spawn_valkey(valkey.find_valkey())
            readiness.wait_for_valkey(process, self._layout.redis_port, READY_DEADLINE_S)

    # How it is done

    @property
    def _nodes(self) -> range:
        return range(1, self._layout.nodes + 1)

    @property
    def _client_ports(self) -> dict[int, int]:
        return {node: self._layout.ports[node - 1].client for node in self._nodes}

    def _server(self, name: str) -> ChildProcess:
        try:
            return self._servers[name]
        except KeyError:
            raise ClusterError(f"this cluster has no {name}; it has {', '.join(self._servers)}") from None

    def _lease_ports(self, port: int | None) -> None:
        """Lease every port of the layout, or others where they are taken, and write the layout down.

        The ports that `port` asks for are leased as they are. Leases that still hold are kept.
        """
        taken = [leased for leased in self._leases if not is_free(leased)]
        for leased in taken:
            self._leases.pop(leased).release()

        def lease(wanted: int | None, exact: bool = False) -> int:
            if wanted in self._leases:
                return wanted
            found = lease_port(wanted, exact=exact, avoid=() if exact else taken)
            self._leases[found.port] = found
            return found.port

        for number, ports in enumerate(self._layout.ports):
            client = lease(ports.client if port is None else port + number, exact=port is not None)
            controller = lease(ports.controller)
            brokers = find = None
            if self._between:
                brokers = lease(ports.brokers)
                find = self._between(number + 1, brokers)
            self._layout.ports[number] = broker.NodePorts(client, controller, brokers, find)
        self._layout.redis_port = lease(self._layout.redis_port)
        self._layout.write(self._folder)

    def _start_all(self, valkey_server: Path, timeout_s: float) -> None:
        redis = self._spawn_valkey(valkey_server)
        nodes = {node: self._spawn_broker(node) for node in self._nodes}
        readiness.wait_for_valkey(redis, self._layout.redis_port, timeout_s)
        readiness.wait_for_brokers(nodes, self._client_ports, timeout_s)
        readiness.wait_for_coordinators(nodes[1], self._client_ports[1], timeout_s)

    def _spawn_broker(self, node: int) -> ChildProcess:
        folder = self._folder / f"node-{node}"
        broker.prepare_node(
            folder,
            node=node,
            ports=self._layout.ports,
            cluster_id=self._layout.cluster_id,
            bootstrap_checkpoint=self._runtime.bootstrap_checkpoint,
        )
        if self._layout.nodes == 1 and fencing.ended_uncleanly(folder):
            fencing.write_settings(folder, broker.properties(node, self._layout.ports))
            fencing.fence_dead_broker(folder, lambda: self._spawn_kafka(node, fencing.SETTINGS))
        return self._spawn_kafka(node, broker.SETTINGS)

    def _spawn_kafka(self, node: int, settings: str) -> ChildProcess:
        command = self._runtime.command("kafka.Kafka", settings, options=broker.java_options(self._heap_mb))
        ports = self._layout.ports[node - 1]
        listens = [port for port in (ports.client, ports.controller, ports.brokers) if port]
        return self._spawn(_name(node), command, self._folder / f"node-{node}", listens)

    def _spawn_valkey(self, executable: Path) -> ChildProcess:
        folder = self._folder / VALKEY
        folder.mkdir(parents=True, exist_ok=True)
        port = self._layout.redis_port
        return self._spawn(VALKEY, valkey.command(executable, port), folder, [port])

    def _spawn(self, name: str, command: list[str | Path], folder: Path, ports: list[int]) -> ChildProcess:
        with ExitStack() as stack:
            leases = [self._leases.get(p) or stack.enter_context(lease_port(p, exact=True)) for p in ports]
            server = ChildProcess.spawn(
                command,
                name=name,
                log=folder / "logs" / "out.log",
                cwd=folder,
                env=broker.environment(),
                grace_s=ORPHAN_GRACE_S,
                detached=self._detached,
                kept_fds=[lease.fd for lease in leases],
            )
        if name in self._servers:
            self._servers[name].stop()  # it has ended, perhaps by itself: let go of its pipe
        self._servers[name] = server
        self._write_state()
        return server

    def _stop_servers(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        for server in self._servers.values():
            server.terminate()
        for server in self._servers.values():
            server.stop(max(0.0, deadline - time.monotonic()))

    def _release_leases(self) -> None:
        for lease in self._leases.values():
            lease.release()
        self._leases.clear()

    def _write_state(self) -> None:
        servers = [
            Server(name, ProcessIdentity.of(server.pid), ProcessIdentity.of(server.guardian_pid))
            for name, server in self._servers.items()
            if server.running
        ]
        owner = None if self._detached else ProcessIdentity.of(os.getpid())
        State(self.bootstrap_servers, self.redis_url, self._layout.nodes, owner, servers).write(self._folder)


def _name(node: int) -> str:
    return f"kafka-{node}"
