"""The table of tenants that stages look numbers up in."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import DEFAULT, patch

import pytest

from connectors.kafka.clients import KafkaClients
from connectors.kafka.tables import TenantsTable
from connectors.settings import Settings
from infra.cli.tenants import apply_tenants
from infra.cluster import LocalCluster
from schemas.codec import encode
from schemas.registry import Codec
from streams.runtime.errors import Hold
from streams.tenants import Tenant
from streams.topology import TENANTS
from tests.conftest import FreshTopics

pytestmark = pytest.mark.integration
ACME = Tenant(id="acme", numbers=("+14155550100",))


def test_it_holds_everything_when_it_has_started(settings: Settings, fresh_topics: FreshTopics) -> None:
    """Everything that was applied before the start is there after it, by number and by id."""
    fresh_topics([TENANTS])
    apply_tenants(settings, [ACME, Tenant(id="b", numbers=("+14155550102",))])
    with TenantsTable(settings.kafka_config()).start() as table:
        assert table.owner_of("+14155550100") == ACME
        assert table.get("acme") == ACME
        assert [t.id for t in table.all()] == ["acme", "b"]


def test_a_number_applied_a_moment_ago_is_never_unknown(
    settings: Settings, fresh_topics: FreshTopics
) -> None:
    """Each is looked up as soon as its record is acknowledged: a miss reads on to the end before it is believed."""
    fresh_topics([TENANTS])
    with TenantsTable(settings.kafka_config()).start() as table:
        for number in range(100, 130):
            tenant = Tenant(id=f"t{number}", numbers=(f"+14155550{number}",))
            apply_tenants(settings, [tenant])
            assert table.owner_of(tenant.numbers[0]) == tenant
        assert table.owner_of("+14155550999") is None


def test_transactions_do_not_keep_it_waiting(settings: Settings, fresh_topics: FreshTopics) -> None:
    """The topic ends in markers, of an aborted transaction too: its end is reached, what was aborted is not there."""
    fresh_topics([TENANTS], partitions=1)
    producer = KafkaClients(settings.kafka_bootstrap_servers or "").transactional_producer("tenants-test")
    producer.init_transactions(10)
    for tenant, end in (
        (ACME, producer.commit_transaction),
        (Tenant(id="b", numbers=("+14155550102",)), producer.abort_transaction),
    ):
        producer.begin_transaction()
        producer.produce(TENANTS.name, key=tenant.id, value=encode("Tenant", tenant.to_record()))
        end(10)
    with TenantsTable(settings.kafka_config()).start() as table:
        assert table.owner_of("+14155550100") == ACME
        assert table.owner_of("+14155550102") is None


def test_garbage_on_the_topic_is_passed(settings: Settings, fresh_topics: FreshTopics) -> None:
    """One broken record, or a tombstone, does not hide the tenants behind it."""
    fresh_topics([TENANTS], partitions=1)
    producer = KafkaClients(settings.kafka_bootstrap_servers or "").plain_producer()
    producer.produce(TENANTS.name, key=b"x", value=b"garbage")
    producer.produce(TENANTS.name, key=b"x", value=None)
    producer.flush(10)
    apply = encode("Tenant", ACME.to_record())
    producer.produce(TENANTS.name, key=b"acme", value=apply)
    producer.flush(10)
    with TenantsTable(settings.kafka_config()).start() as table:
        assert table.owner_of("+14155550100") == ACME


def test_a_reader_that_breaks_is_made_anew(settings: Settings, fresh_topics: FreshTopics) -> None:
    """An error that nobody thought of costs a moment, not the numbers of every tenant that comes after it."""
    fresh_topics([TENANTS], partitions=1)
    codec = Codec()
    with (
        TenantsTable(settings.kafka_config(), codec).start() as table,
        patch.object(
            codec, "decode", side_effect=[MemoryError, *[DEFAULT] * 9], wraps=codec.decode
        ) as decode,
    ):
        apply_tenants(settings, [ACME])
        assert table.owner_of("+14155550100") == ACME
        assert decode.call_count == 2


def test_without_a_broker_a_miss_is_not_an_answer(tmp_path: Path) -> None:
    """What is known is still known; what is not known is held, not called unknown."""
    with LocalCluster.start(tmp_path / "cluster", heap_mb=256) as own:
        settings = Settings(kafka_bootstrap_servers=own.bootstrap_servers, redis_url=own.redis_url)
        from connectors.kafka import topics

        topics.apply(topics.admin_client(settings.kafka_config()), 2, wanted=[TENANTS])
        apply_tenants(settings, [ACME])
        with TenantsTable(settings.kafka_config(), catch_up_s=0.5).start() as table:
            own.kill_broker(1)
            assert table.owner_of("+14155550100") == ACME
            with pytest.raises(Hold):
                table.owner_of("+14155550999")
            own.start_broker(1)
            assert table.owner_of("+14155550100") == ACME
