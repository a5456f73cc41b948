"""Every state within the bounds, and every planted bug. The README says what is explored and how to replay a trace."""

from __future__ import annotations

import time

import pytest

from tests.search.explore import Explored, Search
from tests.search.plants import PLANTS, Plant, search_with
from tests.search.searches import LONG, SHORT
from tests.search.telling import in_words
from tests.search.world import Bounds

# A plant's search may take this much CPU time before it counts as not found in seconds.
SECONDS = 20.0


def _holds(bounds: Bounds, capsys: pytest.CaptureFixture[str]) -> Explored:
    explored = Search(bounds).run()
    with capsys.disabled():
        print(f"\n{explored}")
    assert explored.found is None, in_words(explored.found)
    assert explored.whole, f"not whole after {explored.states} states"
    return explored


@pytest.mark.parametrize("bounds", SHORT, ids=lambda bounds: bounds.name)
def test_every_state_within_short_bounds_keeps_the_promises(
    bounds: Bounds, capsys: pytest.CaptureFixture[str]
) -> None:
    """I1 to I4, I6, I8 to I10, and NOT_SENT only of what was not sent, in every state; heard at most once."""
    explored = _holds(bounds, capsys)
    assert explored.most_heard <= 1


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("bounds", LONG, ids=lambda bounds: bounds.name)
def test_every_state_within_long_bounds_keeps_the_promises(
    bounds: Bounds, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same with more faults. With the policy `redial` the phone may ring again, and the words are heard once."""
    explored = _holds(bounds, capsys)
    assert explored.most_heard <= 1


def test_a_step_depends_on_nothing_that_the_search_does_not_see() -> None:
    """Every step of a small search, taken again from the state and memory that were remembered, comes out the same."""
    search = Search(Bounds("small", 2, {"takeover": 1, "redis loss": 1, "abort": 1}, picks_up=False))
    search.run()
    assert search.model.stage.taken > 300
    assert search.model.stage.unlike() == []


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_bug_is_found(plant: Plant) -> None:
    """Each wrong variant of the protocol's table, and some of the answer gate: by the invariant it is known for, in
    seconds."""
    began = time.process_time()
    found = search_with(plant).found
    assert found is not None, "not found within its bounds"
    assert found.invariant == plant.found_as, in_words(found)
    assert time.process_time() - began < SECONDS


def test_a_plant_goes_when_its_search_is_over() -> None:
    """What was patched is as it was: the same small search is clean before and after a plant."""
    small = Bounds("small", 1, {"takeover": 1}, picks_up=False)
    clean = Search(small).run()
    search_with(PLANTS[1])
    again = Search(small).run()
    assert (clean.found, clean.states) == (None, again.states)


def test_a_policy_that_redials_rings_twice_and_is_heard_once() -> None:
    """The phone may ring again for what was believed not placed, so I1 holds per try only. (That two calls which are
    both picked up are heard once is shown by the search of the answer gate, and for this policy by the long form.)"""
    plant = next(each for each in PLANTS if each.name.startswith("redial"))
    explored = search_with(plant)
    assert explored.most_calls == 2
    assert explored.most_heard <= 1
