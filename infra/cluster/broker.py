"""One Kafka node in KRaft mode, broker and controller in one process: its settings, its files, its command line."""

from __future__ import annotations

import base64
import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HEAP_MB = 512
INTERNAL_PARTITIONS = 8
SETTINGS = "server.properties"

LOG4J2 = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN" shutdownHook="disable">
  <Appenders>
    <RollingFile name="file" fileName="logs/server.log" filePattern="logs/server.log.%i">
      <PatternLayout pattern="%d{ISO8601} %p %m (%c{1})%n"/>
      <SizeBasedTriggeringPolicy size="16 MB"/>
      <DefaultRolloverStrategy max="2"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="file"/></Root>
    <Logger name="kafka.request.logger" level="WARN"/>
    <Logger name="org.apache.kafka.common.config.AbstractConfig" level="WARN"/>
  </Loggers>
</Configuration>
"""


@dataclass(frozen=True)
class NodePorts:
    """Loopback ports of one node: where clients come, and where the controllers talk to each other.

    `brokers`: where other brokers come, if not where clients do; `brokers_find`: the port that they are told for
    it, which is that of a proxy. A broker also talks to itself through it, as when it writes transaction markers.
    """

    client: int
    controller: int
    brokers: int | None = None
    brokers_find: int | None = None


def properties(node: int, ports: Sequence[NodePorts]) -> dict[str, str]:
    """The settings of `server.properties` for `node` (1 to n) of a cluster whose nodes listen on `ports`.

    Paths are relative to the node's folder, where the JVM is started: `log.dirs` splits at commas, and a
    directory may have one in its name.

    Sources: design.md section 4, and Kafka's own documentation of each name. What differs from its defaults is
    here for one of three reasons: the cluster is small, a dead client or broker must be noticed within
    seconds, or the design demands it (no automatic topics, no unclean leader).
    """
    count = len(ports)
    own = ports[node - 1]
    in_sync = 2 if count >= 3 else 1
    listens = f"CLIENT://127.0.0.1:{own.client}"
    advertised, between_brokers = listens, "CLIENT"
    if own.brokers is not None:
        between_brokers = "BROKERS"
        advertised = f"BROKERS://127.0.0.1:{own.brokers_find or own.brokers},{listens}"
        listens = f"BROKERS://127.0.0.1:{own.brokers},{listens}"
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": ",".join(
            f"{number}@127.0.0.1:{each.controller}" for number, each in enumerate(ports, start=1)
        ),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": between_brokers,
        "listeners": f"{listens},CONTROLLER://127.0.0.1:{own.controller}",
        "advertised.listeners": advertised,
        "listener.security.protocol.map": "BROKERS:PLAINTEXT,CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": "data",
        # Topics and their safety
        "auto.create.topics.enable": "false",
        "default.replication.factor": str(min(count, 3)),
        "min.insync.replicas": str(in_sync),
        "unclean.leader.election.enable": "false",
        "num.partitions": "8",
        "offsets.topic.num.partitions": str(INTERNAL_PARTITIONS),
        "offsets.topic.replication.factor": str(min(count, 3)),
        "transaction.state.log.num.partitions": str(INTERNAL_PARTITIONS),
        "transaction.state.log.replication.factor": str(min(count, 3)),
        "transaction.state.log.min.isr": str(in_sync),
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": str(min(count, 3)),
        "share.coordinator.state.topic.min.isr": str(in_sync),
        # Groups: a member that is gone is noticed within seconds, not 45
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "group.consumer.session.timeout.ms": "6000",
        "group.consumer.min.session.timeout.ms": "6000",
        "group.consumer.heartbeat.interval.ms": "1000",
        "group.consumer.min.heartbeat.interval.ms": "1000",
        # A dead member's transaction is ended when its timeout is over, not up to 10 s later
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
        # A broker that was killed may register again once its session has ended: 9 s by default
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "controller.quorum.election.backoff.max.ms": "500",
        # Small machine, little data
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        "log.segment.bytes": str(128 * 1024 * 1024),
        "offsets.topic.segment.bytes": str(16 * 1024 * 1024),
        "transaction.state.log.segment.bytes": str(16 * 1024 * 1024),
    }


def write_properties(path: Path, settings: dict[str, str]) -> None:
    """Write a Java properties file, in UTF-8 as Kafka's loader reads it; a backslash must be doubled in one."""
    lines = [f"{name}={value}".replace("\\", "\\\\") for name, value in settings.items()]
    path.write_text("\n".join(lines) + "\n")


def kafka_uuid() -> str:
    """A random id as Kafka writes one: 16 bytes of a version 4 UUID in URL-safe base64 without padding, and
    not starting with a dash, which its tools would take for an option (org.apache.kafka.common.Uuid)."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def format_data(data: Path, *, node: int, cluster_id: str, bootstrap_checkpoint: Path) -> None:
    """Make the data folder of a new node, as `kafka.tools.StorageTool format` does for a static quorum.

    That tool writes two files: `meta.properties` with the ids, and `bootstrap.checkpoint` with the feature
    levels of the release, the same bytes for every cluster but a time stamp. `bootstrap_checkpoint` is the one that
    the tool itself wrote for this release (runtime.py), so only the ids are ours. It saves a JVM start a node.
    The folder appears by one rename, so an interruption leaves none that is half made.
    """
    staging = data.with_name(data.name + ".new")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    (staging / "meta.properties").write_text(
        f"version=1\ncluster.id={cluster_id}\nnode.id={node}\ndirectory.id={kafka_uuid()}\n"
    )
    shutil.copyfile(bootstrap_checkpoint, staging / "bootstrap.checkpoint")
    staging.rename(data)


def java_options(heap_mb: int = HEAP_MB) -> list[str]:
    """JVM flags of a node. The AOT cache depends on some of them: change them and it is made anew (runtime.py)."""
    return [
        f"-Xmx{heap_mb}m",
        "-XX:+UseG1GC",
        "-XX:+ExitOnOutOfMemoryError",  # a dead broker is noticed, a crippled one is not
        "-Xlog:all=error:stderr",
        "--sun-misc-unsafe-memory-access=allow",  # Kafka unmaps its index files so; Java 25 warns each time
        "-XX:-UsePerfData",  # no files in the system's temporary folder
        "-Djava.awt.headless=true",
        "-Djava.net.preferIPv4Stack=true",
        "-Dlog4j2.configurationFile=logs/log4j2.xml",
        "-Dlog4j2.disableJmx=true",
    ]


def environment() -> dict[str, str]:
    """This process' environment without the variables that would add flags to every JVM."""
    return {
        k: v
        for k, v in os.environ.items()
        if k not in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
    }


def prepare_node(
    folder: Path, *, node: int, ports: Sequence[NodePorts], cluster_id: str, bootstrap_checkpoint: Path
) -> None:
    """Write the node's settings, and its data folder if it has none. It logs to `logs/server.log`, 48 MB at most."""
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    (folder / "logs" / "log4j2.xml").write_text(LOG4J2)
    write_properties(folder / SETTINGS, properties(node, ports))
    if not (folder / "data").exists():
        format_data(
            folder / "data", node=node, cluster_id=cluster_id, bootstrap_checkpoint=bootstrap_checkpoint
        )
