"""How fast the read models read: `python -m infra.bench views`.

The topics are filled with whole lives of reminders, ten records each over four topics, in transactions. A worker runs
as an operator would start it, in a process of its own, with nothing read. Its CPU time is that of the process, all
threads, from `/proc`, from its start until everything is in its tables; what the same worker takes to start when there
is nothing left to read is taken off. Beside it, as a yardstick, the same records consumed by confluent-kafka in
batches, with nothing done to them.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
import urllib.error
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from confluent_kafka import TopicPartition

from connectors.kafka.browse import BEGINNING, ends, places, reader
from connectors.kafka.topics import admin_client, apply
from infra.bench.reporting import Progress
from infra.bench.timers import cost
from infra.bench.views.lives import RECORDS_OF_A_LIFE, fill
from infra.cluster import ChildProcess, LocalCluster
from infra.cluster.ports import lease_port
from streams.topology import VIEWS

BAR = 10_000  # records a CPU second
TOKEN = "a-token-of-this-benchmark"
PARTITIONS = 8
WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class ViewsResult:
    """CPU seconds: medians over the runs; `disk_bytes` of the tables."""

    records: int
    read_cpu_s: float
    start_cpu_s: float
    bare_cpu_s: float
    disk_bytes: int
    anon_mb: float
    exact: bool

    @property
    def rate(self) -> float:
        """Records a CPU second."""
        return self.records / max(0.01, self.read_cpu_s - self.start_cpu_s)

    @property
    def bare_rate(self) -> float:
        return self.records / max(0.01, self.bare_cpu_s)

    @property
    def fine(self) -> bool:
        return self.exact and self.rate >= BAR

    def as_json(self) -> dict[str, Any]:
        found = {name: getattr(self, name) for name in self.__slots__}
        return found | {
            "rate": round(self.rate),
            "bare_rate": round(self.bare_rate),
            "bar": BAR,
            "fine": self.fine,
        }


def measure(lives: int, runs: int, progress: Progress) -> ViewsResult:
    """On a broker of its own. Raises ClusterError, KafkaException, TimeoutError."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-views-") as name,
        LocalCluster.start(Path(name) / "cluster", progress=progress) as cluster,
    ):
        config = {"bootstrap.servers": cluster.bootstrap_servers}
        apply(admin_client(config), PARTITIONS, 1, wanted=list(VIEWS.reads), timeout_s=60)
        progress(f"writing {lives * RECORDS_OF_A_LIFE} records")
        fill(config, lives)
        read, start, bare = list[float](), list[float](), list[float]()
        exact, folder, anon = True, Path(name) / "member", 0
        for run in range(runs):
            progress(f"run {run + 1} of {runs}")
            cpu_s, records, anon = _run(config, folder, "--rebuild")
            read.append(cpu_s)
            exact = exact and records == lives * RECORDS_OF_A_LIFE
            start.append(_run(config, folder)[0])
            bare.append(_bare(config, lives * RECORDS_OF_A_LIFE))
        return ViewsResult(
            lives * RECORDS_OF_A_LIFE,
            round(statistics.median(read), 2),
            round(statistics.median(start), 2),
            round(statistics.median(bare), 3),
            cost.disk_bytes(folder),
            round(anon / 1e6),
            exact,
        )


def _run(config: dict[str, str], folder: Path, *arguments: str) -> tuple[float, int, int]:
    """CPU seconds until everything is in the tables, how many records they have then, and its own memory."""
    with lease_port(None) as lease:
        port = lease.port
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": config["bootstrap.servers"],
        "RINGBACK_STATE_DIR": str(folder),
        "RINGBACK_VIEWS_PORT": str(port),
        "RINGBACK_VIEWS_TOKEN": TOKEN,
    }
    command = [sys.executable, "-m", "infra.cli.main", "run", "views", *arguments]
    log = folder.with_suffix(".log")
    child = ChildProcess.spawn(command, name="views", log=log, env=environment)
    try:
        end_s = time.monotonic() + WAIT_S
        while (records := _records(port)) is None:
            if time.monotonic() > end_s:
                raise TimeoutError(f"it did not read the topics in {WAIT_S:.0f} s:\n{log.read_text()}")
            time.sleep(0.2)
        spent = cost.of_process(child.pid)
    finally:
        child.stop()
    return spent.cpu_s, records, spent.anon_bytes


def _records(port: int) -> int | None:
    request = Request(f"http://127.0.0.1:{port}/v1/tenants", headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        with urlopen(request, timeout=20) as answer:
            return sum(int(each["records"]) for each in json.load(answer)["tenants"])
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def _bare(config: dict[str, str], records: int) -> float:
    """CPU seconds of this process for consuming as many records in batches, read committed."""
    consumer = reader({**config, "enable.partition.eof": "false"})
    try:
        wanted = places(consumer, [topic.name for topic in VIEWS.reads])
        until = ends(admin_client(config), wanted)
        begun_s, left = time.process_time(), records
        consumer.assign([TopicPartition(*place, BEGINNING) for place in until])
        end_s = time.monotonic() + WAIT_S
        while left > 0:
            if time.monotonic() > end_s:
                raise TimeoutError("the records cannot be consumed")
            left -= sum(m.error() is None and m.value() is not None for m in consumer.consume(1_000, 0.05))
        return time.process_time() - begun_s
    finally:
        consumer.close()


def table(result: ViewsResult) -> str:
    """For people."""
    rows = [
        ("records a CPU second", f"{result.rate:,.0f}", f"bar {BAR:,}"),
        ("the same, consumed by confluent-kafka and left alone", f"{result.bare_rate:,.0f}", ""),
        ("CPU to read them all, with the start", f"{result.read_cpu_s:.2f} s", ""),
        ("CPU of the start", f"{result.start_cpu_s:.2f} s", ""),
        ("disk a record", f"{result.disk_bytes / result.records:.0f} bytes", ""),
        ("RAM, its own", f"{result.anon_mb:.0f} MB", ""),
        ("every record counted once", "yes" if result.exact else "NO", ""),
    ]
    head = f"{result.records} records of {RECORDS_OF_A_LIFE} a reminder"
    return "\n".join([head, *(f"{name:54}{value:>12}   {bar}".rstrip() for name, value, bar in rows)])
