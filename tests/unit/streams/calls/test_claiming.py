"""From a due try to one request: claim, gate, self-check, place. Steps 1 to 4 of the call protocol."""

from __future__ import annotations

from typing import Any

import pytest

from streams.once.effects import CancelCall, Checking, Enter, Place
from streams.once.gate import GateEntry
from tests.unit.streams.calls.line import USER, Line


def test_a_due_try_is_claimed_gated_and_placed_once(line: Line) -> None:
    """CLAIMED stands in the log before the gate is asked, and the carrier is asked once."""
    key = line.due()
    line.owner.turn()
    assert line.states(key) == ["CLAIMED"]
    assert line.gate.passed == []
    line.settle()
    assert (line.states(key), line.rung(key)) == (["CLAIMED", "PLACED"], 1)
    assert [entry[:2] for entry in line.gate.passed] == [(str(key), 1)]


def test_a_copy_of_a_due_record_changes_nothing(line: Line) -> None:
    """The same record again, also after the end, makes no call."""
    key = line.due()
    line.due()
    line.settle()
    line.callback(key, "BUSY")
    line.settle()
    line.due()
    line.settle()
    assert line.rung(key) == 1
    assert line.states(key).count("CLAIMED") == 1


def test_the_next_call_of_a_user_waits_for_the_open_one(line: Line) -> None:
    """One open try a user, in order of arrival; also an answered call is waited for."""
    first, second, third = line.due("r1"), line.due("r2"), line.due("r3")
    line.pass_time(5)
    assert [line.rung(k) for k in (first, second, third)] == [1, 0, 0]
    line.callback(first, "ANSWERED", "CA1")
    line.pass_time(5)
    assert line.rung(second) == 0
    line.callback(first, "COMPLETED", "CA1")
    line.pass_time(1)
    assert [line.rung(k) for k in (first, second, third)] == [1, 1, 0]
    line.callback(second, "NO_ANSWER", "CA2")
    line.pass_time(1)
    assert line.rung(third) == 1


def test_no_more_claims_than_slots_and_none_is_forgotten() -> None:
    """With one call a second, six users' tries are placed at that pace, all of them."""
    line = Line(calls_per_second=1)
    line.settle()
    keys = [line.due(f"r{n}", user=f"acme|+1415555020{n}") for n in range(6)]
    line.pass_time(0.5)
    assert sum(line.rung(k) for k in keys) == 1
    line.pass_time(10)
    assert [line.rung(k) for k in keys] == [1] * 6


def test_a_number_that_is_full_holds_no_other_number_up() -> None:
    """One call a second for each number, ten for the account: five tries of one number go out at its pace, those of
    another do not wait for them, and nobody is claimed only to grow too old."""
    line = Line(calls_per_second=10, calls_per_second_per_number=1)
    line.settle()
    one = [line.due(f"r{n}", user=f"acme|+1415555020{n}") for n in range(5)]
    elsewhere: dict[str, Any] = {"from": "+14155550199"}
    other = line.due("r9", user="acme|+14155550299", **elsewhere)
    line.pass_time(0.5)
    assert (sum(line.rung(k) for k in one), line.rung(other)) == (1, 1)
    line.pass_time(8)
    assert [line.rung(k) for k in one] == [1] * 5
    assert all(line.states(k).count("CLAIMED") <= 2 for k in one)


def test_a_wait_longer_than_a_claim_lives_claims_again() -> None:
    """Under a cap of one call in five seconds the second claim would be too old: the try waits unclaimed."""
    line = Line(calls_per_second=0.2)
    line.settle()
    first, second = line.due("r1", user="acme|+14155550201"), line.due("r2", user="acme|+14155550202")
    line.pass_time(4)
    assert (line.rung(first), line.rung(second)) == (1, 0)
    line.pass_time(4)
    assert line.rung(second) == 1


def test_a_claim_that_an_abort_took_back_holds_no_slot() -> None:
    """A claim whose transaction was aborted, and which is not made again, does not keep others waiting."""
    line = Line(calls_per_second=1)
    line.settle()
    gone = line.due("r1", user="acme|+14155550201")
    line.owner.turn(abort=True)
    other = line.due("r2", user="acme|+14155550202")
    # The aborted records come again in another order, and the first one's user is on another call now.
    line.log["reminders.due"].reverse()
    line.log["reminders.due"].pop()
    line.pass_time(3)
    assert (line.rung(gone), line.rung(other)) == (0, 1)


