"""A gate that has lost what it knew: it is filled from the log before anybody is called."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streams.ids import CallKey
from streams.once import door
from streams.once.effects import Ask, Enter, Fence, Fill, FillPart, Place
from tests.unit.streams.calls.line import Line
from tests.unit.streams.once.world import Owner


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
    line.owner.work_until(Enter)
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
    line.owner.work_until(Place)
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
    line.owner.work_until(Fill)
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
    line.owner.work_until(Fence)
    trouble(line)
    line.pass_time(130)
    assert line.phase(key) in ("PLACED", "ENDED")
    assert line.owner.waiting(Ask) == []
    after = line.due("r2", user="acme|+14155550299")
    line.pass_time(1)
    assert line.rung(after) == 1
