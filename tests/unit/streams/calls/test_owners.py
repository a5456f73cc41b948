"""More than one owner, a gate that is away or has forgotten, answers that come too late. Steps 2, 4 and 5."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.ids import CallKey
from streams.once import door
from streams.once.claiming import Checking
from streams.once.effects import Ask, Enter, Fence, Fill, FillPart, Place
from tests.unit.streams.calls.line import Line
from tests.unit.streams.once.world import Owner


@pytest.fixture
def line() -> Line:
    line = Line()
    line.settle()
    return line


def until(owner: Owner, kind: type) -> None:
    """Let the owner work until an effect of this kind is out."""
    while not owner.waiting(kind):
        owner.turn()
        for pending in owner.runnable():
            if pending not in owner.waiting(kind):
                owner.run(pending)


# -- takeover


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
    until(line.owner, Place)
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
    until(line.owner, Enter)
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
    until(line.owner, Checking)
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
    until(line.owner, Place)
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
    until(line.owner, Checking)
    line.owner.run(line.owner.waiting(Checking)[0])
    line.due("r2", user="acme|+14155550299")
    line.owner.turn(commit_lost=True)
    old = line.owner
    line.take_over()
    old.give_up()
    line.pass_time(1)
    assert line.rung(key) == 0
    assert line.reads_as(key) == "NOT_SENT"


# -- a gate that is away


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
    until(line.owner, Enter)
    line.owner.fail(line.owner.waiting(Enter)[0])
    line.due("r2", user="acme|+14155550299")
    line.owner.turn(abort=True)
    line.pass_time(2)
    assert line.rung(key) == 1


def test_a_gate_set_by_a_request_whose_reply_was_lost_is_ours(line: Line) -> None:
    """Enter ran, we did not hear: after a fence the same owner passes with the same token."""
    key = line.due()
    until(line.owner, Enter)
    line.owner.run(line.owner.waiting(Enter)[0], reply_lost=True)
    line.pass_time(2)
    assert (line.rung(key), line.states(key)[-1]) == (1, "PLACED")


def test_a_slow_question_of_another_claim_is_not_asked_twice(line: Line) -> None:
    """While one Enter is out, a door that another has shut leaves it alone: a late answer would be read wrongly."""
    slow, quick = line.due("r1"), line.due("r2", user="acme|+14155550299")
    until(line.owner, Enter)
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


# -- a gate that has forgotten


def lose(line: Line) -> None:
    line.server.restart(keep=False)


def test_an_empty_gate_is_filled_before_the_next_call(line: Line) -> None:
    """After the server lost everything: filled from the log with all tries, the ended ones too, then on."""
    ended = line.due("r1")
    line.settle()
    line.callback(ended, "BUSY")
    line.settle()
    lose(line)
    key = line.due("r2")
    line.pass_time(2)
    again = line.due("r2", try_=2)
    line.pass_time(2)
    assert line.states(key)[-1] == "NOT_SENT"
    assert line.rung(again) == 1
    stands = line.server.gates[str(ended)]
    assert (stands.gated, stands.finished) == (True, True)


def test_a_gate_of_many_calls_is_filled_in_parts_and_opened_once(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two a step: first every answer, so that no gate stands before the words that were given do; then every gate, the
    ready mark with the last; nobody is called before that."""
    monkeypatch.setattr(door, "PAGE", 2)
    keys = [line.due(f"r{n}", user=f"acme|+1415555020{n}") for n in range(5)]
    line.settle()
    for number, key in enumerate(keys[:3]):
        user, sid = f"acme|+1415555020{number}", f"CA{number + 1}"
        for state in ("ANSWERED", "TOLD", "COMPLETED"):
            line.callback(key, state, sid, user=user)
    line.settle()
    lose(line)
    line.take_over()
    late = line.due("r9", user="acme|+14155550299")
    parts: list[FillPart | Fill] = []
    for _ in range(100):
        line.owner.turn()
        for pending in line.owner.runnable():
            if isinstance(pending.effect, FillPart | Fill):
                parts.append(pending.effect)
                assert line.rung(late) == 0
                if pending.effect.entries:
                    assert len(line.server.answers) == 3, "a gate before the answers"
            line.owner.run(pending)
    answers, gates = parts[:3], parts[3:]
    assert [(len(p.answers), len(p.entries)) for p in answers] == [(0, 0), (1, 0), (2, 0)]
    assert [len(p.entries) for p in gates] == [2, 2, 2]
    assert [(p.written, p.of) for p in parts if isinstance(p, FillPart)] == [
        *((0, 2), (0, 4), (0, 6)),
        *((2, 6), (4, 6)),
    ]
    assert isinstance(parts[-1], Fill)
    assert {str(key) for key in keys} <= set(line.server.gates)
    assert line.rung(late) == 1