def test_an_aborted_claim_is_made_again_with_one_slot() -> None:
    """The claim itself is not counted among those that stand in its way."""
    line = Line(calls_per_second=1)
    line.settle()
    key = line.due()
    line.owner.turn(abort=True)
    line.pass_time(1)
    assert line.rung(key) == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"expires_at": 5}, "expired"), ({"quiet_from": 0, "quiet_until": 2**60}, "quiet_hours")],
)
def test_what_may_not_ring_now_ends_unsent(line: Line, fields: dict[str, Any], reason: str) -> None:
    """Past its time, or in a quiet span: NOT_SENT without a claim."""
    key = line.due(**fields)
    line.settle()
    assert line.states(key) == ["NOT_SENT"]
    assert line.evidence("calls.events")[0]["reason"] == reason


def test_a_quiet_span_that_begins_while_the_claim_is_on_its_way_stops_the_post(line: Line) -> None:
    """The clock is looked at last of all: nobody is rung at 22:00 for a claim of 21:59:59."""
    begins_ms = line.clock.now_ms() + 500
    key = line.due(quiet_from=begins_ms, quiet_until=begins_ms + 3_600_000)
    line.owner.turn()
    line.owner.run(line.owner.waiting(Enter)[0])
    line.clock.advance(0.6)
    line.settle()
    assert (line.states(key), line.rung(key)) == (["CLAIMED", "NOT_SENT"], 0)


def test_a_cancel_before_the_due_record_is_read_ends_it_unsent(line: Line) -> None:
    """CANCEL_ASKED may be read first: the occurrence stays called off."""
    key = line.due()
    line.log["reminders.due"].clear()
    line.fact("CANCEL_ASKED", key)
    line.settle()
    line.due()
    line.settle()
    assert (line.states(key), line.rung(key)) == (["NOT_SENT"], 0)


@pytest.mark.parametrize("kind", ["OPTED_OUT", "CANCEL_ASKED"])
def test_a_no_while_the_claim_is_on_its_way_stops_the_post(line: Line, kind: str) -> None:
    """What was written before the self-check's sample is read before the request."""
    key = line.due()
    line.owner.turn()
    line.owner.run(line.owner.waiting(Enter)[0])
    line.owner.turn()
    line.fact(kind, key)
    line.settle()
    assert (line.states(key), line.rung(key)) == (["CLAIMED", "NOT_SENT"], 0)


@pytest.mark.parametrize("kind", ["OPTED_OUT", "CANCEL_ASKED"])
def test_a_no_while_the_request_is_out_takes_the_call_back(line: Line, kind: str) -> None:
    """The call that comes of a request already on its way is cancelled at the carrier, again until it is."""
    key = line.due()
    while not line.owner.waiting(Place):
        line.owner.turn()
        for pending in line.owner.runnable():
            if not isinstance(pending.effect, Place):
                line.owner.run(pending)
    line.fact(kind, key)
    line.owner.turn()
    line.carrier.away = True
    line.settle()
    assert line.states(key)[-1] == "PLACED"
    line.carrier.away = False
    line.pass_time(2)
    assert line.carrier.cancelled == ["CA1"]
    assert (line.reads_as(key), line.phase(key)) == ("CANCELED", "ENDED")


@pytest.mark.parametrize("kind", ["OPTED_OUT", "CANCEL_ASKED"])
def test_a_no_while_it_rings_takes_the_call_back(line: Line, kind: str) -> None:
    """A ringing call is cancelled at the carrier."""
    key = line.due()
    line.settle()
    line.callback(key, "RINGING")
    line.fact(kind, key)
    line.settle()
    assert line.reads_as(key) == "CANCELED"


def test_a_call_that_was_picked_up_is_left_alone(line: Line) -> None:
    """After ANSWERED a cancel comes too late."""
    key = line.due()
    line.settle()
    line.callback(key, "ANSWERED")
    line.fact("CANCEL_ASKED", key)
    line.settle()
    assert line.carrier.cancelled == []


