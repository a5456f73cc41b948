from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.carrier.signature import HEADER, compute_signature
from connectors.gateway import GatewayServer
from connectors.kafka import topics
from connectors.settings import Settings
from infra.cluster import LocalCluster
from schemas import codec
from streams.topology import CALLS, SMS_EVENTS, SMS_INBOUND
from tests.unit.gateway.conftest import ACCOUNT, PUBLIC_URL, TOKEN

PARTITIONS = 2


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster of these tests' own, since they kill its broker."""
    with LocalCluster.start(Path(tmp_path_factory.mktemp("gateway-cluster")), heap_mb=256) as running:
        admin = AdminClient({"bootstrap.servers": running.bootstrap_servers})
        topics.apply(admin, PARTITIONS, wanted=[SMS_INBOUND, CALLS, SMS_EVENTS])
        yield running


def records(cluster: LocalCluster, topic: str) -> list[dict[str, Any]]:
    """All committed records of `topic`, read to the end by a consumer that shares nothing with the gateway."""
    config = {
        "bootstrap.servers": cluster.bootstrap_servers,
        "group.id": "gateway-tests",
        "enable.partition.eof": True,
    }
    found, ended = [], 0
    consumer = Consumer(config)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
    while ended < PARTITIONS:
        message = consumer.poll(10)
        assert message is not None, "the broker does not answer"
        if message.error():
            ended += 1
            continue
        value = message.value()
        assert value is not None
        found.append(codec.decode(value).record)
    consumer.close()
    return found


@dataclass(slots=True)
class Line:
    """A gateway on a real port, and the carrier's side of it."""

    server: GatewayServer
    client: httpx.AsyncClient
    serving: asyncio.Task[None]

    async def post(self, path: str, form: dict[str, str]) -> httpx.Response:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            HEADER: compute_signature(TOKEN, PUBLIC_URL + path, form.items()),
        }
        return await self.client.post(path, content=urlencode(form), headers=headers)


@pytest.fixture
async def line(cluster: LocalCluster) -> AsyncIterator[Line]:
    settings = Settings(
        kafka_bootstrap_servers=cluster.bootstrap_servers,
        redis_url=cluster.redis_url,
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
        public_url=PUBLIC_URL,
    )
    server = GatewayServer(settings, port=0)
    serving = asyncio.create_task(server.run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as client:
        yield Line(server, client, serving)
    server.stop()
    await serving
