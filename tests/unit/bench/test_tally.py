"""The oracle finds each kind of fault, and nothing where there is none."""

from __future__ import annotations

import pytest

from infra.bench.timers.load import Load, spread
from infra.bench.timers.subject import Fired
from infra.bench.timers.tally import NEVER, Expected, percentile, tally, tenants_spread

DUE_MS = 1_000_000


@pytest.fixture
def load() -> Load:
    return spread("w", 4, DUE_MS, 4)


def fired(load: Load, timer: int, late_ms: float = 5.0, due_at: int | None = None) -> Fired:
    due = load.due_at[timer] if due_at is None else due_at
    return Fired(due + late_ms, due + int(late_ms), load.name, timer, due)


def all_of(load: Load) -> list[Fired]:
    return [fired(load, timer) for timer in range(len(load))]


def test_a_clean_run_has_no_faults(load: Load) -> None:
    """Everything once, late by what it was late; records of other loads are nobody's business."""
    other = spread("x", 1, DUE_MS, 1)
    found = tally(load, [*all_of(load), fired(other, 0)])
    assert (found.faults, found.expected) == (0, 4)
    assert found.lateness_ms == [5.0] * 4


def test_a_missing_record_is_lost(load: Load) -> None:
    """What never came is counted, even when as many records came as were expected."""
    found = tally(load, [*all_of(load)[1:], fired(load, 1)])
    assert (found.lost, found.doubled) == (1, 1)


def test_faults_are_named_for_whoever_looks_for_their_cause(load: Load) -> None:
    """With the user, whose partition it is, and the instant."""
    found = tally(load, [*all_of(load)[1:], fired(load, 1)])
    assert found.examples == (
        f"lost: timer 0 of {load.user_name(0)}, due {DUE_MS}",
        f"doubled: timer 1 of {load.user_name(1)}, due {DUE_MS + 1}",
    )


def test_a_record_before_its_instant_is_early_by_either_clock(load: Load) -> None:
    """Early when received early, and early when written early though received late."""
    received = Fired(DUE_MS - 0.5, DUE_MS, "w", 0, DUE_MS)
    written = Fired(DUE_MS + 20, DUE_MS - 1, "w", 0, DUE_MS)
    assert tally(load, [received, *all_of(load)[1:]]).early == 1
    assert tally(load, [written, *all_of(load)[1:]]).early == 1


def test_an_instant_that_nobody_asked_for_is_strange(load: Load) -> None:
    """A timer that fires at another instant than its own is strange, and its own one lost."""
    found = tally(load, [fired(load, 0, due_at=DUE_MS + 99), *all_of(load)[1:]])
    assert (found.strange, found.lost) == (1, 1)


def test_a_cancelled_timer_that_fires_is_a_fault_and_one_that_does_not_is_none(load: Load) -> None:
    """The oracle for a cancel that was acknowledged."""
    assert tally(load, all_of(load)[1:], {0: NEVER}).faults == 0
    assert tally(load, all_of(load), {0: NEVER}).strange == 1


def test_a_moved_timer_must_fire_at_its_new_instant(load: Load) -> None:
    """Moved in time: only there. Moved while it fired: there, and perhaps at the old one too."""
    new = DUE_MS + 3_000
    at_new, rest = fired(load, 0, due_at=new), all_of(load)[1:]
    moved, raced = Expected(frozenset({new})), Expected(frozenset({new}), frozenset({DUE_MS}))
    assert tally(load, [at_new, *rest], {0: moved}).faults == 0
    assert tally(load, [at_new, *all_of(load)], {0: moved}).strange == 1
    assert tally(load, [at_new, *all_of(load)], {0: raced}).faults == 0
    assert tally(load, all_of(load), {0: raced}).lost == 1


def test_percentile_is_the_nearest_rank() -> None:
    """p99 of 100 values is the 99th, of one value that value; of none there is none."""
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile(range(1, 101), 0.5) == 50
    assert percentile([7], 0.99) == 7
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_the_spread_between_tenants_is_worst_over_best() -> None:
    """1 when all wait alike."""
    assert tenants_spread({0: [10.0, 20.0], 1: [20.0, 5.0]}) == 1
    assert tenants_spread({0: [10.0], 1: [30.0]}) == 3


def test_the_longest_silence_is_between_records_received(load: Load) -> None:
    """Measured by receipt, whatever the order of the due instants."""
    late = [fired(load, 0, 1.0), fired(load, 1, 2500.0), fired(load, 2, 3.0), fired(load, 3, 4.0)]
    assert tally(load, late).longest_silence_s == pytest.approx(2.494)