def test_an_opt_out_ends_what_waits_behind_the_open_call(line: Line) -> None:
    """Queued tries end unsent at once, and do not stand in the queue any more."""
    first, second = line.due("r1"), line.due("r2")
    line.settle()
    line.fact("OPTED_OUT")
    line.settle()
    assert line.states(second) == ["NOT_SENT"]
    line.fact("OPTED_IN")
    line.settle()
    third = line.due("r3")
    line.callback(first, "CANCELED")
    line.pass_time(1)
    assert line.rung(third) == 1


def test_not_sent_is_written_and_the_next_try_goes_out(line: Line) -> None:
    """A request that certainly was not acted upon ends the try; try 2 is another K."""
    line.carrier.script.append("not_sent")
    key = line.due()
    line.settle()
    again = line.due(try_=2)
    line.pass_time(0.1)
    assert (line.states(key)[-1], line.phase(key), line.rung(again)) == ("NOT_SENT", "ENDED", 1)


def test_a_refusal_ends_the_attempt(line: Line) -> None:
    """The carrier's no is FAILED without a call, and the user's line is free."""
    line.carrier.script.append("refused")
    key, other = line.due("r1"), line.due("r2")
    line.pass_time(1)
    assert (line.reads_as(key), line.phase(key), line.rung(other)) == ("FAILED", "ENDED", 1)


def test_a_claim_that_grew_old_before_its_turn_is_not_posted(line: Line) -> None:
    """Older than two seconds at the request: Stale, NOT_SENT."""
    key = line.due()
    while not line.owner.waiting(Place):
        line.owner.turn()
        for pending in line.owner.runnable():
            if not isinstance(pending.effect, Place):
                line.owner.run(pending)
    line.clock.advance(2.1)
    line.settle()
    assert (line.states(key), line.rung(key)) == (["CLAIMED", "NOT_SENT"], 0)


def test_a_self_check_that_took_too_long_is_made_again(line: Line) -> None:
    """A sample older than a second says nothing about now."""
    key = line.due()
    line.owner.turn()
    line.owner.run(line.owner.waiting(Enter)[0])
    line.owner.turn()
    look = line.owner.waiting(Checking)[0]
    line.owner.run(look)
    line.clock.advance(1.5)
    line.owner.turn()
    assert line.rung(key) == 0
    assert line.owner.waiting(Checking) != [look]
    line.settle()
    assert line.rung(key) == 1


def test_every_aborted_step_comes_again_with_the_same_end(line: Line) -> None:
    """Each transaction is aborted once before it is committed; nothing is doubled, nothing stalls."""
    first, second = line.due("r1"), line.due("r2")

    def settle() -> None:
        for _ in range(60):
            line.owner.turn(abort=True)
            line.owner.turn()
            line.clock.advance(0.001)
            for pending in line.owner.runnable():
                line.owner.run(pending)

    settle()
    line.callback(first, "BUSY")
    settle()
    line.callback(second, "BUSY", "CA2")
    settle()
    assert [line.rung(k) for k in (first, second)] == [1, 1]
    assert [line.phase(k) for k in (first, second)] == ["ENDED", "ENDED"]


def test_a_gate_that_another_token_holds_ends_the_try_unsent(line: Line) -> None:
    """Taken: we know that we have not posted, and never shall."""
    key = line.due()
    line.owner.turn()
    line.server.gates[str(key)] = GateEntry(str(key), 1, gated=True, finished=False)
    line.settle()
    assert (line.states(key), line.rung(key)) == (["CLAIMED", "NOT_SENT"], 0)


def test_a_second_call_for_a_try_is_cancelled(line: Line) -> None:
    """Whatever made it: one K, one call."""
    key = line.due()
    line.settle()
    line.callback(key, "RINGING", "CA77")
    line.settle()
    assert [p.effect for p in line.owner.waiting(CancelCall)] == []
    assert line.carrier.cancelled == ["CA77"]


def test_the_state_of_a_try_names_its_user(line: Line) -> None:
    """One user's tries can be scanned; keys are documented in the book."""
    key = line.due()
    line.settle()
    assert f"c|{USER}|{key}" in line.committed
