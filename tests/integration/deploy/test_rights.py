"""The rights of streams/access.py are enough, and refuse what they leave out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.kafka.topics import admin_client
from connectors.kafka.topics import plan as topics_plan
from connectors.settings import Settings
from infra.cli.errors import UNREACHABLE
from infra.cli.tenants import apply_tenants
from streams.access import service
from streams.topology import SMS_INBOUND, STAGES
from tests.integration.deploy.guarded import GuardedPipeline, credentials, guarded_cluster, without
from tests.integration.path.pipeline import OUR_NUMBER, PARTITIONS, TENANT

pytestmark = pytest.mark.integration
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedPipeline]:
    """The running pipeline, each service under its own user."""
    folder = tmp_path_factory.mktemp("guarded")
    with (
        pytest.MonkeyPatch.context() as patch,
        guarded_cluster(folder / "cluster", patch) as (cluster, address),
    ):
        pipeline = GuardedPipeline(cluster, folder / "cluster", folder)
        pipeline.address = address
        try:
            pipeline.start_gateway()
            pipeline.start_stages()
            yield pipeline
        finally:
            pipeline.close()


@pytest.fixture
def as_service(guarded: GuardedPipeline) -> Command:
    """`as_service("lag", "lag", "--json")`: exit code, stdout and stderr of that command, under that service's user."""

    def command(service: str, *arguments: str) -> tuple[int, str, str]:
        environment = {**os.environ, **guarded.settings.environment(), **credentials(service)}
        environment["KAFKA_BOOTSTRAP_SERVERS"] = guarded.address
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli.main", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return command


def test_the_pipeline_runs_with_nothing_but_its_rights(guarded: GuardedPipeline) -> None:
    """Every service under its own user: an SMS becomes a call, a reply and charges, and nobody was refused anything.
    What the table leaves out is refused: another's topic to write, another's input to read."""
    guarded.send("+12125550001", "Remind me to stretch in 2 seconds")
    guarded.wait_until("the SMS and its call are told of everywhere", lambda: guarded.ledger().settled)
    guarded.ledger().check()
    for name in ("gateway", "inbound", "reminders", "calls", "replies", "billing"):
        assert "authorization" not in guarded.child(name).tail(500).lower(), name

    _as_operator_topics_and_tenants(guarded.address)
    assert _writing(guarded.address, "billing", "billing.charges") is None
    assert _writing(guarded.address, "billing", "sms.outbound") == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert _writing(guarded.address, "gateway", "tenants") == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert _reading(guarded.address, "inbound", "sms.inbound") is None
    assert _reading(guarded.address, "inbound", "billing.charges") == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_lag_sees_all_with_its_rights_and_less_with_one_less(
    guarded: GuardedPipeline, as_service: Command
) -> None:
    """`ringback lag` under its own user knows members, offsets, records and ages of every group, also of one that is
    behind. Without the right to read it has no ages of what is behind; without that to describe groups, no groups."""
    guarded.send("+12125550002", "Remind me to stretch in 1 second")
    guarded.wait_until("the SMS has its end", lambda: guarded.ledger().settled)
    admin, lag = admin_client(guarded.settings.kafka_config()), service("lag")
    behind = _a_group_behind(admin)

    found = _lag(as_service)
    assert found["missing"] == 0
    assert {stage.group for stage in STAGES.values()} | {behind} <= set(found["groups"])
    for stage in STAGES.values():
        of = found["groups"][stage.group]
        assert of["members"] == 1, stage.group
        for topic in of["topics"]:
            assert topic["lag_seconds"] is not None, (stage.group, topic)
            assert topic["exact"], (stage.group, topic)
    assert sum(partition["pending"] for partition in found["reminders"]) == 0
    assert _behind(found, behind)["readable_records"] > 0
    assert _behind(found, behind)["lag_seconds"] > 0

    with without(admin, lag, "topic", "*", "Read"):
        blind = _behind(_lag(as_service), behind)
        assert blind["lag"] == _behind(found, behind)["lag"], "offsets need no right to read"
        assert blind["lag_seconds"] is None
    with without(admin, lag, "group", "*", "Describe"):
        assert _lag(as_service)["groups"] == {}
    assert set(_lag(as_service)["groups"]) == set(found["groups"]), "given back, all is seen again"


