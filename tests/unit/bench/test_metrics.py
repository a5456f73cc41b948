"""The benchmark of metrics: what it measures and how it judges."""

from __future__ import annotations

from infra.bench.metrics import Row, Watched, table
from streams.runtime.telemetry import NoTelemetry


def test_the_cpu_between_the_first_commit_and_the_last_is_shared_by_its_records() -> None:
    """Joining and starting are not in it; nor is what comes after the last record."""
    watched = Watched(NoTelemetry(), 30)
    watched.committed("bench", 0, 10, 0)
    for _ in range(200_000):
        pass  # work that must be seen
    watched.committed("bench", 1, 10, 0)
    assert not watched.done.is_set()
    watched.committed("bench", 0, 10, 0)
    assert watched.done.is_set()
    took_us = watched.us_a_record
    assert took_us > 0
    watched.committed("bench", 0, 10, 0)
    assert watched.us_a_record == took_us


def test_a_cost_above_the_bar_is_said() -> None:
    """Beside the ratio of each pair, so that noise is seen as noise."""
    rows = [
        Row("full transactions", 3, 1_000, 50.0, 50.5, 0.01, 0.1, (0.0, 0.01, 0.02)),
        Row("one record each", 3, 100, 500.0, 530.0, 0.06, 6.0, (0.05, 0.06, 0.07)),
    ]
    _, fine, bad = table(rows).splitlines()
    assert "above" not in fine
    assert bad.endswith("+5.0% +6.0% +7.0%  above 3%")
