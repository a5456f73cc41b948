"""The peer that a stream engineer would pick: Kafka Streams, exactly-once, on the same broker (kstreams/, Java)."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import uuid
from collections.abc import Iterable
from pathlib import Path

from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from infra.bench.timers import cost
from infra.bench.timers.kafka_io import Writer, committed, delete
from infra.bench.timers.load import Load, parse_payload, payload
from infra.bench.timers.process import MeteredProcess
from infra.bench.timers.subject import Unavailable
from infra.bench.timers.watch import TopicWatch
from infra.cluster.cache import cache_folder
from streams.topology import DAY_MS, Topic

SOURCE = Path(__file__).with_name("kstreams")
BUILD_S = 300
STOP_S = 30.0
FORGET_S = 30.0
JVM = ("-Xms128m", "-Xmx512m", "-XX:+UseG1GC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


def build() -> Path:
    """The folder with `lib/` and `target/classes/`, made once for each state of the source. Raises Unavailable."""
    missing = [tool for tool in ("mvn", "java") if shutil.which(tool) is None]
    if missing:
        raise Unavailable(f"needs {' and '.join(missing)}")
    files = sorted(file for file in SOURCE.rglob("*") if file.suffix in (".java", ".xml"))
    state = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = cache_folder() / "bench" / f"kstreams-{state}"
    if not (folder / "built").exists():
        command = [
            *("mvn", "-q", "-B", "-f", str(SOURCE / "pom.xml"), f"-Dbuild.folder={folder / 'target'}"),
            *(f"-DoutputDirectory={folder / 'lib'}", "dependency:copy-dependencies", "compile"),
        ]
        made = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)
        if made.returncode:
            raise Unavailable(f"mvn failed: {made.stdout.strip()[-500:]}")
        (folder / "built").touch()
    return folder


class KafkaStreams:
    """One instance with one thread. A clean slate is a new application id with topics of its own."""

    keeps_backlog = True

    def __init__(self, name: str, bootstrap_servers: str, folder: Path, commit_interval_ms: int) -> None:
        self.name = name
        self._built = build()
        self._bootstrap, self._interval_ms = bootstrap_servers, commit_interval_ms
        self._folder = folder / name
        self._clients = KafkaClients(bootstrap_servers)
        self._admin = self._clients.admin()
        self._writer = Writer(self._clients.plain_producer())
        self._id = ""
        self._process = MeteredProcess(name)

    @property
    def _in(self) -> str:
        return f"{self._id}-in"

    @property
    def _out(self) -> str:
        return f"{self._id}-out"

    def clean(self) -> None:
        self._process.end()
        if self._id:
            delete(self._admin, lambda name: name.startswith(f"{self._id}-"), FORGET_S)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._id = f"{self.name}-{uuid.uuid4().hex[:6]}"
        topics.apply(
            self._admin, wanted=[Topic(name, "user", None, DAY_MS) for name in (self._in, self._out)]
        )

    def start(self) -> None:
        settings = {
            "application.id": self._id,
            "bootstrap.servers": self._bootstrap,
            "state.dir": self._folder / "state",
            "commit.interval.ms": self._interval_ms,
            "replication.factor": -1,
        }
        classes = f"{self._built / 'target' / 'classes'}:{self._built / 'lib'}/*"
        pairs = [f"{name}={value}" for name, value in settings.items()]
        self._process.start(
            ["java", *JVM, "-cp", classes, "ringback.bench.Timers", self._in, self._out, *pairs],
            log=self._folder / "out.log",
        )

    def stop(self) -> None:
        self._process.end(STOP_S)

    def kill(self) -> None:
        self._process.end()

    def wipe(self) -> None:
        """The tasks' stores; the file beside them is the identity of the process."""
        for task in (self._folder / "state" / self._id).iterdir():
            if task.is_dir():
                shutil.rmtree(task)

    def close(self) -> None:
        self._process.end()

    def enqueue(self, load: Load, timers: Iterable[int]) -> None:
        self._writer.write(self._in, ((load.user_name(t), payload(load, t)) for t in timers))

    def accepted(self) -> int:
        self._process.running()
        return committed(self._admin, self._id, self._in)

    def watch(self) -> TopicWatch:
        return TopicWatch(self._clients.log_reader(), self._out, parse_payload)

    def cost(self) -> cost.Cost:
        return self._process.cost(self._folder / "state")

    def cpu_s(self) -> float:
        return self._process.cpu_s()