def test_backfill_injects_with_its_rights_and_not_with_one_less(
    guarded: GuardedPipeline, as_service: Command
) -> None:
    """`ringback backfill` under its own user finds an SMS whose webhook was lost and puts it in; without the right to
    read the tenants, to read the log or to write it, it puts in nothing and does not say that all is well."""
    admin, backfill = admin_client(guarded.settings.kafka_config()), service("backfill")
    control = guarded.simulator.control
    guarded.wait_until("the gateway serves", lambda: _serves(guarded.public_url), 30)
    control.fault("sms", "drop")
    sent = control.send_sms("+12125550003", OUR_NUMBER, "list", url=f"{guarded.public_url}/sms")
    sid = str(sent["message_sid"])

    for topic, operation in (("tenants", "Read"), ("sms.inbound", "Read"), ("sms.inbound", "Write")):
        with without(admin, backfill, "topic", topic, operation):  # type: ignore[arg-type]
            code, out, why = as_service("backfill", "backfill", "--settle", "0s", "--json")
            assert code == UNREACHABLE, (topic, operation, out, why)
            assert "authoriz" in why.lower(), (topic, operation, why)
            assert "injected" not in out
    code, out, why = as_service("backfill", "backfill", "--settle", "0s", "--json")
    assert code == 0, why
    assert [(told["message_sid"], told["action"]) for told in map(json.loads, out.splitlines())] == [
        (sid, "injected")
    ]
    guarded.sent.append(sid)
    guarded.wait_until("the SMS has its outcome", lambda: sid in guarded.ledger().outcomes)


def test_a_user_who_may_not_write_is_told_so(as_service: Command) -> None:
    """Not that the command has a bug."""
    code, out, why = as_service("lag", "send", "--from", "+12125550005", "--to", OUR_NUMBER, "list")
    assert (code, out) == (UNREACHABLE, ""), why
    assert "authoriz" in why.lower()


def test_a_gateway_that_came_before_its_rights_takes_sms_when_it_has_them(guarded: GuardedPipeline) -> None:
    """Who may write nowhere gets no producer id, which is fatal for a client: no SMS is acknowledged. When the rights
    come, the same process takes SMS, with a producer that it has made anew.

    The last test of the file: the SMS that were refused lie at the carrier, where a backfill would find them.
    """
    admin, gateway = admin_client(guarded.settings.kafka_config()), service("gateway")

    def answered() -> int:
        """The gateway's answer to an SMS."""
        user, url = "+12125550004", f"{guarded.public_url}/sms"
        return int(guarded.simulator.control.send_sms(user, OUR_NUMBER, "list", url=url)["status"])

    guarded.child("gateway").stop(30)
    with ExitStack() as taken:
        for grant in gateway.grants:
            if grant.resource == "topic" and "Write" in grant.operations:
                taken.enter_context(without(admin, gateway, "topic", grant.name, "Write"))
        guarded.start_gateway()
        child = guarded.child("gateway")
        guarded.wait_until("its producer is given up", lambda: "fatal error" in child.tail(500))
        assert answered() == 503
    guarded.wait_until("an SMS is taken", lambda: answered() == 200)
    assert guarded.child("gateway") is child
    assert child.running


def _lag(as_service: Command) -> dict[str, Any]:
    """What `ringback lag --json` says, its groups by name."""
    code, out, why = as_service("lag", "lag", "--json")
    assert code == 0, why
    found: dict[str, Any] = json.loads(out)
    return found | {"groups": {group["group"]: group for group in found["groups"]}}


def _behind(found: dict[str, Any], group: str) -> dict[str, Any]:
    (topic,) = found["groups"][group]["topics"]
    return dict(topic)


def _a_group_behind(admin: AdminClient) -> str:
    """A group that has committed the beginning of `sms.inbound` and nothing since."""
    name = "somebody-else"
    places = [TopicPartition(SMS_INBOUND.name, number, 0) for number in range(PARTITIONS)]
    asked = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(name, places)])
    asked[name].result(10)
    return name


def _serves(public_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{public_url}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _config(address: str, service: str) -> dict[str, str]:
    return Settings.read({"KAFKA_BOOTSTRAP_SERVERS": address, **credentials(service)}).kafka_config()


def _as_operator_topics_and_tenants(address: str) -> None:
    """A person compares the topics and applies tenants, with the operator's rights."""
    plans = topics_plan(admin_client(_config(address, "operator")))
    assert {p.action for p in plans} == {"ok"}
    apply_tenants(Settings.read({"KAFKA_BOOTSTRAP_SERVERS": address, **credentials("operator")}), [TENANT])


def _writing(address: str, service: str, topic: str) -> int | None:
    """What the broker answers to a record of that service."""
    answers: list[int | None] = []
    producer = Producer({**_config(address, service), "log_level": 0})
    # Without a value: whoever reads the topic later in this module passes over it.
    producer.produce(topic, on_delivery=lambda error, _: answers.append(error.code() if error else None))
    assert producer.flush(20) == 0
    return answers[0]


def _reading(address: str, service: str, topic: str) -> int | None:
    """What the broker answers to that service's wish to read: None when there is a record or an end."""
    consumer = Consumer(
        {
            **_config(address, service),
            "group.id": "ringback.browse",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    try:
        # The client never tells of a topic that it may not know of: it goes on looking for it.
        refused = consumer.list_topics(topic, timeout=20).topics[topic].error
        if refused is not None:
            return int(refused.code())
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(20)
        assert message is not None, "no answer"
        error = message.error()
        return None if error is None or error.code() == KafkaError._PARTITION_EOF else error.code()
    finally:
        consumer.close()
