"""The whole pipeline as operators run it: each stage a process, a gateway, and a carrier with a ground truth."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from connectors.kafka.browse import whole
from connectors.kafka.clients import KafkaClients
from connectors.kafka.topics import admin_client, apply
from connectors.settings import Settings
from infra.cli.tenants import apply_tenants
from infra.cluster import ChildProcess, LocalCluster
from infra.simulator import Account, RunningSimulator, start
from infra.simulator import Settings as SimulatorSettings
from schemas.registry import Codec
from streams.ids import reminder_id
from streams.tenants import Tenant
from streams.topology import DAY_MS, STAGES, Topic, topics
from tests.integration.logs import tails
from tests.integration.path.ledger import Ledger
from tests.waiting import until

OUR_NUMBER = "+14155550100"
TENANT = Tenant(
    id="acme",
    numbers=(OUR_NUMBER,),
    price_per_sms=Decimal("0.01"),
    price_per_answered_call=Decimal("0.10"),
    calls_per_second=50.0,
    retry_backoff_s=1.0,
    confirm_first_contact=False,
)
PARTITIONS = 4


class Pipeline:
    """One run of everything on `cluster`; every process is a child and ends with the test."""

    program: Sequence[str] = ("-m", "infra.cli.main")  # what Python is told to run

    def __init__(
        self,
        cluster: LocalCluster,
        cluster_folder: Path,
        folder: Path,
        *,
        tenants: Sequence[Tenant] = (TENANT,),
        resolve_s: float = 6,
        replication_factor: int = 1,
    ) -> None:
        self.cluster = cluster
        self.cluster_folder = cluster_folder
        self.folder = folder
        self.simulator: RunningSimulator = start(
            SimulatorSettings(
                admin_port=0,
                answer_after_s=0.1,
                say_chars_per_s=1_000.0,
                key_wait_s=0.2,
                accounts=(Account(calls_per_second=None),),
            )
        )
        self._children: dict[str, ChildProcess] = {}
        self.sent: list[str] = []
        self.settings = Settings.read(
            {
                "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers,
                "REDIS_URL": cluster.redis_url,
                "TWILIO_ACCOUNT_SID": Account().sid,
                "TWILIO_AUTH_TOKEN": Account().token,
                "TWILIO_BASE_URL": self.simulator.base_url,
                "RINGBACK_RESOLVE_S": str(resolve_s),
            }
        )
        apply(admin_client(self.settings.kafka_config()), PARTITIONS, replication_factor)
        apply_tenants(self.settings, list(tenants))
        self._producer = Producer(
            {**self.settings.kafka_config(), "acks": "all", "linger.ms": 0, "log_level": 0}
        )

    def start_gateway(self) -> None:
        """On a free port, which the stages need to know before they start."""
        port = _free_port()
        self.public_url = f"http://127.0.0.1:{port}"
        self._spawn("gateway", "gateway", "--port", str(port))

    def start_stages(self) -> None:
        """Each stage in a process of its own."""
        for stage in STAGES:
            self.start_stage(stage)

    def start_stage(self, stage: str, failpoint: str | None = None) -> ChildProcess:
        extra = {"RINGBACK_FAILPOINTS": failpoint} if failpoint else {}
        return self._spawn(stage, "run", stage, **extra)

    def _spawn(self, name: str, *arguments: str, **extra: str) -> ChildProcess:
        environment = {
            **os.environ,
            **self.settings.environment(),
            **extra,
            "PUBLIC_URL": self.public_url,
            "RINGBACK_STATE_DIR": str(self.folder / name),
        }
        command = [sys.executable, *self.program, *arguments]
        log = self.folder / f"{name}.log"
        self._children[name] = ChildProcess.spawn(command, name=name, log=log, env=environment)
        return self._children[name]

    def child(self, name: str) -> ChildProcess:
        return self._children[name]

    def clients(self) -> KafkaClients:
        """Clients as the stages have them."""
        return KafkaClients(self.cluster.bootstrap_servers)

    def create_topic(self, name: str, partitions: int) -> None:
        admin = admin_client(self.settings.kafka_config())
        apply(admin, partitions, 1, [Topic(name, "user", None, DAY_MS)])

    def dead_stages(self) -> list[str]:
        """The stages whose process has ended since they were started."""
        dead = [name for name in STAGES if name in self._children and not self._children[name].running]
        for name in dead:
            self._children.pop(name).stop()
        return dead

    def let_pass(self, seconds: float) -> None:
        """Let real time go by, where the test is about an absence of that length."""
        threading.Event().wait(seconds)

    def forget_redis(self) -> None:
        """Lose what the (stopped) server had on disk."""
        shutil.rmtree(self.cluster_folder / "valkey")
        (self.cluster_folder / "valkey").mkdir()

    def send(self, user: str, text: str, sid: str | None = None) -> str:
        """An SMS on `sms.inbound`, as any producer would write it."""
        sid = sid or f"SM{uuid.uuid4().hex}"
        sms = {"message_sid": sid, "from": user, "to": OUR_NUMBER, "body": text}
        self.produce("sms.inbound", json.dumps(sms).encode())
        self.sent.append(sid)
        return sid

    def produce(self, topic: str, value: bytes, key: bytes | None = None) -> None:
        self._producer.produce(topic, key=key, value=value)
        assert self._producer.flush(30) == 0, "the broker did not take the record"

    def records(self, *names: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(topic, value) of every committed record that lies in these topics now."""
        codec = Codec()
        by_name = {topic.name: topic.record for topic in topics()}
        for found in whole(self.settings.kafka_config(), names):
            if found.value is not None:
                yield (
                    found.topic,
                    codec.decode(found.topic, found.value, expected=by_name[found.topic]).record,
                )

    def ledger(self) -> Ledger:
        """Everything that is known now about the SMS of this test, and nothing of other tests on the cluster."""
        records = list(self.records("reminders.events", "billing.charges", "dead.letters"))
        reminders = {reminder_id(sid) for sid in self.sent}
        sids = {f"sms:{sid}" for sid in self.sent}
        mine = [
            (topic, value)
            for topic, value in records
            if value.get("message_sid") in self.sent
            or value.get("reminder_id") in reminders
            or value.get("charge_id") in sids
            or value.get("charge_id", "").removeprefix("answered:").partition(":")[0] in reminders
        ]
        return Ledger(self.sent, list(self.simulator.control.truth()), mine)

    def missing(self) -> Sequence[str]:
        """What must still come, for the message of a failure."""
        return self.ledger().missing

    def wait_until(self, claim: str, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Ask until it is true; what the stages wrote to their logs is in the failure."""

        def more() -> str:
            return "\n".join(["missing:", *self.missing(), tails(self._children)])

        until(condition, claim, timeout_s, 0.2, more)

    def close(self) -> None:
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            child.stop(30)
        self.simulator.close()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
