"""The exporter over HTTP while its broker dies and comes back."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from connectors.lag import Backlogs, Exporter, LagServer, Observer
from infra.cluster import LocalCluster
from tests.integration.lag.groups import Groups
from tests.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[LocalCluster]:
    """A cluster of this test's own, since it kills its broker."""
    with LocalCluster.start(tmp_path / "cluster", heap_mb=256) as running:
        yield running


def scrape(url: str, **headers: str) -> dict[str, float]:
    """Family names and the value of the first sample of each."""
    asked = Request(url, headers={"X-Prometheus-Scrape-Timeout-Seconds": "3", **headers})
    with urlopen(asked, timeout=20) as answer:
        body = answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(body.decode())
    return {family.name: family.samples[0].value for family in families if family.samples}


def test_it_outlives_its_broker_and_says_so(mortal: LocalCluster) -> None:
    """kill -9: every scrape is still answered in time, with kafka_up 0 and not one figure of before; the broker is
    back: so are the figures. Gzip, the health page and the index answer too."""
    groups = Groups(mortal.bootstrap_servers)
    topic = groups.topic(2)
    groups.produce(topic, [5, 5])
    groups.commit("g", {(topic, 0): 2, (topic, 1): 5})
    exporter = Exporter(Observer(groups.config, backlogs=Backlogs()))
    server = LagServer(exporter, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.port}"
    try:
        before = scrape(f"{url}/metrics")
        assert (before["kafka_up"], before["kafka_consumergroup_readable_records"]) == (1.0, 3.0)
        assert scrape(f"{url}/metrics", **{"Accept-Encoding": "gzip"}).keys() == before.keys()
        mortal.kill_broker(1)
        for _ in range(2):
            away = scrape(f"{url}/metrics")
            assert away["kafka_up"] == 0.0
            assert [name for name in away if name.startswith("kafka_")] == ["kafka_up"]
            assert away["ringback_lag_scrape_seconds"] < 6
        for path in ("/", "/healthz"):
            with urlopen(url + path, timeout=20) as answer:
                assert answer.status == 200
        mortal.start_broker(1)
        until(lambda: scrape(f"{url}/metrics")["kafka_up"] == 1.0, "the exporter finds the broker again")
        lag = until(
            lambda: scrape(f"{url}/metrics").get("kafka_consumergroup_lag"),
            "the group's coordinator has its offsets again",
        )
        assert lag == 3.0
    finally:
        server.close()
        exporter.close()
