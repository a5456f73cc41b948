"""What a scrape of the lag exporter costs on a cluster with many groups: `python -m infra.bench lag`.

The exporter runs as an operator would start it, in a process of its own, and is scraped over HTTP. Its CPU time is
that of the process, all threads, from `/proc`; broker and this program are not in it. Between two scrapes every
partition gets a record, so each scrape finds all of them moved and has records to read; after these come scrapes where
nothing moved.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.kafka.topics import admin_client, apply
from infra.bench.reporting import Progress
from infra.bench.timers import cost
from infra.cluster import ChildProcess, LocalCluster
from streams.topology import Topic

BAR_S, GOAL_S = 1.0, 0.5  # CPU a scrape
FIRST_BAR_S = 2.0  # from the command to the figure
TOPICS = 10
RECORDS = 25
STEP = 3  # offsets that each group lags more than the one before it
COMMAND = (sys.executable, "-m", "infra.cli.main", "lag")


@dataclass(frozen=True, slots=True)
class LagResult:
    """CPU seconds and wall seconds a scrape, medians; `moving_estimated`: (group, partition) pairs of a page whose
    records there was no time to count; `first_s`: wall time of `ringback lag --json` for one group."""

    partitions: int
    groups: int
    samples: int
    bytes: int
    moving_cpu_s: float
    moving_s: float
    moving_estimated: int
    still_cpu_s: float
    still_s: float
    gzip_cpu_s: float
    first_s: float
    ram_mb: float

    @property
    def fine(self) -> bool:
        return (
            max(self.moving_cpu_s, self.still_cpu_s, self.gzip_cpu_s) <= BAR_S and self.first_s <= FIRST_BAR_S
        )

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"fine": self.fine}


def measure(partitions: int, groups: int, scrapes: int, progress: Progress) -> LagResult:
    """On a broker of its own. Raises ClusterError, KafkaException."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-lag-") as name,
        LocalCluster.start(Path(name) / "cluster", progress=progress) as cluster,
    ):
        bootstrap = cluster.bootstrap_servers
        progress(f"making {partitions} partitions and {groups} groups")
        feed = _Feed(bootstrap, partitions)
        feed.fill(groups)
        progress("scraping")
        return _scrape(bootstrap, feed, partitions, groups, scrapes, Path(name) / "exporter.log")


class _Feed:
    """The cluster's records and groups."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self._config = {"bootstrap.servers": bootstrap}
        self._admin: AdminClient = admin_client(self._config)
        each = partitions // TOPICS
        self._places = [(f"lag.{topic}", number) for topic in range(TOPICS) for number in range(each)]
        topics = [Topic(f"lag.{topic}", "any", None, 86_400_000) for topic in range(TOPICS)]
        apply(self._admin, each, 1, wanted=topics, timeout_s=60)
        self._producer = Producer({**self._config, "linger.ms": 20, "log_level": 0})

    def fill(self, groups: int) -> None:
        """Records everywhere, and groups that have committed in every partition: the first few are up to date, each
        other is a little further behind."""
        for _ in range(RECORDS):
            self.step()
        for number in range(groups):
            group = f"group-{number}"
            offset = RECORDS if number < groups // 2 else max(0, RECORDS - STEP * (number - groups // 2))
            places = [TopicPartition(*place, offset) for place in self._places]
            asked = self._admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])
            asked[group].result(30)

    def step(self) -> None:
        """One record more in each partition."""
        for topic, number in self._places:
            self._producer.produce(topic, b"x" * 100, partition=number)
        if self._producer.flush(60):
            raise TimeoutError("the broker does not take the records")


def _scrape(bootstrap: str, feed: _Feed, partitions: int, groups: int, scrapes: int, log: Path) -> LagResult:
    kafka = ("--kafka-bootstrap-servers", bootstrap)
    child = ChildProcess.spawn(
        [*COMMAND, "--serve", "--port", "0", "--host", "127.0.0.1", *kafka], name="lag", log=log
    )
    try:
        url = _url(log)
        page, _ = _page(url)  # a first page makes the templates
        moving = [_cost(child.pid, url, feed.step) for _ in range(scrapes)]
        still = [_cost(child.pid, url, lambda: None) for _ in range(scrapes)]
        zipped = [_cost(child.pid, url, lambda: None, "gzip") for _ in range(scrapes)]
        ram_mb = cost.of_process(child.pid).anon_bytes / 1e6
    finally:
        child.stop()
    begun_s = time.monotonic()
    subprocess.run([*COMMAND, "--json", "--group", "group-1", *kafka], stdout=subprocess.PIPE, check=True)
    first_s = time.monotonic() - begun_s
    return LagResult(
        partitions,
        groups,
        sum(not line.startswith(b"#") for line in page.splitlines()),
        len(page),
        _median([cpu_s for cpu_s, _, _ in moving]),
        _median([took_s for _, took_s, _ in moving]),
        round(statistics.median(estimated for _, _, estimated in moving)),
        _median([cpu_s for cpu_s, _, _ in still]),
        _median([took_s for _, took_s, _ in still]),
        _median([cpu_s for cpu_s, _, _ in zipped]),
        round(first_s, 2),
        round(ram_mb, 1),
    )


def _median(values: list[float]) -> float:
    return round(statistics.median(values), 3)


def _url(log: Path) -> str:
    end_s = time.monotonic() + 30
    while time.monotonic() < end_s:
        for line in log.read_text().splitlines():
            if line.startswith("http://"):
                return line
        time.sleep(0.02)
    raise TimeoutError(f"the exporter did not start:\n{log.read_text()}")


def _page(url: str, encoding: str = "identity") -> tuple[bytes, float]:
    begun_s = time.monotonic()
    with urlopen(Request(url, headers={"Accept-Encoding": encoding}), timeout=60) as answer:
        body = answer.read()
    return body, time.monotonic() - begun_s


def _cost(pid: int, url: str, before: Any, encoding: str = "identity") -> tuple[float, float, int]:
    """CPU and wall seconds of one scrape, and how much of it was estimated."""
    before()
    spent_s = cost.cpu_s(pid)
    page, took_s = _page(url, encoding)
    found = re.search(rb"^ringback_lag_estimated (\d+)", page, re.MULTILINE)
    return cost.cpu_s(pid) - spent_s, took_s, int(found[1]) if found else 0


def table(result: LagResult) -> str:
    """For people."""
    rows = [
        (
            "CPU a scrape, every partition moved",
            f"{result.moving_cpu_s:.2f} s",
            f"bar {BAR_S}, goal {GOAL_S}",
        ),
        ("CPU a scrape, nothing moved", f"{result.still_cpu_s:.2f} s", f"bar {BAR_S}, goal {GOAL_S}"),
        ("CPU a scrape, nothing moved, gzip", f"{result.gzip_cpu_s:.2f} s", f"bar {BAR_S}"),
        ("wall time a scrape, moved and not", f"{result.moving_s:.2f} s, {result.still_s:.2f} s", ""),
        ("estimates on a page, every partition moved", f"{result.moving_estimated}", ""),
        ("ringback lag, to the first figure", f"{result.first_s:.2f} s", f"bar {FIRST_BAR_S}"),
        ("RAM of the exporter, its own", f"{result.ram_mb:.0f} MB", ""),
    ]
    head = (
        f"{result.partitions} partitions x {result.groups} groups, {result.samples} samples, "
        f"{result.bytes / 1e6:.1f} MB a page"
    )
    return "\n".join([head, *(f"{name:44}{value:>18}   {bar}".rstrip() for name, value, bar in rows)])
