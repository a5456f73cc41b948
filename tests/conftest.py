"""What every test folder shares: a real cluster, its topics, and skips that CI does not forgive.

`cluster` is one local cluster for the whole session, started by the first test that asks. The pipeline's topics
have fixed names, so a test that needs them empty asks for `fresh_topics`; one that only needs *a* topic makes its
own. A test that kills servers starts a cluster of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.kafka import topics
from connectors.settings import SETTINGS, Settings
from infra.cluster import LocalCluster
from streams.topology import Topic
from streams.topology import topics as topics_of_the_map
from tests.waiting import until

FreshTopics = Callable[..., None]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`needs(tool)`: skipped by name where the tool is missing; in CI, which installs all of them, a failure."""
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            if shutil.which(tool) is None:
                if os.environ.get("CI") == "true":
                    pytest.fail(f"needs {tool}, and CI has it to be there", pytrace=False)
                pytest.skip(f"needs {tool}")


@pytest.fixture(autouse=True)
def no_settings_from_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test sees the settings, the state folder, or the running `up` of whoever runs it."""
    for setting in SETTINGS:
        monkeypatch.delenv(setting.env, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / "state-home"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A running Kafka and Valkey that all tests share: one node, no topics of its own."""
    folder: Path = tmp_path_factory.mktemp("cluster")
    with LocalCluster.start(folder, progress=print, heap_mb=384) as running:
        yield running


@pytest.fixture
def settings(cluster: LocalCluster, tmp_path: Path) -> Settings:
    """Settings of the shared cluster, with a state folder of this test's own."""
    return Settings(
        kafka_bootstrap_servers=cluster.bootstrap_servers,
        redis_url=cluster.redis_url,
        state_dir=str(tmp_path / "member"),
    )


@pytest.fixture
def fresh_topics(cluster: LocalCluster) -> FreshTopics:
    """`fresh_topics(wanted=None, partitions=4)`: those topics of the map (all of them), empty, and no others."""

    def make(wanted: list[Topic] | None = None, partitions: int = 4) -> None:
        admin = topics.admin_client({"bootstrap.servers": cluster.bootstrap_servers})
        names = {topic.name for topic in topics_of_the_map()}
        there = sorted(names & set(admin.list_topics(timeout=10).topics))
        if there:
            for future in admin.delete_topics(there).values():
                future.result(10)
        # Deleting is answered before every broker has forgotten the name.
        until(lambda: not names & set(admin.list_topics(timeout=10).topics), "deleted topics go away")
        topics.apply(admin, partitions, wanted=wanted)

    return make
