"""When the tables are whole, and up to when they are complete: no figure may claim more than was taken in."""

from __future__ import annotations

import pytest

from connectors.views.fetched import Fetched
from infra.run.views.progress import LONG_POLL_MS, Progress
from streams.views.tables import Batch, Place, Tables
from tests.unit.views.feeding import NOW_MS, Line

ONE: Place = ("reminders.events", 0)
TWO: Place = ("billing.charges", 0)
TOLD_MS = NOW_MS + 60_000


class World:
    """Two partitions that ended at 10 and 20 when the worker started, and what is fetched of them."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.fetched: dict[Place, Fetched] = {}
        self.held: str | None = None
        self.progress = Progress(tables, {ONE: 10, TWO: 20}, NOW_MS, lambda: self.fetched, lambda: self.held)

    def take(self, place: Place, end: int) -> None:
        """Everything up to `end` into the tables; nothing of it was a record."""
        self.tables.apply(Batch(*place, self.tables.next(place), end, []))

    def at(self, place: Place, offset: int, told_at: int | None = TOLD_MS, stable: int | None = None) -> None:
        """Fetched, handed on and taken in up to `offset`, which a fetch told to be the end, unless it is `stable`."""
        self.fetched[place] = Fetched(offset, offset if stable is None else stable, told_at, offset)
        self.take(place, offset)

    @property
    def whole(self) -> bool:
        self.progress.look()
        return self.progress.whole

    @property
    def as_of(self) -> int | None:
        self.progress.look()
        return self.progress.as_of


@pytest.fixture
def world(tables: Tables) -> World:
    return World(tables)


@pytest.fixture
def caught_up(world: World) -> World:
    """Everything that lay there is taken in, and it has been looked at."""
    world.at(ONE, 10)
    world.at(TWO, 20)
    assert world.whole
    return world


def test_nothing_is_whole_or_complete_before_anything_was_fetched(world: World) -> None:
    assert (world.whole, world.as_of) == (False, None)


def test_whole_when_each_partition_is_where_it_ended_at_the_start(world: World) -> None:
    """The last record of the last partition counts; what was appended since does not."""
    world.at(ONE, 500, stable=900)
    world.at(TWO, 19, stable=900)
    assert not world.whole
    world.at(TWO, 20, stable=900)
    assert world.whole


def test_what_is_fetched_and_not_yet_in_the_tables_is_not_whole(world: World) -> None:
    """Batches wait for the agent: an answer between fetch and table would lack them."""
    world.at(ONE, 10)
    world.fetched[TWO] = Fetched(20, 20, TOLD_MS, handed=18)
    world.take(TWO, 17)
    assert not world.whole
    world.take(TWO, 18)
    assert world.whole, "behind what was handed on there were markers alone"


def test_a_position_that_no_fetch_has_confirmed_proves_nothing(world: World) -> None:
    """After a seek the position is set before anything was fetched."""
    world.at(ONE, 10)
    world.at(TWO, 20, told_at=None)
    assert not world.whole


def test_not_whole_while_a_partition_is_someone_elses(caught_up: World) -> None:
    """A second worker of this name takes partitions away; what is appended there is missing here, so no answer. Back
    again, it need not catch up with the start a second time, and completeness goes on only from the end."""
    before = caught_up.as_of
    kept = caught_up.fetched.pop(TWO)
    caught_up.at(ONE, 11, TOLD_MS + 5_000)
    assert (caught_up.whole, caught_up.as_of) == (False, before)
    caught_up.fetched[TWO] = kept._replace(stable=None, told_at=None)
    assert (caught_up.whole, caught_up.as_of) == (True, before)


def test_a_partition_that_is_assigned_and_has_no_position_yet_is_not_ours(caught_up: World) -> None:
    caught_up.fetched[TWO] = Fetched()
    assert not caught_up.whole


def test_not_whole_while_something_is_held(caught_up: World) -> None:
    """At once, not with the next look: the question may come first."""
    caught_up.held = "reminders.events 0: no such schema"
    assert (caught_up.progress.whole, caught_up.progress.held) == (False, caught_up.held)
    caught_up.held = None
    assert caught_up.progress.whole


def test_complete_as_of_the_start_until_all_have_reached_a_stable_end(world: World) -> None:
    """Under steady load what lay there is taken in before any end of now is reached."""
    world.at(ONE, 10, stable=11)
    world.at(TWO, 20, stable=20)
    assert (world.whole, world.as_of) == (True, NOW_MS)


def test_complete_up_to_the_oldest_word_of_an_end(caught_up: World) -> None:
    """Each partition is complete up to when its end was told, less what the fetch may have waited and travelled."""
    assert caught_up.as_of == TOLD_MS - LONG_POLL_MS
    caught_up.at(ONE, 12, TOLD_MS + 5_000)
    assert caught_up.as_of == TOLD_MS - LONG_POLL_MS
    caught_up.at(TWO, 21, TOLD_MS + 3_000)
    assert caught_up.as_of == TOLD_MS + 3_000 - LONG_POLL_MS


@pytest.mark.parametrize(
    "behind",
    [
        Fetched(24, 25, TOLD_MS + 5_000, 24),
        Fetched(25, 25, TOLD_MS + 5_000, 25),
        Fetched(25, None, TOLD_MS + 5_000, 20),
    ],
    ids=["not fetched to its end", "on its way to the tables", "its end is not told"],
)
def test_one_partition_that_is_behind_keeps_all_figures_where_they_were(
    caught_up: World, behind: Fetched
) -> None:
    """`as_of` is of all topics at once: a charge must not be shown as missing because its partition is late."""
    before = caught_up.as_of
    caught_up.at(ONE, 12, TOLD_MS + 5_000)
    caught_up.fetched[TWO] = behind
    caught_up.take(TWO, 24)
    assert caught_up.as_of == before


def test_a_partition_that_was_added_since_counts(caught_up: World) -> None:
    """It was not there at the start, so the tables stay whole; but they are complete only with it."""
    before = caught_up.as_of
    for place in (ONE, TWO):
        caught_up.at(place, 30, TOLD_MS + 5_000)
    caught_up.at(("reminders.events", 1), 3, TOLD_MS + 5_000, stable=4)
    assert (caught_up.whole, caught_up.as_of) == (True, before)


def test_every_partition_is_told_also_those_of_others(world: World) -> None:
    """`/v1/status` is what tells whose fault it is that nothing is answered."""
    world.tables.begin(ONE, 5)
    world.tables.apply(Batch(*ONE, 5, 10, [Line(5, NOW_MS - 7, None)]))
    world.fetched[ONE] = Fetched(10, 12, TOLD_MS, 10)
    world.progress.look()
    assert world.progress.standing() == {
        "as_of": None,
        "complete_since": NOW_MS - 7,
        "whole": False,
        "held": None,
        "partitions": [
            dict(zip(FIELDS, (*TWO, 0, None, 0, None), strict=True)),
            dict(zip(FIELDS, (*ONE, 10, 10, 10, 12), strict=True)),
        ],
    }


FIELDS = ("topic", "partition", "next", "fetched", "handed", "end")
