"""The walks of the runbook (infra/monitoring/walks), planted again: each stall is named by its alerts, which clear.

One run of `up --metrics` with the rules as they are, so it takes as long as they do: some ten minutes.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from connectors.settings import Settings
from infra.demo.observing import Observing
from infra.demo.system import System
from infra.simulator import SimulatorClient
from infra.simulator.client import SimulatorError
from streams.topology import SMS_INBOUND
from tests.integration.monitoring.prometheus import Prometheus
from tests.waiting import until

OURS = "+14155550100"
EVERY_S = 2.0
FIRES_S, CLEARS_S = 300.0, 480.0
FLOOD, PARTITION = 1_500, 3
EARLIER = {"AcknowledgementsBurnFast", "DeadLetterFlood", "PartitionHeld"}
PAUSED = {"GroupWithoutMembers", "RemindersOverdue", "TargetAway"}


class Walker:
    """Somebody who was woken: asks Prometheus and the pages, nothing else."""

    def __init__(self, system: System) -> None:
        assert system.scraped is not None
        assert system.scraped.url is not None, "there is no Prometheus"
        self.system = system
        self.prometheus = Prometheus(system.scraped.url)
        (self.stages,) = system.scraped.pages["stages"]

    def alerts(self, *states: str) -> dict[str, dict[str, str]]:
        """Name -> labels of one, of the alerts in these states."""
        found: list[dict[str, Any]] = self.prometheus.get("alerts")["alerts"]
        return {a["labels"]["alertname"]: a["labels"] for a in found if a["state"] in states}

    def wait_until_they_fire(self, names: set[str]) -> None:
        until(lambda: names <= set(self.alerts("firing")), f"{names} fire", FIRES_S, 1.0, self._told)

    def wait_until_they_clear(self, names: set[str]) -> None:
        def cleared() -> bool:
            return not names & set(self.alerts("firing", "pending"))

        until(cleared, f"{names} clear", CLEARS_S, 1.0, self._told)

    def _told(self) -> object:
        return {"firing": sorted(self.alerts("firing")), "pending": sorted(self.alerts("pending"))}

    def readiness(self) -> dict[str, Any]:
        """What `/readyz` of the stages says, 200 or not."""
        try:
            with urllib.request.urlopen(f"http://{self.stages}/readyz", timeout=5) as answer:
                said: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                said = json.load(refused)
        except OSError:  # nobody listens there now
            return {"ok": False}
        return said

    def signal(self, number: int) -> int:
        """To the process of the stages; returns its pid."""
        pid = self._stages_pid()
        assert pid is not None
        os.kill(pid, number)
        return pid

    def wait_until_another_than(self, pid: int) -> None:
        """The process of the stages was started anew, and has its partitions."""

        def is_there() -> bool:
            return self._stages_pid() not in (None, pid) and bool(self.readiness()["ok"])

        until(is_there, "the stages are started anew", CLEARS_S, 1.0, self._told)

    def _stages_pid(self) -> int | None:
        (child,) = [c for c in self.system._supervisor._children if c.name == "stages"]
        return None if child.process is None else child.process.pid


@contextmanager
def _texting(carrier: SimulatorClient) -> Iterator[None]:
    """Sixty users text in turn, each two seconds another."""
    ended = threading.Event()

    def text() -> None:
        number = 0
        while not ended.wait(EVERY_S):
            number += 1
            with suppress(SimulatorError):
                carrier.send_sms(f"+1415556{1000 + number % 60}", OURS, "Remind me to stretch in 8 seconds")

    thread = threading.Thread(target=text, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(30)


def _flood(bootstrap: str | None) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for _ in range(FLOOD):
        producer.produce(SMS_INBOUND.name, b'{"sid": "no"}', b"batch-import", partition=PARTITION)
    assert producer.flush(30) == 0


@pytest.mark.long
@pytest.mark.integration
@pytest.mark.needs("prometheus")
@pytest.mark.timeout(2_400)
def test_three_stalls_are_found_by_their_alerts_and_clear(tmp_path: Path) -> None:
    """A slow carrier, a flood of poison, a paused member: what is said of each in the runbook comes, and goes."""
    said: list[str] = []
    with System(Settings.read({}), tmp_path / "up", said.append, observing=Observing(every_s=1)) as system:
        carrier = SimulatorClient(system.settings.twilio_base_url)
        walker = Walker(system)
        with _texting(carrier):
            # A slow carrier: answers are late, and no stage is behind.
            for kind in ("messages", "calls"):
                carrier.fault(kind, "slow", op="create", before_s=4, count=None)
            walker.wait_until_they_fire({"AcknowledgementsBurnFast"})
            assert "GroupBehind" not in walker.alerts("firing")
            takes = "histogram_quantile(0.99, sum by (kind, le) (rate(ringback_carrier_request_seconds_bucket[1m])))"
            assert {labels["kind"] for labels, value in walker.prometheus.query(takes) if value > 3} == {
                "call",
                "message",
            }
            carrier.clear_faults()

            # A flood: one partition stands still, says why, and goes on when its member is restarted.
            _flood(system.settings.kafka_bootstrap_servers)
            walker.wait_until_they_fire({"DeadLetterFlood", "PartitionHeld"})
            assert walker.alerts("firing")["PartitionHeld"]["partition"] == str(PARTITION)
            assert list(walker.readiness()["held"]) == [f"inbound:{PARTITION}"]
            walker.wait_until_another_than(walker.signal(signal.SIGTERM))
            walker.wait_until_they_clear({"PartitionHeld"})

            # A paused member: it is there, says nothing, and goes on where it was.
            walker.wait_until_they_clear(PAUSED)
            walker.signal(signal.SIGSTOP)
            try:
                walker.wait_until_they_fire(PAUSED)
            finally:
                walker.signal(signal.SIGCONT)
            walker.wait_until_they_clear(PAUSED | EARLIER)
            assert walker.readiness()["ok"]
            assert walker.prometheus.query("sum(ringback_duplicate_calls_total)")[0][1] == 0
