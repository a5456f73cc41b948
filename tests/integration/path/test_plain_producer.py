"""Anybody may produce: any client, any key or none; and one user is one partition number everywhere."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import defaultdict
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaProducer

from connectors.kafka.browse import whole
from streams.ids import user_key
from streams.topology import INBOUND, STAGES, topics
from tests.integration.path.pipeline import OUR_NUMBER, PARTITIONS, Pipeline

BY_USER = [topic.name for topic in topics() if topic.key == "user"]


@pytest.mark.integration
@pytest.mark.needs("kcat")
@pytest.mark.timeout(90)
def test_what_kcat_writes_leads_to_a_call(pipeline: Pipeline, new_user: Callable[[], str]) -> None:
    """JSON without received_at, with a foreign key and with none: each leads to one call and two charges."""
    pipeline.start_stages()
    for number, key in enumerate(("no-user-at-all", None)):
        sid = f"SMkcat{number}"
        sms = {
            "message_sid": sid,
            "from": new_user(),
            "to": OUR_NUMBER,
            "body": "Remind me to pay in 1 second",
        }
        line = json.dumps(sms)
        command = ["kcat", "-P", "-b", pipeline.cluster.bootstrap_servers, "-t", "sms.inbound"]
        if key:
            command, line = [*command, "-K", "\t"], f"{key}\t{line}"
        subprocess.run(command, input=line.encode(), check=True, timeout=30)
        pipeline.sent.append(sid)
    pipeline.wait_until("both were called, and charged", lambda: pipeline.ledger().settled)
    ledger = pipeline.ledger()
    ledger.check()
    assert len(ledger.occurrences("ANSWERED")) == 2
    assert len(ledger.charges) == 4

    # The user's records of every stage lie on one partition number, state included.
    where = defaultdict(set)
    for found in whole(pipeline.settings.kafka_config(), BY_USER):
        where[found.key].add(found.partition)
    assert where, "nothing was written by user"
    assert all(len(numbers) == 1 for numbers in where.values()), f"users on several partitions: {where}"


@pytest.mark.integration
@pytest.mark.timeout(60)
def test_a_second_client_puts_each_user_on_the_same_partition(pipeline: Pipeline) -> None:
    """murmur2 of aiokafka (a port of Java's) and of librdkafka, as we configure it, agree on 200 users."""
    keys = [user_key("acme", f"+1303555{number:04d}").encode() for number in range(200)]

    async def produce() -> dict[bytes, int]:
        async with AIOKafkaProducer(bootstrap_servers=pipeline.cluster.bootstrap_servers) as producer:
            sent = [await producer.send_and_wait("test.partitioning", b"", key=key) for key in keys]
            return dict(zip(keys, (record.partition for record in sent), strict=True))

    pipeline.create_topic("test.partitioning", PARTITIONS)
    theirs = asyncio.run(produce())
    ours: dict[object, object] = {}
    producer = pipeline.clients().plain_producer()
    for key in keys:
        producer.produce(
            "test.partitioning",
            key=key,
            value=b"",
            on_delivery=lambda _, message: ours.update({message.key(): message.partition()}),
        )
    assert producer.flush(30) == 0
    assert ours == theirs
    assert len(set(ours.values())) == PARTITIONS, "the keys spread over all partitions"


def test_stages_read_topics_of_one_key_only() -> None:
    """Every stage but the first reads topics keyed by user, so that its partition numbers belong together."""
    for stage in STAGES.values():
        if stage is not INBOUND:
            assert {topic.key for topic in stage.reads} == {"user"}, stage.name
