from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.views.tables import Tables
from tests.unit.views.feeding import tables_in


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    found = tables_in(tmp_path / "tables")
    yield found
    found.close()
