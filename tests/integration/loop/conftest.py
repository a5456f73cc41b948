"""Fixtures: `line`, a counting stage with topics of its own; `protocol_line`, the same under both group protocols."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.cluster import LocalCluster
from tests.integration.loop.line import Line


@pytest.fixture
def line(cluster: LocalCluster, tmp_path: Path) -> Iterator[Line]:
    line = Line(cluster.bootstrap_servers, tmp_path)
    yield line
    line.close()


@pytest.fixture(params=["classic", "consumer"])
def protocol_line(cluster: LocalCluster, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Line]:
    line = Line(cluster.bootstrap_servers, tmp_path, protocol=request.param)
    yield line
    line.close()
