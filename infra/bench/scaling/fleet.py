"""The processes of a run, as an operator starts them: a gateway, a carrier with its ground truth, members of stages.

A member is `ringback run STAGE` with a state folder and a static member id of its own, and with what infra/deploy sets
about stopping and standing by. The last to come is the first to go, as a StatefulSet does it.
"""

from __future__ import annotations

import os
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Self

from connectors.settings import Settings
from infra.cluster import ChildProcess, ClusterError, LocalCluster
from infra.cluster.ports import PortLease, lease_port
from infra.deploy.settings import PUBLIC
from infra.run.stopping import gateway_stop_s, stages_stop_s
from infra.simulator.settings import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN

AS_DEPLOYED = {name: PUBLIC[name] for name in ("RINGBACK_ON_STOP", "RINGBACK_STANDBY")}
# A call whose fate is not known gets its end within the run.
RESOLVE_S = "20"
# People who answer quickly and listen fast: what is looked at is what the pipeline does, not the telephone.
PEOPLE = ("--speed", "10", "--key-wait", "1")
PROBE_S = 2.0
ROOT = Path(__file__).parents[3]


class MemberFailed(ClusterError):
    """A process of the run ended by itself, or not as it should; the message has the end of its log."""


@dataclass(slots=True)
class Member:
    """One process of a stage."""

    process: ChildProcess
    lease: PortLease


class Fleet:
    """Everything that runs beside the cluster; `close` ends it."""

    def __init__(self, cluster: LocalCluster, folder: Path, protocol: str) -> None:
        self._folder = folder
        self._exits = ExitStack()
        self.truth_file = folder / "truth.jsonl"
        carrier, gateway = (self._exits.enter_context(lease_port(None)) for _ in range(2))
        self._ports = {"carrier": carrier.port, "gateway": gateway.port}
        self.settings = Settings.read(
            {
                "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
                "REDIS_URL": cluster.redis_url,
                "TWILIO_BASE_URL": f"http://127.0.0.1:{carrier.port}",
                "TWILIO_ACCOUNT_SID": DEMO_ACCOUNT_SID,
                "TWILIO_AUTH_TOKEN": DEMO_AUTH_TOKEN,
                "PUBLIC_URL": f"http://127.0.0.1:{gateway.port}",
                "RINGBACK_GROUP_PROTOCOL": protocol,
                "RINGBACK_RESOLVE_S": RESOLVE_S,
                **AS_DEPLOYED,
            }
        )
        self._doors: list[ChildProcess] = []
        self.members: dict[str, list[Member]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start_doors(self) -> None:
        """Carrier and gateway. Raises ChildFailed."""
        port = str(self._ports["carrier"])
        carrier = ["--port", port, "--calls-per-second", "0", "--truth", str(self.truth_file), *PEOPLE]
        self._doors = [
            self._spawn("carrier", "simulator", *carrier),
            self._spawn("gateway", "gateway", "--port", str(self._ports["gateway"])),
        ]

    def doors_ready(self) -> bool:
        for door in self._doors:
            if not door.running:
                raise MemberFailed(f"{door.name} has ended\n{door.tail()}")
        return _answers(self._ports["gateway"]) and _answers(self._ports["carrier"], "/simulator/healthz")

    def scale(self, stages: Sequence[str], count: int) -> None:
        """Start what is missing, or stop what is too many (SIGTERM, all at once) and wait until it has ended.

        Raises MemberFailed when one does not end with 0 within the deadline that infra/deploy gives it.
        """
        leaving: list[Member] = []
        for stage in stages:
            members = self.members.setdefault(stage, [])
            while len(members) < count:
                members.append(self._start_member(stage, len(members)))
            while len(members) > count:
                leaving.append(members.pop())
        for member in leaving:
            member.process.terminate()
        end_s = time.monotonic() + stages_stop_s()
        for member in leaving:
            code = member.process.wait(max(0.1, end_s - time.monotonic()))
            if code != 0:
                said = f"ended with {code}" if code is not None else f"still runs after {stages_stop_s()} s"
                raise MemberFailed(f"{member.process.name} {said} upon SIGTERM\n{member.process.tail()}")
            member.process.stop()  # lets go of what its guardian held
            member.lease.release()

    def ready(self) -> bool:
        """Is every member ready? Raises MemberFailed when one has ended by itself."""
        everyone = [member for members in self.members.values() for member in members]
        for member in everyone:
            if not member.process.running:
                raise MemberFailed(f"{member.process.name} has ended\n{member.process.tail()}")
        return all(_answers(member.lease.port) for member in everyone)

    def counts(self) -> dict[str, int]:
        return {stage: len(members) for stage, members in self.members.items()}

    def close(self) -> None:
        """End everything, politely; safe to call again."""
        stages = [member.process for members in self.members.values() for member in members]
        for process in stages:
            process.terminate()
        for process in stages:
            process.stop(stages_stop_s())
        for door in reversed(self._doors):
            door.stop(gateway_stop_s())
        for members in self.members.values():
            for member in members:
                member.lease.release()
        self.members, self._doors = {}, []
        self._exits.close()

    def _start_member(self, stage: str, number: int) -> Member:
        name = f"{stage}-{number}"
        lease = lease_port(None)
        settings = replace(self.settings, member=name, state_dir=str(self._folder / name))
        process = self._spawn(name, "run", stage, "--http-port", str(lease.port), settings=settings)
        return Member(process, lease)

    def _spawn(self, name: str, *arguments: str, settings: Settings | None = None) -> ChildProcess:
        return ChildProcess.spawn(
            [sys.executable, "-m", "infra.cli.main", *arguments],
            name=name,
            log=self._folder / "logs" / f"{name}.log",
            cwd=ROOT,
            env={**os.environ, **(settings or self.settings).environment()},
        )


def _answers(port: int, path: str = "/readyz") -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PROBE_S) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:  # it does not listen yet, or says 503
        return False
