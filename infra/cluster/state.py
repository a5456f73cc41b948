"""What a cluster's directory says about it: its shape, which stays, and its processes, which come and go.

layout.json     nodes, cluster id, ports: written when the data is made, kept until it is wiped
cluster.json    the servers that were started last, each by pid and start time
cluster.lock    held (flock) while a command starts, stops or wipes
node-N/         server.properties, data/, logs/
valkey/         the append-only file, logs/
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.cluster.broker import NodePorts, kafka_uuid
from infra.cluster.errors import DirectoryInUse
from infra.cluster.identity import ProcessIdentity

PREFERRED_CLIENT_PORT = 9092
PREFERRED_CONTROLLER_PORT = 9192
PREFERRED_REDIS_PORT = 6379
VALKEY = "valkey"


@dataclass
class Layout:
    """Node count, Kafka's cluster id, and the ports that are asked for first."""

    nodes: int
    cluster_id: str
    ports: list[NodePorts]
    redis_port: int

    @classmethod
    def new(cls, nodes: int, port: int | None) -> Layout:
        first = port or PREFERRED_CLIENT_PORT
        ports = [NodePorts(first + number, PREFERRED_CONTROLLER_PORT + number) for number in range(nodes)]
        return cls(nodes, kafka_uuid(), ports, PREFERRED_REDIS_PORT)

    @classmethod
    def read(cls, folder: Path) -> Layout | None:
        """What `folder` holds, or None. Raises DirectoryInUse when the file is not one of ours."""
        text = _read(folder / "layout.json")
        if text is None:
            return None
        try:
            fields = json.loads(text)
            ports = [NodePorts(**each) for each in fields["ports"]]
            return cls(fields["nodes"], fields["cluster_id"], ports, fields["redis_port"])
        except (ValueError, KeyError, TypeError) as error:
            raise DirectoryInUse(
                f"{folder / 'layout.json'} is not a cluster's: wipe it or name another"
            ) from error

    def write(self, folder: Path) -> None:
        _write(folder / "layout.json", dataclasses.asdict(self))


@dataclass
class Server:
    """One running server: its own process and the guardian, which is the one to signal."""

    name: str
    process: ProcessIdentity
    guardian: ProcessIdentity


@dataclass
class State:
    """The servers of a directory as they were started last. `owner` is the process that they end with, if any."""

    bootstrap_servers: str
    redis_url: str
    nodes: int
    owner: ProcessIdentity | None
    servers: list[Server] = field(default_factory=list)

    @property
    def running(self) -> list[Server]:
        return [server for server in self.servers if server.guardian.alive or server.process.alive]

    @classmethod
    def read(cls, folder: Path) -> State | None:
        """The state of `folder`, or None if nothing was ever started there or the file is damaged."""
        text = _read(folder / "cluster.json")
        try:
            fields = json.loads(text or "")
            owner = fields["owner"]
            return cls(
                fields["bootstrap_servers"],
                fields["redis_url"],
                fields["nodes"],
                ProcessIdentity(**owner) if owner else None,
                [
                    Server(s["name"], ProcessIdentity(**s["process"]), ProcessIdentity(**s["guardian"]))
                    for s in fields["servers"]
                ],
            )
        except (ValueError, KeyError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        _write(folder / "cluster.json", dataclasses.asdict(self))


def wipe_data(folder: Path) -> None:
    """Delete what a cluster made in `folder`, and nothing else: it may be somebody's home."""
    for data in [*folder.glob("node-[0-9]"), folder / VALKEY]:
        shutil.rmtree(data, ignore_errors=True)
    for name in ("layout.json", "cluster.json"):
        (folder / name).unlink(missing_ok=True)


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _write(path: Path, content: dict[str, Any]) -> None:
    """Replace `path` as a whole: a reader, or a crash, sees the old text or the new."""
    fd, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(fd, "w") as file:
        json.dump(content, file, indent=1)
    Path(name).replace(path)
