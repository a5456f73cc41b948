"""One member of the calling consumer, started as an operator would, given a backlog of due reminders."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.settings import Settings
from infra.bench.calls.due import OUR_NUMBER, PUBLIC_URL, TENANT, value
from infra.bench.timers.kafka_io import Writer
from infra.bench.timers.process import MeteredProcess
from infra.bench.timers.waiting import until
from infra.bench.timers.watch import TopicWatch
from infra.cli.tenants import apply_tenants
from infra.simulator.settings import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN
from schemas.codec import decoder, encoder
from streams.tenants import Tenant
from streams.topology import CALLING, CALLS, DUE

UNCAPPED_PER_S = 100_000.0
STOP_S = 30.0
DONE_S = 300.0
OUTCOMES = frozenset({"PLACED", "NOT_SENT", "UNKNOWN", "FAILED"})


@dataclass(frozen=True, slots=True)
class Placing:
    """`per_s`: from the first request at the carrier to the last. `faults`: what exactly-once forbids, or NOT_SENT."""

    number: int
    per_s: float
    cpu_us: float
    faults: dict[str, int]


class Line:
    """Topics, one tenant without a cap, the answering carrier, and the member."""

    def __init__(self, bootstrap_servers: str, redis_url: str, folder: Path) -> None:
        self._folder = folder
        self._clients = KafkaClients(bootstrap_servers)
        self._writer = Writer(self._clients.plain_producer())
        self._encode = encoder("ReminderDue")
        self.carrier = Carrier(folder)
        self._settings = Settings.read(
            {
                "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
                "REDIS_URL": redis_url,
                "TWILIO_BASE_URL": self.carrier.base_url,
                "TWILIO_ACCOUNT_SID": DEMO_ACCOUNT_SID,
                "TWILIO_AUTH_TOKEN": DEMO_AUTH_TOKEN,
                "PUBLIC_URL": PUBLIC_URL,
                "RINGBACK_STATE_DIR": str(folder / "member"),
            }
        )
        topics.apply(self._clients.admin())
        tenant = Tenant(id=TENANT, numbers=(OUR_NUMBER,), calls_per_second=UNCAPPED_PER_S)
        apply_tenants(self._settings, [tenant])
        self._member = MeteredProcess("calls")
        self._runs = 0

    @property
    def pid(self) -> int:
        """For a profiler."""
        return self._member.running().pid

    def start(self) -> None:
        self._member.start(
            [sys.executable, "-m", "infra.cli.main", "run", CALLING.name],
            log=self._folder / "calls.log",
            cwd=Path(__file__).parents[3],
            env={**os.environ, **self._settings.environment(), "RINGBACK_MEMBER": "bench"},
        )

    def place(self, number: int) -> Placing:
        """`number` reminders fall due at once; returns when Kafka has what became of each."""
        self._runs += 1
        read = decoder("CallEvent")

        def state(record: bytes) -> tuple[str, int, int]:
            event = read(record)
            return event["state"], 0, 0

        self.carrier.seen(forget=True)
        watch = TopicWatch(self._clients.log_reader(), CALLS.name, state)
        cpu_s = self._member.cpu_s()
        try:
            self._writer.write(
                DUE.name,
                (
                    (user, self._encode(record))
                    for user, record in (value(n, self._runs) for n in range(number))
                ),
            )
            # Two records a call at least; decoded only then, as that takes CPU from what is measured.
            until(
                lambda: watch.count >= 2 * number and _ended(watch) >= number,
                f"{number} calls are not placed",
                DONE_S,
            )
            spent_s = self._member.cpu_s() - cpu_s
            states = [fired.load for fired in watch.fired()]
        finally:
            watch.close()
        seen = self.carrier.seen()
        faults = {
            "called twice": seen["calls"] - seen["keys"],
            "not called": number - seen["keys"],
            "not sent": states.count("NOT_SENT"),
            "unknown": states.count("UNKNOWN"),
            "not in writing": number - states.count("PLACED"),
        }
        took_s = seen["last_s"] - seen["first_s"]
        return Placing(
            number, number / took_s, spent_s / number * 1e6, {k: int(v) for k, v in faults.items() if v}
        )

    def close(self) -> None:
        self._member.end(STOP_S)
        self.carrier.close()


def _ended(watch: TopicWatch) -> int:
    """Tries whose request has an outcome."""
    return sum(f.load in OUTCOMES for f in watch.fired())


class Carrier:
    """answering.py in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._process = MeteredProcess("carrier")
        log = folder / "carrier.log"
        self._process.start(
            [sys.executable, "-m", "infra.bench.calls.answering"], log=log, cwd=Path(__file__).parents[3]
        )
        until(lambda: log.read_text().strip().isdigit(), "the carrier does not listen", 10.0)
        self.base_url = f"http://127.0.0.1:{log.read_text().strip()}"

    def seen(self, *, forget: bool = False) -> dict[str, float]:
        with urllib.request.urlopen(
            f"{self.base_url}/{'forget' if forget else 'seen'}", timeout=10
        ) as answer:
            return dict(json.load(answer))

    def cpu_s(self) -> float:
        return self._process.cpu_s()

    def close(self) -> None:
        self._process.end()
