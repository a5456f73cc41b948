"""A partition that goes to another owner in the middle of a call: what it left open, and what comes of it late."""

from __future__ import annotations

import pytest

from streams.once.effects import Checking, Enter, Place
from tests.unit.streams.calls.line import Line


def test_a_claim_that_was_never_gated_is_claimed_again_by_the_next_owner(line: Line) -> None:
    """The owner died before the gate: fenced, claimed again with a new epoch, called once."""
    key = line.due()
    line.owner.turn()
    line.take_over()
    line.settle()
    assert (line.states(key), line.rung(key)) == (["CLAIMED", "CLAIMED", "PLACED"], 1)
    assert [entry[:2] for entry in line.gate.passed] == [(str(key), 2)]


@pytest.mark.parametrize("how", ["accept", "dropped"])
def test_a_gated_claim_is_never_posted_by_the_next_owner(line: Line, how: str) -> None:
    """The owner died with the request out: UNKNOWN, asked for at once, resolved either way."""
    line.carrier.script.append(how)
    key = line.due()
    line.owner.work_until(Place)
    line.owner.run(line.owner.waiting(Place)[0])
    line.take_over()
    line.settle()
    assert line.states(key)[:2] == ["CLAIMED", "UNKNOWN"]
    line.pass_time(121)
    assert line.states(key)[-1] == ("PLACED" if how == "accept" else "NOT_PLACED")
    assert line.rung(key) <= 1


def test_a_takeover_does_not_restart_the_time_to_resolve(line: Line) -> None:
    """The third owner ends what the first one left open, T_resolve after its claim."""
    line.carrier.script.append("dropped")
    key = line.due()
    line.settle()
    line.pass_time(60)
    line.take_over()
    line.pass_time(59)
    line.take_over()
    line.pass_time(2)
    assert line.states(key)[-1] == "NOT_PLACED"


def test_a_zombie_behind_the_fence_enters_no_gate(line: Line) -> None:
    """The old owner's Enter arrives after the new one's fence: Fenced, and it can write nothing."""
    key = line.due()
    line.owner.turn()
    zombie = line.owner
    enter = zombie.waiting(Enter)[0]
    line.take_over()
    line.settle()
    zombie.run(enter)
    zombie.turn()
    line.settle()
    assert line.rung(key) == 1
    assert [epoch for _, epoch, _ in line.gate.passed] == [2]
    assert "NOT_SENT" not in line.states(key)
    assert zombie.lost


def test_a_gate_older_than_the_log_is_raised_above(line: Line) -> None:
    """A server that outlived the topics has seen greater epochs: the owner commits a greater one, and calls."""
    line.server.scope("calls:3").epoch = 50
    key = line.due()
    line.settle()
    assert line.rung(key) == 1
    assert line.committed["epoch"][1]["epoch"] == 51


def test_an_owner_that_gave_up_before_it_posted_says_so(line: Line) -> None:
    """Our script set the gate and the partition went: NOT_SENT as plain evidence, and the try ends with it."""
    key = line.due()
    line.owner.work_until(Enter)
    old = line.owner
    enter = old.waiting(Enter)[0]
    old.run(enter)
    line.take_over()
    old.give_up()
    line.settle()
    assert line.reads_as(key) == "NOT_SENT"
    assert line.phase(key) == "ENDED"


def test_a_self_check_that_was_not_answered_is_not_sent(line: Line) -> None:
    """The partition went while the claim waited for its self-check: nobody has posted, and it is said."""
    key = line.due()
    line.owner.work_until(Checking)
    look = line.owner.waiting(Checking)[0]
    old = line.owner
    line.take_over()
    old.run(look)
    old.give_up()
    line.settle()
    assert line.reads_as(key) == "NOT_SENT"


def test_a_result_that_came_after_the_partition_went_is_evidence(line: Line) -> None:
    """The old owner heard of its call; the new one learns of it from the log."""
    key = line.due()
    line.owner.work_until(Place)
    old = line.owner
    place = old.waiting(Place)[0]
    line.take_over()
    line.settle()
    assert line.phase(key) == "UNKNOWN"
    old.run(place)
    old.give_up()
    line.settle()
    assert (line.phase(key), line.rung(key)) == ("PLACED", 1)


def test_a_commit_that_we_did_not_hear_of_posts_nothing_twice(line: Line) -> None:
    """Unknown result of the transaction that asked for the request: it was never released; the next owner resolves."""
    key = line.due()
    line.owner.work_until(Checking)
    line.owner.run(line.owner.waiting(Checking)[0])
    line.due("r2", user="acme|+14155550299")
    line.owner.turn(commit_lost=True)
    old = line.owner
    line.take_over()
    old.give_up()
    line.pass_time(1)
    assert line.rung(key) == 0
    assert line.reads_as(key) == "NOT_SENT"
