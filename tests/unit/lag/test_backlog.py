"""Windows and probes against logs written down record by record."""

from __future__ import annotations

import random

import pytest

from connectors.lag.backlog import PROBE_RECORDS, Probe, Window
from connectors.lag.plan import Backlogs, Reading
from connectors.lag.snapshot import Place

PLACE: Place = ("t", 0)
SEEDS = range(40)


class Log:
    """A partition: which offsets hold a record that a read-committed reader gets, and its timestamp (its offset)."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.records: list[int] = []
        self.stable = 0

    def grow(self) -> None:
        for _ in range(self.chance.randint(0, 60)):
            if self.chance.random() < 0.6:
                self.records.append(self.stable)
            self.stable += 1

    def between(self, first: int, stop: int) -> list[int]:
        return [offset for offset in self.records if first <= offset < stop]

    def read(self, backlogs: Backlogs, readings: list[Reading]) -> None:
        """As `Reader` does: up to `records` of each, and the end is told where it was reached."""
        for reading in readings:
            found = self.between(reading.first, reading.stop)
            taken = found[: reading.records]
            whole = len(taken) == len(found)
            end = reading.stop if whole else taken[-1] + 1
            if reading.window is not None:
                for offset in taken:
                    reading.window.take(offset, offset)
                reading.window.reach(end)
            else:
                oldest = taken[0] if taken else None
                backlogs.probes[PLACE, reading.first] = Probe(reading.first, end, len(taken), oldest)


@pytest.mark.parametrize("seed", SEEDS)
def test_answers_are_the_count_or_bounds_around_it(seed: int) -> None:
    """Groups go on, back and away while the log grows and reading is rationed: an exact answer is the count, any other
    has it between its bounds, and the oldest is the first record, or not known."""
    chance = random.Random(seed)
    log = Log(chance)
    backlogs = Backlogs(exact_span=chance.choice([5, 40, 1000]), most_held=chance.choice([30, 100_000]))
    exact = 0
    for _ in range(30):
        log.grow()
        stands = {chance.randint(0, log.stable) for _ in range(3)}
        wanted = {PLACE: (log.stable, {at for at in stands if at < log.stable})}
        log.read(backlogs, backlogs.plan(wanted, most_records=chance.choice([10, 10_000])))
        for first in stands:
            truth = log.between(first, log.stable)
            answer = backlogs.answer(PLACE, first, log.stable)
            assert answer.least <= len(truth) <= answer.most, (seed, first)
            assert answer.least <= answer.records <= answer.most
            assert answer.oldest_ms in (truth[0] if truth else None, None)
            if answer.exact:
                exact += 1
                assert (answer.records, answer.oldest_ms) == (len(truth), truth[0] if truth else None)
    assert exact > 5


def test_what_was_read_is_not_read_again() -> None:
    """A window is carried on from where it ends, and a probe stands until its group moves."""
    backlogs = Backlogs(exact_span=100)
    [reading] = backlogs.plan({PLACE: (50, {10})}, 1_000)
    assert (reading.first, reading.stop) == (10, 50)
    assert reading.window is not None
    reading.window.reach(50)
    assert backlogs.plan({PLACE: (50, {10, 20})}, 1_000) == []
    [more] = backlogs.plan({PLACE: (70, {20})}, 1_000)
    assert (more.first, more.stop, more.window is reading.window) == (50, 70, True)
    log = Log(random.Random(1))
    log.stable = 500
    far = backlogs.plan({PLACE: (500, {20})}, 1_000)
    assert [(each.first, each.records, each.window) for each in far] == [(20, PROBE_RECORDS, None)]
    log.read(backlogs, far)
    assert backlogs.plan({PLACE: (600, {20})}, 1_000) == []
    assert [each.first for each in backlogs.plan({PLACE: (600, {25})}, 1_000)] == [25]


def test_a_log_that_was_cut_is_read_anew() -> None:
    """The end comes back (a topic made anew): what was read of the old log counts no more."""
    backlogs = Backlogs()
    [reading] = backlogs.plan({PLACE: (50, {0})}, 1_000)
    assert reading.window is not None
    for offset in range(50):
        reading.window.take(offset, offset)
    assert backlogs.answer(PLACE, 0, 50).records == 50
    [again] = backlogs.plan({PLACE: (10, {0})}, 1_000)
    assert (again.first, again.stop) == (0, 10)
    assert not backlogs.answer(PLACE, 0, 10).exact
    backlogs = Backlogs(exact_span=5)
    [probing] = backlogs.plan({PLACE: (50, {0})}, 1_000)
    backlogs.probes[PLACE, 0] = Probe(0, 40, 40, 0)
    [again] = backlogs.plan({PLACE: (10, {0})}, 1_000)
    assert (again.first, again.window, again is probing) == (0, None, False)


def test_what_was_read_beyond_the_moment_does_not_count_for_it() -> None:
    """Records that came after the ends were asked for may be read with the others; the page is of the moment before."""
    window = Window.at(0)
    for offset in range(12):
        window.take(offset, offset)
    assert window.answer(4, 10) == (6, 6, 6, 4)


def test_the_cheapest_is_read_first_and_no_more_than_is_granted() -> None:
    """A group that lags by a million does not keep those from being exact that lag by ten."""
    backlogs = Backlogs(exact_span=2_000_000, most_held=10_000_000)
    wanted: dict[Place, tuple[int, set[int]]] = {("big", 0): (1_000_000, {0}), ("small", 0): (10, {0})}
    readings = backlogs.plan(wanted, 500)
    assert [(each.place[0], each.records) for each in readings] == [("small", 10), ("big", 490)]
    backlogs = Backlogs(exact_span=100)
    wanted[("near", 0)] = (100, {0})
    readings = backlogs.plan(wanted, 500)
    assert [(each.place[0], each.cost) for each in readings] == [
        ("small", 10),
        ("big", PROBE_RECORDS),
        ("near", 100),
    ]


def test_windows_hold_no_more_than_their_bound() -> None:
    """What does not fit is probed: memory does not grow with the number of partitions that lag."""
    backlogs = Backlogs(exact_span=100, most_held=250)
    wanted: dict[Place, tuple[int, set[int]]] = {("t", number): (100, {0}) for number in range(10)}
    readings = backlogs.plan(wanted, 100_000)
    assert sum(each.window is not None for each in readings) == 2
    assert len(readings) == 10
    assert len(backlogs.windows) == 2
