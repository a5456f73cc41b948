"""What is made once per Kafka version and JRE, and kept in the cache beside the fetched files.

- `bootstrap.checkpoint`: written by Kafka's own StorageTool; the template of every new node (broker.format_data).
- `broker.aot`: the JVM's ahead-of-time cache (JEP 483 and 515): classes loaded and linked, and profiles of the
  methods that a short training run used. It halves the time to the first answer. It is an optimisation only: where it
  cannot be made, or the JVM finds that it does not fit, the broker starts without.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.cluster import broker, readiness, training
from infra.cluster.artifacts import Progress, ensure, read_lock
from infra.cluster.cache import cache_folder, locked
from infra.cluster.errors import ChildFailed, ClusterError
from infra.cluster.java import find_java
from infra.cluster.ports import lease_port
from infra.cluster.process import ChildProcess

FORMAT_DEADLINE_S = 60.0
TRAINING_START_DEADLINE_S = 60.0
ASSEMBLY_DEADLINE_S = 120.0  # the JVM writes the cache after the broker has stopped: 5 s on two idle cores


@dataclass(frozen=True)
class Runtime:
    """All that a node needs beside its own settings."""

    java: Path
    classpath: str
    bootstrap_checkpoint: Path
    aot_cache: Path | None

    def command(self, main: str, *arguments: str | Path, options: list[str]) -> list[str | Path]:
        """The command line that runs class `main`."""
        aot = [f"-XX:AOTCache={self.aot_cache}"] if self.aot_cache else []
        return [self.java, *options, *aot, "-cp", self.classpath, main, *arguments]


def ensure_runtime(progress: Progress) -> Runtime:
    """Fetch and make what is missing; quick when nothing is. Raises ClusterError."""
    java = find_java()
    files = ensure("kafka", progress)
    locked_set = read_lock("kafka")
    jars = [str(files / artifact.filename) for artifact in locked_set.artifacts]
    flags = hashlib.sha256(" ".join(broker.java_options()).encode()).hexdigest()[:8]
    derived = cache_folder() / f"{files.name}-{java.identity}-{flags}"
    checkpoint, aot, given_up = (derived / n for n in ("bootstrap.checkpoint", "broker.aot", "no-aot"))
    runtime = Runtime(java.executable, ":".join(jars), checkpoint, None)
    if not (checkpoint.exists() and (aot.exists() or given_up.exists())):
        derived.mkdir(exist_ok=True)
        with locked(
            derived / "lock", waiting=lambda: progress("waiting for another process to prepare Kafka")
        ):
            for left_over in [*derived.glob("format-*"), *derived.glob("train-*")]:  # of a killed process
                shutil.rmtree(left_over, ignore_errors=True)
            if not checkpoint.exists():
                _make_checkpoint(runtime, checkpoint)
            if not (aot.exists() or given_up.exists()):
                progress(f"preparing Kafka {locked_set.version} for quick starts (some 10 s, this once)")
                try:
                    _train_patiently(runtime, aot)
                except (ClusterError, OSError) as error:
                    given_up.write_text(
                        f"{error}\n"
                    )  # not tried at every start; delete the file to try again
                    progress(f"Kafka will start more slowly: {str(error).splitlines()[0]} (see {given_up})")
    return Runtime(java.executable, ":".join(jars), checkpoint, aot if aot.exists() else None)


def _make_checkpoint(runtime: Runtime, checkpoint: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="format-", dir=checkpoint.parent) as name:
        folder = Path(name)
        broker.write_properties(
            folder / "server.properties", broker.properties(1, [broker.NodePorts(9092, 9192)])
        )
        options = ["-XX:TieredStopAtLevel=1", "-Xmx128m"]
        arguments = ["format", "-t", broker.kafka_uuid(), "-c", "server.properties"]
        command = runtime.command("kafka.tools.StorageTool", *arguments, options=options)
        tool = ChildProcess.spawn(
            command, name="kafka format", log=folder / "out.log", cwd=folder, env=broker.environment()
        )
        code = tool.wait(FORMAT_DEADLINE_S)
        tool.stop()
        written = folder / "data" / checkpoint.name
        if code != 0 or not written.exists():
            raise ChildFailed(f"Kafka's format tool failed ({code}):\n{tool.tail()}")
        written.rename(checkpoint)


def _train_patiently(runtime: Runtime, aot: Path) -> None:
    """A stranger may take the port between our look and the broker's bind: then others are tried."""
    for last in (False, False, True):
        try:
            _train(runtime, aot)
            return
        except ChildFailed:
            if last:
                raise


def _train(runtime: Runtime, aot: Path) -> None:
    """Run a broker on some work, so that the JVM sees which classes and methods a broker uses, and keep that."""
    with (
        tempfile.TemporaryDirectory(prefix="train-", dir=aot.parent) as name,
        lease_port(None) as client,
        lease_port(None) as controller,
    ):
        folder = Path(name)
        broker.prepare_node(
            folder,
            node=1,
            ports=[broker.NodePorts(client.port, controller.port)],
            cluster_id=broker.kafka_uuid(),
            bootstrap_checkpoint=runtime.bootstrap_checkpoint,
        )
        made = folder / aot.name
        options = [*broker.java_options(), f"-XX:AOTCacheOutput={made}"]
        trained = ChildProcess.spawn(
            runtime.command("kafka.Kafka", "server.properties", options=options),
            name="kafka training run",
            log=folder / "logs" / "out.log",
            cwd=folder,
            env=broker.environment(),
        )
        try:
            readiness.wait_for_brokers({1: trained}, {1: client.port}, TRAINING_START_DEADLINE_S)
            training.exercise(f"127.0.0.1:{client.port}")
        except BaseException:
            trained.kill()
            raise
        code = trained.stop(ASSEMBLY_DEADLINE_S)
        if not made.exists():
            raise ChildFailed(f"the JVM made no AOT cache (exit code {code}):\n{trained.tail(5)}")
        made.rename(aot)
