"""A gate that does not answer: the door stays shut, asks again, and opens when it is back."""

from __future__ import annotations

from streams.once.effects import Enter
from tests.unit.streams.calls.line import Line


def test_nothing_is_claimed_while_the_gate_is_away_and_all_that_waits_after(line: Line) -> None:
    """The door asks again on its own, and opens when the server is back."""
    line.server.away = True
    key = line.due()
    line.pass_time(5)
    later = line.due("r2", user="acme|+14155550299")
    line.pass_time(5)
    assert (line.rung(key), line.rung(later), line.states(later)) == (0, 0, [])
    line.server.away = False
    line.pass_time(2)
    assert (line.rung(key), line.rung(later)) == (1, 1)


def test_a_door_that_was_shut_in_an_aborted_step_still_asks_again(line: Line) -> None:
    """The step that shut it is taken back and comes again: its question must not be lost."""
    key = line.due()
    line.owner.work_until(Enter)
    line.owner.fail(line.owner.waiting(Enter)[0])
    line.due("r2", user="acme|+14155550299")
    line.owner.turn(abort=True)
    line.pass_time(2)
    assert line.rung(key) == 1


def test_a_gate_set_by_a_request_whose_reply_was_lost_is_ours(line: Line) -> None:
    """Enter ran, we did not hear: after a fence the same owner passes with the same token."""
    key = line.due()
    line.owner.work_until(Enter)
    line.owner.run(line.owner.waiting(Enter)[0], reply_lost=True)
    line.pass_time(2)
    assert (line.rung(key), line.states(key)[-1]) == (1, "PLACED")


def test_a_slow_question_of_another_claim_is_not_asked_twice(line: Line) -> None:
    """While one Enter is out, a door that another has shut leaves it alone: a late answer would be read wrongly."""
    slow, quick = line.due("r1"), line.due("r2", user="acme|+14155550299")
    line.owner.work_until(Enter)
    first, second = line.owner.waiting(Enter)
    line.owner.fail(second)
    line.owner.turn()
    line.clock.advance(0.6)
    for _ in range(5):
        line.owner.turn()
        for pending in line.owner.runnable():
            if pending is not first:
                line.owner.run(pending)
    assert line.rung(quick) == 1
    assert line.owner.waiting(Enter) == [first]
    line.pass_time(0.1)
    assert line.rung(slow) == 1


def test_an_opt_out_reaches_what_waits_for_the_gate(line: Line) -> None:
    """Called off before the door opens: unsent, without the gate."""
    line.server.away = True
    line.take_over()
    line.settle()
    key = line.due()
    line.settle()
    line.fact("CANCEL_ASKED", key)
    line.settle()
    assert line.states(key) == ["NOT_SENT"]
