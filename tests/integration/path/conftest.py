"""One cluster for this folder, with the pipeline's own topics; each test has users of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.cluster import LocalCluster
from tests.integration.path.pipeline import Pipeline

_users = itertools.count(1)


@pytest.fixture(scope="module")
def path_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalCluster, Path]]:
    folder = tmp_path_factory.mktemp("path-cluster")
    with LocalCluster.start(folder, progress=print) as cluster:
        yield cluster, folder


@pytest.fixture
def pipeline(path_cluster: tuple[LocalCluster, Path], tmp_path: Path) -> Iterator[Pipeline]:
    running = Pipeline(*path_cluster, tmp_path)
    running.start_gateway()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def new_user() -> Callable[[], str]:
    """A number that no other test uses."""
    return lambda: f"+1212555{next(_users):04d}"
