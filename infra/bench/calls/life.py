"""The whole life of a call: placed, rung, picked up, told, hung up, each step reported; by simulator and gateway."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from connectors.kafka.clients import KafkaClients
from connectors.settings import Settings
from infra.bench.calls.due import value
from infra.bench.reporting import Progress
from infra.bench.timers.kafka_io import Writer
from infra.bench.timers.process import MeteredProcess
from infra.bench.timers.waiting import until
from infra.bench.timers.watch import TopicWatch
from infra.cluster import LocalCluster
from infra.cluster.ports import lease_port
from infra.simulator.settings import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN
from schemas.codec import decoder, encoder
from streams.topology import CALLING, CALLS, DUE

ENDS = frozenset({"COMPLETED", "NOT_SENT"})
SPEED = "100"  # of people: what is measured is what their calls cost
READY_S = 30.0
DONE_S = 300.0
STOP_S = 30.0
LIFE_RUN = 90  # no run of member.py


@dataclass(frozen=True, slots=True)
class Life:
    """`cpu_us`: of each process, a call. `given_back`: claims that grew too old on a machine that could not keep up;
    the stage `reminders`, which does not run here, would ask for them again. `faults`: answered not exactly once."""

    number: int
    given_back: int
    per_s: float
    cpu_us: dict[str, float]
    faults: dict[str, int]


def live(cluster: LocalCluster, folder: Path, number: int, progress: Progress) -> Life:
    """`number` calls that are all answered. On topics and a tenant that are there (member.py makes them)."""
    progress(f"the whole life of {number:,} calls")
    with ExitStack() as stack:
        carrier_port, gateway_port = (stack.enter_context(lease_port(None)).port for _ in range(2))
        settings = Settings.read(
            {
                "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
                "REDIS_URL": cluster.redis_url,
                "TWILIO_BASE_URL": f"http://127.0.0.1:{carrier_port}",
                "TWILIO_ACCOUNT_SID": DEMO_ACCOUNT_SID,
                "TWILIO_AUTH_TOKEN": DEMO_AUTH_TOKEN,
                "PUBLIC_URL": f"http://127.0.0.1:{gateway_port}",
                "RINGBACK_STATE_DIR": str(folder / "life"),
            }
        )
        commands = {
            "carrier": [
                *("infra.simulator", "--port", str(carrier_port), "--calls-per-second", "0"),
                *("--speed", SPEED),
            ],
            "gateway": ["infra.cli.main", "gateway", "--port", str(gateway_port)],
            "calls": ["infra.cli.main", "run", CALLING.name],
        }
        processes = {}
        for name, command in commands.items():
            process = processes[name] = MeteredProcess(name)
            stack.callback(process.end, STOP_S)
            process.start(
                [sys.executable, "-m", *command],
                log=folder / f"life-{name}.log",
                cwd=Path(__file__).parents[3],
                env={**os.environ, **settings.environment(), "RINGBACK_MEMBER": "bench-life"},
            )
        until(lambda: _answers(gateway_port), "the gateway is not ready", READY_S)
        return _run(KafkaClients(cluster.bootstrap_servers), processes, number)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
            return True
    except OSError:
        return False


def _run(clients: KafkaClients, processes: dict[str, MeteredProcess], number: int) -> Life:
    read, encode = decoder("CallEvent"), encoder("ReminderDue")

    def state(record: bytes) -> tuple[str, int, int]:
        event = read(record)
        return event["state"], 0, 0

    with closing(TopicWatch(clients.log_reader(), CALLS.name, state)) as watch:
        before = {name: process.cpu_s() for name, process in processes.items()}
        records = (value(n, LIFE_RUN) for n in range(number))
        Writer(clients.plain_producer()).write(DUE.name, ((user, encode(record)) for user, record in records))
        until(lambda: _ended(watch) >= number, f"{number} calls have not ended", DONE_S)
        cpu_us = {n: (p.cpu_s() - before[n]) / number * 1e6 for n, p in processes.items()}
        fired = watch.fired()
    states = Counter(f.load for f in fired)
    faults = {
        "not answered once": abs(number - states["NOT_SENT"] - states["ANSWERED"]),
        "not told once": abs(number - states["NOT_SENT"] - states["TOLD"]),
        "unknown": states["UNKNOWN"],
    }
    took_s = (max(f.received_ms for f in fired) - min(f.received_ms for f in fired)) / 1000
    return Life(number, states["NOT_SENT"], number / took_s, cpu_us, {k: v for k, v in faults.items() if v})


def _ended(watch: TopicWatch) -> int:
    if watch.count == 0:
        return 0
    return sum(f.load in ENDS for f in watch.fired())
