"""Stages as the image runs them, against the shared cluster."""

from __future__ import annotations

import json
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.settings import Settings
from infra.cli.tenants import apply_tenants
from infra.cluster import ChildProcess
from infra.cluster.ports import lease_port
from streams.tenants import Tenant
from tests.conftest import FreshTopics
from tests.integration.deploy import container
from tests.integration.logs import tails
from tests.waiting import until

OUR_NUMBER = "+14155550100"
TENANT = Tenant(id="acme", numbers=(OUR_NUMBER,), price_per_sms=Decimal("0.01"), confirm_first_contact=False)


class Pods:
    """Processes like the containers of pods; `start` gives each a state folder and a port for its probes."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._children: dict[str, ChildProcess] = {}
        self._ports: dict[str, int] = {}
        self._leases = ExitStack()

    def start(self, name: str, stage: str, **extra: str) -> ChildProcess:
        self._ports[name] = self._leases.enter_context(lease_port(None)).port
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": self._settings.kafka_bootstrap_servers or "",
            "RINGBACK_MEMBER": name,
            **extra,
        }
        arguments = ["-m", "infra.cli.main", "run", stage, "--http-port", str(self._ports[name])]
        self._children[name] = container.start(
            name, arguments, self._folder / name / "state", environment, self._folder / f"{name}.log"
        )
        return self._children[name]

    def probe(self, name: str, path: str) -> bool:
        """What the kubelet would make of it."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._ports[name]}{path}", timeout=2) as answer:
                return bool(json.load(answer)["ok"])
        except OSError:
            return False

    def wait(self, claim: str, condition: Callable[[], bool], timeout_s: float = 40.0) -> None:
        """Ask until it is true; what the processes wrote to their logs is in the failure."""
        until(condition, claim, timeout_s, 0.05, more=lambda: tails(self._children))

    def close(self) -> None:
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            child.stop(30)
        self._leases.close()


@pytest.fixture
def pods(settings: Settings, fresh_topics: FreshTopics) -> Iterator[Pods]:
    fresh_topics()
    apply_tenants(settings, [TENANT])
    # Not pytest's own folder: others may not enter it, and it would be made invisible to the containers.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        running = Pods(settings, Path(folder))
        try:
            yield running
        finally:
            running.close()
