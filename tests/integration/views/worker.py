"""A worker of the read models as a process, asked over HTTP, and a log to feed it, with what was aborted in between."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.error
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

from confluent_kafka import Consumer, Producer

from connectors.kafka.browse import ends, places, reader, whole
from connectors.kafka.topics import admin_client
from connectors.settings import Settings
from infra.cluster import ChildProcess
from infra.cluster.ports import lease_port
from streams.topology import VIEWS
from tests.unit.views.traffic import Written
from tests.waiting import until

TOKEN = "a-token-of-these-tests"


class Worker:
    """`ringback run views` with its state in `folder`, from enter to exit."""

    def __init__(self, settings: Settings, folder: Path, *arguments: str, **environment: str) -> None:
        self._settings, self._folder, self._arguments = settings, folder, arguments
        self._environment = environment
        self._log = folder.with_name(f"{folder.name}.log")
        self._leases = ExitStack()
        self._process: ChildProcess | None = None

    def __enter__(self) -> Self:
        api, health = (self._leases.enter_context(lease_port(None)) for _ in range(2))
        self.port, self.health = api.port, health.port
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")},
            **self._settings.environment(),
            "RINGBACK_STATE_DIR": str(self._folder),
            "RINGBACK_VIEWS_PORT": str(self.port),
            "RINGBACK_VIEWS_TOKEN": TOKEN,
            **self._environment,
        }
        command = [sys.executable, "-m", "infra.cli.main", "run", "views", "--http-port", str(self.health)]
        self._process = ChildProcess.spawn(
            [*command, *self._arguments],
            name=self._folder.name,
            log=self._log,
            env=environment,
            kept_fds=(api.fd, health.fd),
        )
        return self

    def __exit__(self, *_: object) -> None:
        with self._leases:
            self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As `kill -9`."""
        os.kill(self.pid, signal.SIGKILL)

    def stop(self, patience_s: float = 10) -> int:
        """As SIGTERM, and SIGKILL after `patience_s`; what it exited with."""
        assert self._process is not None
        return self._process.stop(patience_s)

    def get(self, path: str) -> Any:
        """The JSON of a 200."""
        request = Request(f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
        with urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def metric(self, name: str) -> float:
        """One without labels, as its page tells it; 0 when it does not."""
        with urlopen(f"http://127.0.0.1:{self.health}/metrics", timeout=5) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def wait(self) -> None:
        """Until it answers, and has taken in what lies in the topics now."""
        wanted = stable_ends(self._settings)
        until(lambda: self._has(wanted), "the topics are taken in", 60, 0.1, self.log)

    def _has(self, wanted: dict[tuple[str, int], int]) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.health}/readyz", timeout=5):
                pass
            partitions = self.get("/v1/status")["partitions"]
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        # What was fetched is on its way into the tables: a batch that waits is behind `fetched` and before `next`,
        # unless only markers are left.
        there = {(p["topic"], p["partition"]): p for p in partitions}
        return all(
            (there[place]["fetched"] or 0) >= end and there[place]["next"] >= there[place]["handed"]
            for place, end in wanted.items()
        )


def stable_ends(settings: Settings) -> dict[tuple[str, int], int]:
    """Where a read-committed reader comes to, of every partition."""
    config = settings.kafka_config()
    consumer = reader(config)
    try:
        return ends(admin_client(config), places(consumer, [topic.name for topic in VIEWS.reads]))
    finally:
        consumer.close()


def committed(settings: Settings) -> list[tuple[str, bytes]]:
    """(topic, value) of every record that a read-committed reader gets, partition by partition, in order."""
    found = sorted(
        whole(settings.kafka_config(), [topic.name for topic in VIEWS.reads]),
        key=lambda record: (record.topic, record.partition, record.offset),
    )
    return [(record.topic, record.value or b"") for record in found]


class Log:
    """Writes to the topics as the stages do: in transactions, some of which are aborted."""

    def __init__(self, settings: Settings, codec: str = "none") -> None:
        config = {**settings.kafka_config(), "transactional.id": "traffic", "partitioner": "murmur2_random"}
        self._producer = Producer({**config, "log_level": 0, "linger.ms": 5, "compression.type": codec})
        self._producer.init_transactions(30)

    def write(self, records: Iterable[Written], *, abort: bool = False) -> None:
        self._producer.begin_transaction()
        for each in records:
            self._producer.produce(each.topic, each.value, key=each.key)
        self._producer.flush(30)
        if abort:
            self._producer.abort_transaction(30)
        else:
            self._producer.commit_transaction(30)

    def write_all(self, records: Sequence[Written], at_once: int, aborted: Sequence[Written] = ()) -> None:
        """In transactions of `at_once`, and between them some of `aborted`, which nobody must see."""
        for first in range(0, len(records), at_once):
            self.write(records[first : first + at_once])
            if aborted:
                start = first % len(aborted)
                self.write(aborted[start : start + 20], abort=True)

    def bad(self, topic: str, value: bytes) -> None:
        self._producer.begin_transaction()
        self._producer.produce(topic, value, key="any")
        self._producer.commit_transaction(30)


def groups_offsets(settings: Settings, group: str) -> int:
    """What a group has committed, in all."""
    from confluent_kafka import TopicPartition

    consumer = Consumer({**settings.kafka_config(), "group.id": group})
    try:
        metadata = consumer.list_topics(timeout=10).topics
        places = [TopicPartition(t.name, n) for t in VIEWS.reads for n in metadata[t.name].partitions]
        return sum(max(0, p.offset) for p in consumer.committed(places, timeout=10))
    finally:
        consumer.close()
