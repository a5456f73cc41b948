from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.cluster import LocalCluster
from tests.integration.lag.groups import Groups


@pytest.fixture
def groups(cluster: LocalCluster) -> Iterator[Groups]:
    made = Groups(cluster.bootstrap_servers)
    yield made
    made.close()
