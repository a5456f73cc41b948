"""`topics plan|apply` on a real broker."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from connectors.kafka.topics import admin_client, apply, find
from connectors.settings import Settings
from streams.topology import EVENTS, REQUESTS, topics
from tests.conftest import FreshTopics
from tests.waiting import until

pytestmark = pytest.mark.integration
Command = Callable[..., tuple[int, list[dict[str, Any]]]]


def test_apply_creates_what_is_missing_and_then_nothing(ringback: Command, fresh_topics: FreshTopics) -> None:
    """Two topics are there, the others are made like them; a second apply changes nothing and says ok."""
    fresh_topics([REQUESTS, EVENTS], partitions=3)
    code, plans = ringback("topics", "plan")
    assert code == 0
    assert {p["topic"] for p in plans if p["action"] == "ok"} == {REQUESTS.name, EVENTS.name}
    assert ringback("topics", "plan")[1] == plans, "planning must create nothing"
    code, made = ringback("topics", "apply")
    assert (code, {p["action"] for p in made}) == (0, {"ok", "created"})
    assert {p["partitions"] for p in made} == {3}
    code, again = ringback("topics", "apply")
    assert (code, {p["action"] for p in again}) == (0, {"ok"})
    assert {p["topic"] for p in again} == {t.name for t in topics()}


def test_drift_is_reported_and_left_alone(
    ringback: Command, fresh_topics: FreshTopics, settings: Settings
) -> None:
    """Somebody changed a retention: plan and apply say so with exit code 1, and it stays as it is."""
    fresh_topics()
    entry = ConfigEntry("retention.ms", "1000000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, EVENTS.name, incremental_configs=[entry])
    admin = admin_client(settings.kafka_config())
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(10)
    # The broker takes a moment to see what its controller has written.
    until(
        lambda: find(admin, [EVENTS.name])[EVENTS.name].config["retention.ms"] == "1000000", "it is changed"
    )
    for command in ("plan", "apply", "plan"):
        code, plans = ringback("topics", command)
        assert code == 1
        [drift] = [p for p in plans if p["action"] == "drift"]
        assert drift["topic"] == EVENTS.name
        wanted = str(EVENTS.retention_ms)
        assert drift["differences"] == [{"what": "retention.ms", "wanted": wanted, "found": "1000000"}]


def test_another_partition_count_is_refused_before_anything_is_made(
    ringback: Command, fresh_topics: FreshTopics, settings: Settings
) -> None:
    """One topic is missing and another count is asked for: making it alone would part users from their state."""
    fresh_topics([REQUESTS])
    assert ringback("topics", "apply", "--partitions", "8") == (1, [])
    assert EVENTS.name not in admin_client(settings.kafka_config()).list_topics(timeout=10).topics


class Letting(AdminClient):
    """A real client that forgets the first request of each kind, as one does whose node was not in its metadata: the
    broker has it all the same."""

    def __init__(self, bootstrap_servers: str) -> None:
        super().__init__({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        self.let_go: list[str] = []

    def _once(self, kind: str, asked: dict[Any, Future[Any]]) -> dict[Any, Future[Any]]:
        if kind in self.let_go:
            return asked
        self.let_go.append(kind)
        wait(asked.values(), 10)
        lost: Future[Any] = Future()
        lost.set_exception(KafkaException(KafkaError(KafkaError._DESTROY_BROKER)))
        return dict.fromkeys(asked, lost)

    def create_topics(self, *given: Any, **options: Any) -> Any:
        return self._once("create", super().create_topics(*given, **options))

    def describe_configs(self, *given: Any, **options: Any) -> Any:
        return self._once("describe", super().describe_configs(*given, **options))

    def list_offsets(self, *given: Any, **options: Any) -> Any:
        return self._once("offsets", super().list_offsets(*given, **options))


def test_nodes_that_are_new_to_each_other_are_asked_again(
    settings: Settings, fresh_topics: FreshTopics
) -> None:
    """What the client lets go of is no answer: neither a refusal nor a topic that is missing."""
    fresh_topics([REQUESTS])
    admin = Letting(settings.kafka_bootstrap_servers or "")
    plans = apply(admin, wanted=[REQUESTS, EVENTS])
    assert [(p.topic, p.action) for p in plans] == [(REQUESTS, "ok"), (EVENTS, "created")]
    assert admin.let_go == ["describe", "create", "offsets"]
