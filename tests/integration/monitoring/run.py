"""One run of the whole system under a Prometheus: an ordinary part, then everything that goes wrong in operation."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from connectors.settings import Settings
from infra.cluster import ChildProcess
from infra.cluster.ports import PortLease, lease_port
from infra.cluster.process import tail
from infra.demo.observing import Observing
from infra.demo.system import System
from tests.integration.monitoring.prometheus import Prometheus
from tests.waiting import until

SECOND = "second"  # the member that runs beside those of `up`
TENANTS = """
- id: sunrise
  numbers: ["+14155550100"]
  price_per_sms: "0.01"
  price_per_answered_call: "0.10"
  calls_per_second: 10
  retry_backoff_s: 1
  confirm_first_contact: false
  flood_sms_per_minute: 3
  allowed_countries: ["*"]
  allowed_number_types: ["*"]
- id: harbour
  numbers: ["+442079460100"]
  country: GB
  currency: GBP
  price_per_sms: "0.02"
  price_per_answered_call: "0.15"
  calls_per_second: 10
  retry_backoff_s: 1
  confirm_first_contact: false
  allowed_countries: ["*"]
  allowed_number_types: ["*"]
"""


@dataclass
class ObservedRun:
    """`healthy_s`: from when all is up to before the first fault, `ended_s`: when the last thing had come to its end;
    epoch seconds. `prometheus` asks about `ended_s` unless told otherwise. Everything still runs, and may be asked."""

    system: System
    prometheus: Prometheus
    folder: Path
    healthy_s: tuple[float, float] = (0.0, 0.0)
    ended_s: float = 0.0

    @property
    def pages(self) -> Mapping[str, list[str]]:
        """Job -> the URLs of its pages."""
        assert self.system.scraped is not None
        return {
            name: [f"http://{address}/metrics" for address in addresses]
            for name, addresses in self.system.scraped.pages.items()
        }

    def seen(self, expression: str, patience_s: float = 30.0) -> None:
        """Wait until the query gives something now."""
        until(
            lambda: self.prometheus.query(expression, time.time()),
            expression,
            patience_s,
            0.2,
            more=self.logs,
        )

    def logs(self) -> str:
        """The ends of all logs, for the message of a failure."""
        logs = sorted((self.system.folder / "logs").glob("*.log"))
        return "\n".join(f"-- {log.name}\n{tail(log, 8)}" for log in logs)


@contextmanager
def started(folder: Path, said: list[str]) -> Iterator[ObservedRun]:
    """System, a second member with warm standby, backfill, read models, lag exporter, Prometheus; each scraped once."""
    folder.mkdir(exist_ok=True)
    (folder / "tenants.yaml").write_text(TENANTS)
    settings = Settings.read(
        {
            "RINGBACK_TENANTS": str(folder / "tenants.yaml"),
            "RINGBACK_RESOLVE_S": "6",
            "RINGBACK_STANDBY": "on",
            "RINGBACK_VIEWS_TOKEN": "the-token-of-this-run",
        }
    )
    with ExitStack() as exits:
        ports = {name: exits.enter_context(lease_port(None)) for name in ("second", "backfill", "views")}
        more = {name: [f"127.0.0.1:{lease.port}"] for name, lease in ports.items()}
        system = System(settings, folder / "up", said.append, observing=Observing(every_s=1, more=more))
        exits.enter_context(system)
        children: dict[str, ChildProcess] = {}
        exits.callback(lambda: [child.stop(20) for child in children.values()])
        _start(children, system, "second", ports["second"], "run", "reminders", "calls", "inbound")
        backfill = ["backfill", "--every", "2s", "--settle", "0s"]
        _start(children, system, "backfill", ports["backfill"], *backfill)
        _start(children, system, "views", ports["views"], "run", "views", "--views-port", "0")
        assert system.scraped is not None
        assert system.scraped.url is not None, "there is no Prometheus"
        run = ObservedRun(system, Prometheus(system.scraped.url), folder)
        for name in system.scraped.pages:
            run.seen(f'up{{job="ringback-{name}"}} == 1', 40)
        # Those who were not up yet are forgiven.
        run.seen('absent(ALERTS{alertname=~"TargetAway|LagExporterAway|BrokerAway|ViewsNotWhole"})')
        yield run


def _start(
    children: dict[str, ChildProcess], system: System, name: str, port: PortLease, *arguments: str
) -> None:
    environment = {
        **os.environ,
        **system.settings.environment(),
        "RINGBACK_STATE_DIR": str(system.folder / "members" / name),
        "RINGBACK_MEMBER": SECOND,
    }
    command = [sys.executable, "-m", "infra.cli.main", *arguments, "--http-port", str(port.port)]
    log = system.folder / "logs" / f"{name}.log"
    children[name] = ChildProcess.spawn(command, name=name, log=log, env=environment, kept_fds=(port.fd,))
