"""The rights of streams/access.py are enough, and refuse what they leave out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from connectors.kafka.topics import admin_client
from connectors.kafka.topics import plan as topics_plan
from connectors.settings import Settings
from infra.cli.tenants import apply_tenants
from tests.integration.deploy.guarded import GuardedPipeline, credentials, guarded_cluster
from tests.integration.path.pipeline import TENANT

pytestmark = pytest.mark.integration


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedPipeline]:
    with guarded_cluster(tmp_path / "cluster", monkeypatch) as (cluster, address):
        pipeline = GuardedPipeline(cluster, tmp_path / "cluster", tmp_path)
        pipeline.address = address
        try:
            yield pipeline
        finally:
            pipeline.close()


def test_the_pipeline_runs_with_nothing_but_its_rights(guarded: GuardedPipeline) -> None:
    """Every service under its own user: an SMS becomes a call, a reply and charges, and nobody was refused anything.
    What the table leaves out is refused: another's topic to write, another's input to read."""
    guarded.start_gateway()
    guarded.start_stages()
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
    producer.produce(topic, b"", on_delivery=lambda error, _: answers.append(error.code() if error else None))
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