def until_gates_are_written(owner: Owner) -> None:
    """Let the owner work until the first part with gates is out."""
    while not any(p.effect.entries for p in owner.waiting(FillPart)):
        owner.turn()
        for pending in owner.runnable():
            if not getattr(pending.effect, "entries", ()):
                owner.run(pending)


def test_a_try_that_ends_between_two_parts_is_filled(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """It moves from the tries that are open to those that have ended while they are read: its gate is shut all the
    same."""
    monkeypatch.setattr(door, "PAGE", 2)
    keys = [line.due(f"r{n}", user=f"acme|+1415555020{n}") for n in range(5)]
    line.settle()
    for moved in reversed(range(5)):
        lose(line)
        line.take_over()
        until_gates_are_written(line.owner)
        line.callback(keys[moved], "BUSY", f"CA{moved + 1}", user=f"acme|+1415555020{moved}")
        line.settle()
        stands = line.server.gates
        assert all(stands[str(key)].gated for key in keys)
        assert stands[str(keys[moved])].finished


def test_a_gate_lost_between_two_parts_is_filled_from_the_beginning(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next part is of another generation: nothing counts of what was written."""
    monkeypatch.setattr(door, "PAGE", 2)
    keys = [line.due(f"r{n}", user=f"acme|+1415555020{n}") for n in range(5)]
    line.settle()
    lose(line)
    line.take_over()
    until_gates_are_written(line.owner)
    lose(line)
    late = line.due("r9", user="acme|+14155550299")
    line.pass_time(2)
    assert all(line.server.gates[str(key)].gated for key in keys)
    assert line.rung(late) == 1


def test_what_was_claimed_and_not_posted_when_the_gate_was_lost_is_not_sent(line: Line) -> None:
    """Only the owner that made the claim knows; it ends the try and the gate is filled as gated."""
    key = line.due()
    until(line.owner, Enter)
    lose(line)
    line.pass_time(2)
    assert (line.states(key), line.rung(key)) == (["CLAIMED", "NOT_SENT"], 0)


def test_a_claim_of_an_older_owner_is_unknown_when_the_gate_was_lost(line: Line) -> None:
    """Nobody can know whether it was gated: it is never posted again."""
    key = line.due()
    line.owner.turn()
    lose(line)
    line.take_over()
    line.settle()
    assert line.states(key) == ["CLAIMED", "UNKNOWN"]
    line.pass_time(121)
    assert (line.states(key)[-1], line.rung(key)) == ("NOT_PLACED", 0)


def test_a_request_that_was_out_when_the_gate_was_lost_is_awaited(line: Line) -> None:
    """Its result is ours to hear: neither given back nor UNKNOWN."""
    key = line.due()
    until(line.owner, Place)
    place = line.owner.waiting(Place)[0]
    lose(line)
    other = line.due("r2", user="acme|+14155550299")
    for _ in range(20):
        line.owner.turn()
        for pending in line.owner.runnable():
            if pending is not place:
                line.owner.run(pending)
        line.clock.advance(0.1)
    assert line.states(key) == ["CLAIMED"]
    assert line.states(other) == ["CLAIMED", "NOT_SENT"]
    line.owner.run(place)
    line.settle()
    assert line.states(key) == ["CLAIMED", "PLACED"]


def test_the_words_that_were_given_are_given_again(line: Line) -> None:
    """The rebuilt gate knows who has the words of an occurrence."""
    key = line.due()
    line.settle()
    line.callback(key, "ANSWERED", "CA1")
    line.settle()
    lose(line)
    line.due("r2", user="acme|+14155550299")
    line.pass_time(2)
    assert line.server.answers == {str(key.occurrence): "CA1"}


@pytest.mark.parametrize("reply_lost", [True, False])
def test_a_gate_lost_again_while_it_is_filled_is_filled_again(line: Line, reply_lost: bool) -> None:
    """Fill says that the generation changed, or is not answered: the door begins anew."""
    lose(line)
    line.take_over()
    until(line.owner, Fill)
    lose(line)
    line.owner.run(line.owner.waiting(Fill)[0], reply_lost=reply_lost)
    key = line.due()
    line.pass_time(2)
    assert line.rung(key) == 1


@pytest.mark.parametrize("trouble", [lose, lambda line: line.owner.fail(line.owner.waiting(Fence)[0])])
def test_trouble_during_a_takeover_delays_it_only(line: Line, trouble: Callable[[Line], None]) -> None:
    """The server is lost, or does not answer, while the new owner fences."""
    key: CallKey = line.due()
    line.owner.turn()
    line.take_over()
    until(line.owner, Fence)
    trouble(line)
    line.pass_time(130)
    assert line.phase(key) in ("PLACED", "ENDED")
    assert line.owner.waiting(Ask) == []
    after = line.due("r2", user="acme|+14155550299")
    line.pass_time(1)
    assert line.rung(after) == 1
