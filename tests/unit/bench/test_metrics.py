"""The benchmark of metrics: what it measures and how it judges."""

from __future__ import annotations

import pytest

from infra.bench.metrics.run import Row, _row, table
from infra.bench.metrics.telling_in_turn import TellingInTurn
from streams.runtime.telemetry import NoTelemetry


class Listening(NoTelemetry):
    """Notes how many records it was told of, and of which stage."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def committed(self, stage: str, partition: int, records: int, dead: int) -> None:  # noqa: ARG002 (protocol)
        self.told.append((stage, records))


def test_stretches_are_told_and_not_told_in_turn() -> None:
    """The first commit belongs to no stretch; then off, on, off, each until its records are there."""
    listening = Listening()
    telling = TellingInTurn(listening, "reminders", records=10, stretches=3)
    for records in (1, 4, 6, 7, 3, 10):
        assert not telling.done.is_set()
        telling.committed("bench", 0, records, 0)
    assert telling.done.is_set()
    assert listening.told == [("reminders", 7), ("reminders", 3)]
    assert len(telling.took_us) == 3
    assert telling.wait_for_on()
    telling.finish()
    assert not telling.wait_for_on()


def test_a_stretch_takes_the_cpu_of_its_own_records() -> None:
    """Work between two commits counts for the stretch that the second one ends, by its records."""
    telling = TellingInTurn(NoTelemetry(), "reminders", records=10, stretches=2)
    telling.committed("bench", 0, 10, 0)
    telling.committed("bench", 0, 10, 0)
    for _ in range(2_000_000):
        pass  # work that must be seen
    telling.committed("bench", 0, 20, 0)
    idle_us, busy_us = telling.took_us
    assert busy_us > 10 * idle_us


def test_drift_is_no_cost() -> None:
    """Each stretch with metrics is held against its neighbours: what grows all along drops out, a cost stays."""
    drifting = [100.0 + n for n in range(9)]
    assert _row("", 1, drifting).cost == pytest.approx(0, abs=1e-4)
    dearer = [us * (1.05 if n % 2 else 1) for n, us in enumerate(drifting)]
    assert _row("", 1, dearer).cost == pytest.approx(0.05, abs=1e-3)


def test_a_cost_above_the_bar_is_said() -> None:
    """Beside the spread, so that noise is seen as noise."""
    rows = [
        Row("full transactions", 20, 5_000, 50.0, 50.5, 0.01, (0.0, 0.02)),
        Row("one record each", 20, 400, 500.0, 530.0, 0.06, (0.05, 0.07)),
    ]
    _, fine, bad = table(rows).splitlines()
    assert "above" not in fine
    assert bad.endswith("+5.0% to +7.0%  above 3%")
