"""The watching part of `up --metrics`: where every process has its metrics, and a Prometheus that reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from infra.cluster.ports import PortLease, lease_port
from infra.generated import as_yaml
from infra.monitoring.scraping import (
    JOB,
    RULES,
    SCRAPE_S,
    command,
    configuration,
    find_prometheus,
    static,
)

PROMETHEUS_PORT = 9090  # wished for; another where it is taken
FILE = "prometheus.yaml"
MADE_BY = "infra.cli.main up --metrics"


@dataclass(frozen=True, slots=True)
class Scraped:
    """`pages`: job, without what all begin with -> its `host:port`s, each with a /metrics. `url`, `lease` and `command`
    are those of our own Prometheus; None where none is installed."""

    pages: Mapping[str, Sequence[str]]
    file: Path
    url: str | None = None
    lease: PortLease | None = None
    command: Sequence[str] | None = None

    def told(self) -> list[str]:
        """What people need to know of it, in lines."""
        lines = [
            f"metrics: {self.url} is a Prometheus that reads them, with all alerts loaded"
            if self.url is not None
            else "metrics: there is no `prometheus` on PATH (Debian: apt-get install prometheus), so nothing reads them"
        ]
        lines.append(f"  a Prometheus of yours reads them with --config.file={self.file}, or from")
        width = max(len(name) for name in self.pages) + len(JOB)
        for name, addresses in self.pages.items():
            lines += [f"    {JOB + name:{width}}  http://{address}/metrics" for address in addresses]
        return lines


@dataclass(frozen=True, slots=True)
class Observing:
    """How a run is to be observed. `port`: this one or none; None: 9090 or another. `every_s`: seconds between two
    scrapes, and two evaluations of the rules. `more`: what runs beside and is scraped too, as `Scraped.pages`."""

    port: int | None = None
    every_s: int = SCRAPE_S
    more: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def prepare(self, folder: Path, pages: Mapping[str, Sequence[str]], exits: ExitStack) -> Scraped:
        """Write the configuration into `folder`; lease a port where there is a Prometheus. Raises ClusterError."""
        pages = {**pages, **self.more}
        sources = {name: static(addresses) for name, addresses in pages.items()}
        file = folder / FILE
        file.write_text(as_yaml([configuration(sources, f"{RULES}/*.yaml", self.every_s)], MADE_BY), "utf-8")
        executable = find_prometheus()
        if executable is None:
            return Scraped(pages, file)
        exact = self.port is not None
        lease = exits.enter_context(lease_port(self.port if exact else PROMETHEUS_PORT, exact=exact))
        started = command(executable, file, folder / "prometheus", lease.port)
        return Scraped(pages, file, f"http://127.0.0.1:{lease.port}", lease, started)
