"""A worker of the read models with no rights but those of streams/access.py, and what it says where it has none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from connectors.settings import Settings
from tests.integration.deploy.guarded import credentials, guarded_cluster
from tests.integration.views.worker import Log, Worker
from tests.unit.views.traffic import traffic

pytestmark = pytest.mark.integration


def test_views_run_with_nothing_but_their_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the Kafka user of its own, by SASL: everything is read, and no topic may be written."""
    from connectors.kafka import topics

    with guarded_cluster(tmp_path / "cluster", monkeypatch) as (cluster, address):
        free = Settings(kafka_bootstrap_servers=cluster.bootstrap_servers)
        topics.apply(topics.admin_client(free.kafka_config()), 4)
        records = traffic(1, 5, time.time_ns() // 1_000_000)
        Log(free).write(records)
        guarded = Settings.read({"KAFKA_BOOTSTRAP_SERVERS": address, **credentials("views")})
        with Worker(guarded, tmp_path / "views") as worker:
            worker.wait()
            counted = sum(each["records"] for each in worker.get("/v1/tenants")["tenants"])
            assert counted == sum(each.topic != "dead.letters" for each in records)
        assert "authorization" not in worker.log().lower()
