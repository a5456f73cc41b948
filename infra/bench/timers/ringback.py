"""Ringback's own timer stream: the production stage, started as an operator would, in a process of its own."""

from __future__ import annotations

import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from connectors.kafka import topics
from connectors.kafka.browse import whole
from connectors.kafka.clients import KafkaClients
from connectors.settings import Settings
from infra.bench.timers import cost
from infra.bench.timers.kafka_io import Writer, committed, delete
from infra.bench.timers.load import OUR_NUMBER, TENANTS, Load, parse_subject, tenant_name
from infra.bench.timers.subject import Unavailable
from infra.bench.timers.waiting import until
from infra.bench.timers.watch import TopicWatch
from infra.cli.tenants import apply_tenants
from infra.cluster import ChildProcess
from infra.cluster.ports import PortLease, lease_port
from schemas.codec import decoder, encoder
from streams.ids import reminder_id
from streams.tenants import Tenant
from streams.topology import DUE, EVENTS, REMINDERS, REQUESTS
from streams.topology import topics as topics_of_the_map

NO_WHEN: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("in_seconds", "in_days", "in_months", "year", "month", "day", "weekday", "weeks_ahead"),
            *("hour", "minute", "second", "day_part", "zone", "rule"),
        )
    ),
    "keep_time": False,
    "numeric_date": False,
    "twelve_hour": False,
}
STOP_S = 30.0
FORGET_S = 30.0
READY_S = 2.0
PRODUCTION = ("infra.cli.main", "run", REMINDERS.name)
TIGHT = ("infra.bench.timers.tight",)


