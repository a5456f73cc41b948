"""A line of calls that stands still: its owner has opened the partition, and nothing is due."""

from __future__ import annotations

import pytest

from tests.unit.streams.calls.line import Line


@pytest.fixture
def line() -> Line:
    line = Line()
    line.settle()
    return line
