"""Everything that `up` and `demo` run: cluster, topics, tenants, carrier, gateway, stages; who watches them.

What a setting names is used; what none names is started here and ends with this process: the cluster without
KAFKA_BOOTSTRAP_SERVERS and REDIS_URL, the carrier without TWILIO_BASE_URL.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connectors.kafka import topics
from connectors.settings import Settings
from infra.cli.checks import Finding, troubles
from infra.cli.checks.http import get
from infra.cli.errors import AnswerIsNoError, UnreachableError
from infra.cli.lag import PORT as LAG_PORT
from infra.cli.tenants import apply_tenants
from infra.cluster import LocalCluster
from infra.cluster.ports import lease_port
from infra.demo.observing import Observing, Scraped
from infra.demo.supervisor import Child, Supervisor
from infra.simulator.settings import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN
from schemas.errors import UnknownSchema
from streams.tenants import Tenant, parse_tenants
from streams.topology import STAGES

GATEWAY_PORT, CARRIER_PORT = 8080, 8090  # wished for; others where they are taken
CALLS_PER_SECOND = 10  # what the demo tenants' account may do
READY_S = 120.0
POLL_S = 0.1
Say = Callable[[str], None]


class System:
    """The running whole; `settings` are those in force once it was entered."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        say: Say,
        *,
        nodes: int = 1,
        fresh: bool = False,
        behaviours: Path | None = None,
        observing: Observing | None = None,
    ) -> None:
        """`behaviours`: a script for the simulated carrier, read at each of its starts."""
        self.settings = settings
        self.folder = folder.resolve()
        self.tenants: list[Tenant] = []
        self.cluster: LocalCluster | None = None
        self.scraped: Scraped | None = None  # where the metrics are, once they are observed
        self._say, self._nodes, self._fresh, self._behaviours = say, nodes, fresh, behaviours
        self._observing = observing
        self._supervisor = Supervisor(say)
        self._exits = ExitStack()
        self._readiness: dict[str, str] = {}

    @property
    def truth_file(self) -> Path:
        """The simulated carrier's ground truth, where the carrier is ours."""
        return self.folder / "truth.jsonl"

    @property
    def carrier_is_ours(self) -> bool:
        return self.settings.sources.get("TWILIO_BASE_URL", "default") == "default"

    def __enter__(self) -> Self:
        """Start everything and return when it is ready. Raises ClusterError, TenantError, UnreachableError, … and
        AnswerIsNoError for a folder that another version has left."""
        if self._fresh:
            for name in ("members", "prometheus"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
            self.truth_file.unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start()
        except BaseException as error:
            self.close()
            if isinstance(error, UnknownSchema) and self.cluster is not None:
                raise AnswerIsNoError(
                    f"{self.folder} was left by another version of Ringback ({error});"
                    " --fresh forgets what it holds, --dir takes another folder"
                ) from error
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop what was started here, the cluster last. Safe to call again."""
        self._supervisor.stop()
        self._exits.close()

    def _start(self) -> None:
        # Python programs start while the brokers do: the order below is what makes the second start quick.
        self._start_carrier()
        self._start_cluster()
        made = topics.apply(topics.admin_client(self.settings.kafka_config()))
        if created := sum(p.action == "created" for p in made):
            self._say(f"created {created} topics with {made[0].partitions} partitions each")
        self._start_pipeline()
        if self._observing is not None:
            self._start_observers(self._observing)
        file = (
            Path(self.settings.tenants) if self.settings.tenants else Path(__file__).with_name("tenants.yaml")
        )
        self.tenants = parse_tenants(file.read_bytes())
        apply_tenants(self.settings, self.tenants)
        self._wait_until_ready()

    def _start_cluster(self) -> None:
        settings = self.settings
        if settings.kafka_bootstrap_servers and settings.redis_url:
            self._say(f"using Kafka at {settings.kafka_bootstrap_servers}")
            return
        self._say("starting Kafka and Redis")
        cluster = LocalCluster.start(
            self.folder / "cluster", nodes=self._nodes, wipe=self._fresh, progress=self._say
        )
        self._exits.callback(cluster.stop)
        self.cluster = cluster
        self._supervisor.look_after(cluster, self._nodes)
        self.settings = replace(
            settings,
            kafka_bootstrap_servers=settings.kafka_bootstrap_servers or cluster.bootstrap_servers,
            redis_url=settings.redis_url or cluster.redis_url,
            redis_replicas=settings.redis_replicas if settings.redis_url else 0,  # ours has none
        )

    def _start_carrier(self) -> None:
        """Lease the ports, so that everybody's address is known, and start the simulated carrier if it is ours."""
        self._gateway = self._exits.enter_context(lease_port(GATEWAY_PORT))
        self._gateway_url = f"http://127.0.0.1:{self._gateway.port}"
        changes: dict[str, Any] = {
            "public_url": self.settings.public_url or self._gateway_url,
            "twilio_account_sid": self.settings.twilio_account_sid or DEMO_ACCOUNT_SID,
            "twilio_auth_token": self.settings.twilio_auth_token or DEMO_AUTH_TOKEN,
            "state_dir": str(self.folder / "members" / "1"),
        }
        if not self.carrier_is_ours:
            self.settings = replace(self.settings, **changes)
            return
        carrier = self._exits.enter_context(lease_port(CARRIER_PORT))
        url = f"http://127.0.0.1:{carrier.port}"
        self.settings = replace(self.settings, **changes, twilio_base_url=url)
        options = ["--port", str(carrier.port), "--calls-per-second", str(CALLS_PER_SECOND)]
        options += ["--key-wait", "1"]  # most of its users press no key
        options += ["--sms-url", f"{self._gateway_url}/sms", "--truth", str(self.truth_file)]
        if self._behaviours is not None:
            options += ["--script", str(self._behaviours)]
        self._readiness["carrier"] = f"{url}/simulator/healthz"
        self._supervisor.start([self._child("carrier", carrier.fd, "simulator", *options)])

    def _start_pipeline(self) -> None:
        """The gateway, and one process for all stages: what a laptop needs. More members are `ringback run`."""
        probe = self._exits.enter_context(lease_port(None))
        self._readiness["gateway"] = f"{self._gateway_url}/readyz"
        self._readiness["stages"] = f"http://127.0.0.1:{probe.port}/readyz"
        self._pages = {"gateway": self._gateway.port, "stages": probe.port}
        self._supervisor.start(
            [
                self._child("stages", probe.fd, "run", *STAGES, "--http-port", str(probe.port)),
                self._child("gateway", self._gateway.fd, "gateway", "--port", str(self._gateway.port)),
            ]
        )

    def _start_observers(self, observing: Observing) -> None:
        """The lag exporter, and a Prometheus that reads all pages where there is one."""
        lag = self._exits.enter_context(lease_port(LAG_PORT))
        ours = {**self._pages, "lag": lag.port}
        pages = {name: [f"127.0.0.1:{port}"] for name, port in ours.items()}
        self.scraped = scraped = observing.prepare(self.folder, pages, self._exits)
        self._readiness["lag"] = f"http://127.0.0.1:{lag.port}/healthz"
        options = ["--serve", "--host", "127.0.0.1", "--port", str(lag.port)]
        self._supervisor.start([self._child("lag", lag.fd, "lag", *options)])
        if scraped.command is None or scraped.lease is None:
            return
        self._readiness["prometheus"] = f"{scraped.url}/-/ready"
        log = self.folder / "logs" / "prometheus.log"
        self._supervisor.start(
            [Child("prometheus", scraped.command, dict(os.environ), log, (scraped.lease.fd,))]
        )

    def _child(self, name: str, fd: int, *arguments: str) -> Child:
        command = [sys.executable, "-m", "infra.cli.main", *arguments]
        env = {**os.environ, **self.settings.environment()}
        return Child(name, command, env, self.folder / "logs" / f"{name}.log", (fd,))

    def waiting_for(self) -> list[str]:
        """Which of our own processes are not ready now."""
        return [name for name, url in self._readiness.items() if not _ready(url)]

    def troubles(self) -> list[Finding]:
        """What `ringback doctor` would call wrong now."""
        return troubles(self.settings)

    def _wait_until_ready(self) -> None:
        self._say(f"starting {', '.join(self._readiness)}")
        deadline = time.monotonic() + READY_S
        while waiting := self.waiting_for():
            if time.monotonic() > deadline:
                found = "; ".join(f"{f.subject}: {f.text}" for f in self.troubles())
                logs = self.folder / "logs"
                raise UnreachableError(
                    f"not ready after {READY_S:.0f} s: {', '.join(waiting)} (logs: {logs}). {found}"
                )
            time.sleep(POLL_S)

    def environment(self) -> dict[str, str]:
        """The settings that another shell needs to talk to this system."""
        private = ("RINGBACK_STATE_DIR", "RINGBACK_MEMBER", "RINGBACK_TENANTS")
        return {name: value for name, value in self.settings.environment().items() if name not in private}


def _ready(url: str) -> bool:
    try:
        return get(url) == 200
    except OSError:
        return False
