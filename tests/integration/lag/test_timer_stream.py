"""What is known of the timer stream from its commits alone, with and without a living member."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.lag import Observer
from connectors.lag.notes import notes, overdue_s
from connectors.settings import Settings
from infra.cli.tenants import apply_tenants
from infra.cluster import ChildProcess
from streams.tenants import Tenant
from streams.topology import REMINDERS, SMS_INBOUND
from tests.conftest import FreshTopics
from tests.waiting import until

pytestmark = pytest.mark.integration

NUMBER = "+14155550100"
TENANT = Tenant(id="acme", numbers=(NUMBER,), confirm_first_contact=False)
SOON_S = 6


def start(settings: Settings, folder: Path) -> ChildProcess:
    environment = {**os.environ, **settings.environment()}
    command = [sys.executable, "-m", "infra.cli.main", "run", "inbound", "reminders"]
    return ChildProcess.spawn(command, name="stages", log=folder / "stages.log", env=environment)


def text(settings: Settings, number: int, words: str) -> None:
    producer = Producer({**settings.kafka_config(), "acks": "all"})
    sms = {
        "message_sid": f"SM{uuid.uuid4().hex}",
        "from": f"+1415555{number:04}",
        "to": NUMBER,
        "body": words,
    }
    producer.produce(SMS_INBOUND.name, json.dumps(sms).encode())
    assert producer.flush(20) == 0


def test_overdue_grows_when_no_member_runs(
    settings: Settings, fresh_topics: FreshTopics, tmp_path: Path
) -> None:
    """Three reminders wait, one of them comes due after kill -9: pending stays 3 and overdue grows, though there is
    nobody to ask; a new member fires it, and 2 are pending and none overdue."""
    fresh_topics(partitions=2)
    apply_tenants(settings, [TENANT])
    observer = Observer(settings.kafka_config(), group=lambda name: name == REMINDERS.group)

    def pending() -> int:
        return sum(note.pending for _, note in notes(observer.look().snapshot))

    def late_s() -> float:
        snapshot = observer.look().snapshot
        return max((overdue_s(note, snapshot.at_ms) for _, note in notes(snapshot)), default=0.0)

    running = start(settings, tmp_path)
    try:
        for number in (1, 2):
            text(settings, number, "Remind me to stretch in 2 hours")
        until(lambda: pending() == 2, f"two reminders are pending: {running.tail()}")
        text(settings, 3, f"Remind me to breathe in {SOON_S} seconds")
        until(lambda: pending() == 3, "the third is pending")
        assert late_s() == 0.0
        running.kill()
        due_s = time.monotonic() + SOON_S
        first_s = until(late_s, "the third is overdue", poll_s=0.1)
        assert first_s < time.monotonic() - due_s + SOON_S + 5
        assert until(lambda: (found := late_s()) > first_s and found, "it is more and more overdue")
        assert pending() == 3
        running = start(settings, tmp_path)
        until(lambda: pending() == 2 and late_s() == 0.0, f"a new member has fired it: {running.tail()}")
    finally:
        running.kill()
        observer.close()