def request(load: Load, timer: int, now_ms: int) -> dict[str, Any]:
    """The Request that `inbound` would have written for "remind me to … in N seconds", received within this second."""
    due_at = load.due_at[timer]
    seconds = max(1, -((now_ms - due_at) // 1000))
    subject = load.subject(timer)
    return {
        **_asked(load, timer, "remind"),
        "message_sid": message_sid(load, timer),
        "received_at": due_at - seconds * 1000,
        "text": f"Remind me to {subject} in {seconds} seconds",
        "subject": subject,
        "when": {**NO_WHEN, "in_seconds": seconds},
    }


def message_sid(load: Load, timer: int, command: str = "") -> str:
    return f"SM{command}{load.name}{timer:0{32 - len(load.name) - len(command)}d}"


def _snooze(load: Load, timer: int, by_ms: int, now_ms: int) -> dict[str, Any]:
    due_at = load.due_at[timer] + by_ms
    seconds = max(1, -((now_ms - due_at) // 1000))
    number = timer // load.users + 1
    return {
        **_asked(load, timer, "snooze"),
        "message_sid": message_sid(load, timer, "Z"),
        "received_at": due_at - seconds * 1000,
        "text": f"snooze {number} for {seconds} seconds",
        "number": number,
        "when": {**NO_WHEN, "in_seconds": seconds},
    }


def _asked(load: Load, timer: int, command: str) -> dict[str, Any]:
    return {
        "tenant": tenant_name(load.tenant(timer)),
        "user": load.user_name(timer),
        "from": load.phone(timer),
        "to": OUR_NUMBER,
        "command": command,
        "subject": None,
        "when": None,
        "number": None,
        "zone": None,
    }


class Ringback:
    """`ringback run reminders` against a cluster that is ours alone: `clean` deletes its topics.

    `tight`: with the small buffers of tight.py, under a name of its own.
    """

    keeps_backlog = True

    def __init__(
        self, bootstrap_servers: str, folder: Path, protocol: str = "classic", *, tight: bool = False
    ) -> None:
        self.name = "ringback-tight" if tight else "ringback"
        module, *arguments = TIGHT if tight else PRODUCTION
        self._command = [sys.executable, "-m", module, *arguments]
        self._folder = folder / self.name
        self._settings = Settings.read(
            {
                "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
                "RINGBACK_STATE_DIR": str(self._folder / "member-0"),
                "RINGBACK_GROUP_PROTOCOL": protocol,
            }
        )
        self._clients = KafkaClients(bootstrap_servers, group_protocol=protocol)
        self._admin = self._clients.admin()
        self._writer = Writer(self._clients.plain_producer())
        self._encode = encoder("Request")
        self._members: dict[int, ChildProcess] = {}
        self._ports: dict[int, PortLease] = {}
        self._spent_s = 0.0

    # Its life

    def clean(self) -> None:
        for member in list(self._members):
            self.leave(member, kill=True)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        ours = {topic.name for topic in topics_of_the_map()}
        delete(self._admin, ours.__contains__, FORGET_S)
        topics.apply(self._admin)
        tenants = [
            Tenant(
                id=tenant_name(t),
                # The first one owns the number that all SMS went to; the stage looks tenants up by name.
                numbers=(OUR_NUMBER if t == 0 else f"+1312556{t:04d}",),
                confirm_first_contact=False,
                # The load is invented: its numbers exist nowhere, and some users have all of it.
                allowed_countries=("*",),
                allowed_number_types=("*",),
                flood_sms_per_minute=None,
                reminders_per_user_per_day=None,
            )
            for t in range(TENANTS)
        ]
        apply_tenants(self._settings, tenants)
        # Offsets go with their topic, but not at once.
        until(lambda: self.accepted() == 0, "the group keeps offsets of deleted topics", FORGET_S)

    def start(self) -> None:
        self.join(0)

    def stop(self) -> None:
        self.leave(0, kill=False)

    def kill(self) -> None:
        self.leave(0, kill=True)

    def wipe(self) -> None:
        shutil.rmtree(self._folder / "member-0", ignore_errors=True)  # it may have died before it made one

    def join(self, member: int) -> None:
        folder = self._folder / f"member-{member}"
        environment = {
            **os.environ,
            **self._settings.environment(),
            "RINGBACK_STATE_DIR": str(folder),
            "RINGBACK_MEMBER": f"bench-{member}",
        }
        command = list(self._command)
        if member:  # the first one is what is measured: nothing is asked of it but its work
            self._ports[member] = lease_port(None)
            command += ["--http-port", str(self._ports[member].port)]
        self._members[member] = ChildProcess.spawn(
            command,
            name=f"{self.name}-{member}",
            log=self._folder / f"member-{member}.log",
            cwd=Path(__file__).parents[3],
            env=environment,
        )

    def ready(self, member: int) -> bool:
        try:
            url = f"http://127.0.0.1:{self._ports[member].port}/readyz"
            with urllib.request.urlopen(url, timeout=READY_S) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except OSError:  # it does not listen yet, or says 503
            self._check()
            return False

    def leave(self, member: int, *, kill: bool) -> None:
        port = self._ports.pop(member, None)
        if port is not None:
            port.release()
        process = self._members.pop(member, None)
        if process is None:
            return
        if process.running:
            self._spent_s += cost.cpu_s(process.pid)
        if kill:
            process.kill()
        else:
            process.stop(STOP_S)

    def close(self) -> None:
        for member in list(self._members):
            self.leave(member, kill=True)

    # What it is asked for

    def enqueue(self, load: Load, timers: Iterable[int]) -> None:
        now_ms = int(time.time() * 1000)
        self._write((load.user_name(timer), request(load, timer, now_ms)) for timer in timers)

    def cancel(self, load: Load, timers: Iterable[int]) -> None:
        """Each user's timers are numbered from 1 in the order of this load: it must be the user's first."""
        now_ms = int(time.time() * 1000)
        self._write(
            (
                load.user_name(timer),
                {
                    **_asked(load, timer, "cancel"),
                    "message_sid": message_sid(load, timer, "C"),
                    "received_at": now_ms,
                    "text": f"cancel {timer // load.users + 1}",
                    "number": timer // load.users + 1,
                },
            )
            for timer in timers
        )

    def move(self, load: Load, timers: Iterable[int], by_ms: int) -> None:
        """As `cancel`, by a snooze."""
        now_ms = int(time.time() * 1000)
        self._write((load.user_name(timer), _snooze(load, timer, by_ms, now_ms)) for timer in timers)

    def cancelled(self, load: Load) -> set[int]:
        timers = {reminder_id(message_sid(load, timer)): timer for timer in range(len(load))}
        read = decoder("ReminderEvent")
        found = set()
        for record in whole(self._settings.kafka_config(), [EVENTS.name]):
            if record.value is not None:
                event = read(record.value)
                if event["type"] == "CANCELLED" and event["reminder_id"] in timers:
                    found.add(timers[event["reminder_id"]])
        return found

    def _write(self, requests: Iterable[tuple[str, dict[str, Any]]]) -> None:
        encode = self._encode
        self._writer.write(REQUESTS.name, ((user, encode(asked)) for user, asked in requests))

    # What is seen of it

    def accepted(self) -> int:
        """Requests whose transaction is committed: the group's offsets, as they hold no markers."""
        self._check()
        return committed(self._admin, REMINDERS.group, REQUESTS.name)

    def watch(self) -> TopicWatch:
        read = decoder("ReminderDue")

        def decode(value: bytes) -> tuple[str, int, int]:
            record = read(value)
            return *parse_subject(record["subject"]), record["due_at"]

        return TopicWatch(self._clients.log_reader(), DUE.name, decode)

    def cost(self) -> cost.Cost:
        self._check()
        found = cost.Cost(self._spent_s, 0, 0, cost.disk_bytes(self._folder))
        for process in self._members.values():
            found += cost.of_process(process.pid)
        return found

    def cpu_s(self) -> float:
        return self._spent_s + sum(cost.cpu_s(process.pid) for process in self._members.values())

    def pid(self, member: int = 0) -> int:
        """For a profiler."""
        return self._members[member].pid

    def _check(self) -> None:
        for process in self._members.values():
            if not process.running:
                raise Unavailable(f"{process.name} has ended\n{process.tail()}")
