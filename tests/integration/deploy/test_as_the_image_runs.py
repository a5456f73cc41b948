"""What the image runs, as it runs it: ready, drained, handed over."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from connectors.kafka.browse import Found, whole
from connectors.kafka.topics import admin_client
from connectors.settings import Settings
from infra.run.stopping import stages_stop_s
from schemas.registry import Codec
from streams.topology import DUE, EVENTS, REMINDERS, SMS_INBOUND, Topic
from tests.integration.deploy import container
from tests.integration.deploy.conftest import OUR_NUMBER, Pods

pytestmark = pytest.mark.integration

REMINDERS_SENT = 120
DUE_AFTER_S = 9
SPREAD_S = 6.0
# The other hears of it at its next heartbeat (0.3 s) and takes over. Untold, it would wait for the session: 6 s.
LATE_S = 1.0
LOOKS = """
import os, sys
assert os.getuid() == int(sys.argv[1]), os.getuid()
assert "HOME" not in os.environ
open(os.path.join(os.environ["RINGBACK_STATE_DIR"], "mine"), "w").close()
for folder in ("/", "/tmp", sys.prefix, os.environ["PYTHONPATH"]):
    try:
        open(os.path.join(folder, "written"), "w")
    except OSError:
        continue
    sys.exit(f"{folder} can be written")
"""


@pytest.mark.skipif(not container.SANDBOX, reason="needs root, unshare and setpriv")
def test_the_sandbox_is_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the other tests rely on: no root, no home, and nothing but the state folder can be written."""
    state = tmp_path_factory.mktemp("sandbox") / "state"
    looked = container.run(["-c", LOOKS, str(container.USER)], state, {})
    assert looked.returncode == 0, looked.stderr
    assert (state / "mine").stat().st_uid == container.USER


def test_a_drained_member_hands_over_without_a_late_reminder(pods: Pods, settings: Settings) -> None:
    """SIGTERM while reminders fall due: the member ends with 0 within its deadline, each reminder still fires once,
    none early and none a second late, those of its partitions after it has gone too."""
    pods.start("inbound-0", "inbound")
    leaving, staying = "reminders-0", "reminders-1"
    child = pods.start(leaving, "reminders")
    pods.start(staying, "reminders")
    for name in ("inbound-0", leaving, staying):
        pods.wait(f"{name} is ready", lambda name=name: pods.probe(name, "/readyz"))  # type: ignore[misc]
        assert pods.probe(name, "/healthz")
    pods.wait("both have partitions", lambda: all(_partitions(settings, n) for n in (leaving, staying)))
    theirs = _partitions(settings, leaving)
    _send_reminders(settings)
    pods.wait(
        "all are scheduled",
        lambda: sum(v["type"] == "SCHEDULED" for _, v in _read(settings, EVENTS)) == REMINDERS_SENT,
    )
    pods.wait("the first have fired", lambda: any(True for _ in _read(settings, DUE)))

    asked_s = time.monotonic()
    child.terminate()
    code = child.wait(stages_stop_s())
    gone_ms = round(time.time() * 1000)
    print(f"{leaving} ended with {code} after {time.monotonic() - asked_s:.2f} s")
    assert code == 0, child.tail(20)

    pods.wait("all have fired", lambda: sum(1 for _ in _read(settings, DUE)) >= REMINDERS_SENT)
    fired = list(_read(settings, DUE))
    assert len({value["reminder_id"] for _, value in fired}) == len(fired) == REMINDERS_SENT
    late_ms = [found.timestamp_ms - value["fire_at"] for found, value in fired]
    taken_over = [f for f, _ in fired if f.partition in theirs and f.timestamp_ms > gone_ms]
    print(f"late by at most {max(late_ms)} ms; {len(taken_over)} fired in partitions that were taken over")
    assert taken_over
    assert min(late_ms) >= 0
    assert max(late_ms) < LATE_S * 1000


def _send_reminders(settings: Settings) -> None:
    """From as many users, so that they lie in all partitions; due one after the other."""
    producer = Producer({**settings.kafka_config(), "linger.ms": 0})
    now_ms = round(time.time() * 1000)
    for n in range(REMINDERS_SENT):
        sms = {
            "message_sid": f"SM{uuid.uuid4().hex}",
            "from": f"+1212555{n:04d}",
            "to": OUR_NUMBER,
            "body": f"Remind me to stretch in {DUE_AFTER_S} seconds",
            "received_at": now_ms - round(n * SPREAD_S * 1000 / REMINDERS_SENT),
        }
        producer.produce(SMS_INBOUND.name, json.dumps(sms).encode())
    assert producer.flush(30) == 0


def _read(settings: Settings, topic: Topic) -> Iterator[tuple[Found, dict[str, Any]]]:
    codec = Codec()
    for found in whole(settings.kafka_config(), [topic.name]):
        if found.value is not None:
            yield found, codec.decode(topic.name, found.value).record


def _partitions(settings: Settings, member: str) -> set[int]:
    group, admin = REMINDERS.group, admin_client(settings.kafka_config())
    described = admin.describe_consumer_groups([group])[group].result(10)
    return {
        tp.partition
        for m in described.members
        if m.group_instance_id == member
        for tp in m.assignment.topic_partitions
    }
