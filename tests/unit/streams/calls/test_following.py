"""After the request: an unknown outcome is resolved, an end frees the user. Steps 5, 7, 8 and 11 of the protocol."""

from __future__ import annotations

from streams.once.effects import CancelCall, Fetch, Place, Release
from tests.unit.streams.calls.line import Line


def test_an_unknown_that_the_list_shows_is_placed(line: Line) -> None:
    """The reply was lost; the carrier's list, asked five seconds after the claim, has the call."""
    key = line.unknown("reply_lost")
    line.pass_time(4.9)
    assert line.states(key)[-1] == "UNKNOWN"
    line.pass_time(0.2)
    assert (line.states(key)[-1], line.rung(key)) == ("PLACED", 1)


def test_an_unknown_is_resolved_by_a_callback(line: Line) -> None:
    """The carrier calls back before anybody asks."""
    key = line.unknown("reply_lost")
    line.callback(key, "RINGING", "CA1")
    line.settle()
    assert line.phase(key) == "PLACED"
    line.callback(key, "NO_ANSWER", "CA1")
    line.settle()
    assert line.phase(key) == "ENDED"


def test_an_unknown_that_is_never_found_is_not_placed_for_good(line: Line) -> None:
    """After T_resolve, not before; and it is never posted again."""
    key = line.unknown("dropped")
    line.pass_time(119)
    assert line.states(key)[-1] == "UNKNOWN"
    line.pass_time(2)
    assert (line.states(key)[-1], line.phase(key), line.rung(key)) == ("NOT_PLACED", "ENDED", 0)


def test_an_unknown_ends_though_the_carrier_cannot_be_asked(line: Line) -> None:
    """T_resolve holds without an answer."""
    key = line.unknown("reply_lost")
    line.carrier.away = True
    line.pass_time(121)
    assert line.states(key)[-1] == "NOT_PLACED"
    assert line.evidence("calls.events")[-1]["reason"] == "carrier_could_not_be_asked"


def test_a_short_time_to_resolve_is_kept() -> None:
    """With T_resolve of 10 s the last question comes then, not at 30 s."""
    line = Line(resolve_ms=10_000)
    line.settle()
    key = line.unknown("dropped")
    line.pass_time(11)
    assert line.states(key)[-1] == "NOT_PLACED"


def test_the_time_to_resolve_counts_from_the_claim_that_was_posted() -> None:
    """A try that waited for minutes, claimed again and again, is still asked for T_resolve after its request."""
    line = Line(calls_per_second=0.01)
    line.settle()
    line.due("r0", user="acme|+14155550299")
    line.settle()
    key = line.due()
    line.carrier.script.append("dropped")
    line.pass_time(150)
    assert line.states(key)[-1] == "UNKNOWN"
    line.pass_time(120)
    assert line.states(key)[-1] == "NOT_PLACED"


def test_a_call_of_another_try_is_not_taken_for_this_one(line: Line) -> None:
    """A sid that is bound to another try in the user's book is left out of the list's answer."""
    first = line.due("r1")
    line.settle()
    line.callback(first, "BUSY", "CA1")
    line.settle()
    line.carrier.script.append("dropped")
    key = line.due("r2")
    line.pass_time(6)
    assert line.states(key)[-1] == "UNKNOWN"


def test_evidence_after_the_end_is_folded_and_ends_nothing_twice(line: Line) -> None:
    """Copies and late callbacks of an ended try change its fold and nothing else."""
    key = line.due()
    line.settle()
    line.callback(key, "BUSY")
    line.settle()
    for state in ("BUSY", "RINGING", "PLACED"):
        line.callback(key, state)
    line.settle()
    assert (line.phase(key), line.carrier.cancelled) == ("ENDED", [])


def test_a_callback_may_come_before_the_reply(line: Line) -> None:
    """BUSY was told before the carrier's answer to the request: the try has ended, the answer is kept as evidence."""
    key = line.due()
    while not line.owner.waiting(Place):
        line.owner.turn()
        for pending in line.owner.runnable():
            if not isinstance(pending.effect, Place):
                line.owner.run(pending)
    line.owner.run(line.owner.waiting(Place)[0])
    late, line.owner.inbox = line.owner.inbox, []
    line.callback(key, "BUSY", "CA1")
    line.settle()
    assert line.phase(key) == "ENDED"
    line.owner.inbox = late
    line.settle()
    assert (line.states(key)[-1], line.reads_as(key)) == ("PLACED", "BUSY")


def test_completed_unheard_fails_after_ten_seconds_and_frees_the_words(line: Line) -> None:
    """No ANSWERED came: FAILED, and the words of the occurrence may go to the next attempt's call."""
    key = line.due()
    line.settle()
    line.server.answers[str(key.occurrence)] = "CA1"
    line.callback(key, "COMPLETED")
    line.pass_time(9.9)
    assert line.phase(key) == "UNHEARD"
    line.pass_time(0.2)
    assert (line.states(key)[-1], line.phase(key)) == ("FAILED", "ENDED")
    assert line.server.answers == {}


def test_the_words_are_free_before_the_attempt_has_failed(line: Line) -> None:
    """While the gate is away the try stays unheard: the next attempt must not find its words taken."""
    key = line.due()
    line.settle()
    line.server.answers[str(key.occurrence)] = "CA1"
    line.callback(key, "COMPLETED")
    line.server.away = True
    line.pass_time(60)
    assert "FAILED" not in line.states(key)
    line.server.away = False
    line.pass_time(11)
    assert (line.states(key)[-1], line.server.answers) == ("FAILED", {})


def test_an_answer_that_comes_after_the_end_of_the_call_counts(line: Line) -> None:
    """ANSWERED within the ten seconds: nothing failed, and the words stay given."""
    key = line.due()
    line.settle()
    line.server.answers[str(key.occurrence)] = "CA1"
    line.callback(key, "COMPLETED")
    line.pass_time(5)
    line.callback(key, "ANSWERED")
    line.pass_time(20)
    assert "FAILED" not in line.states(key)
    assert line.phase(key) == "ENDED"
    assert line.server.answers == {str(key.occurrence): "CA1"}
    assert line.owner.waiting(Release) == []


def test_a_call_whose_callbacks_stay_away_is_asked_for_until_it_ends(line: Line) -> None:
    """30, 60 and 120 s after its ring timeout, then every five minutes; no more once it has its end."""
    key = line.due()
    line.settle()
    assert line.fetches(1_000) == [60, 90, 150, 450, 750]
    line.carrier.become("CA1", "no-answer")
    assert line.fetches(1_000) == [50]
    assert (line.states(key)[-1], line.phase(key)) == ("NO_ANSWER", "ENDED")
    assert line.owner.waiting(Fetch) == []


def test_neither_a_takeover_nor_a_callback_puts_the_question_off(line: Line) -> None:
    """The times hang on the claim: a line of new owners, or of late callbacks, must not keep a user waiting."""
    key = line.due()
    line.settle()
    line.pass_time(50)
    line.take_over()
    line.callback(key, "RINGING")
    assert line.fetches(50) == [10, 40]


def test_a_call_that_was_picked_up_is_asked_for_too(line: Line) -> None:
    """ANSWERED is no end: the user's next call waits for the end of this one, and the words for TOLD."""
    key, other = line.due("r1"), line.due("r2")
    line.settle()
    line.carrier.become("CA1", "in-progress")
    line.callback(key, "ANSWERED")
    line.pass_time(61)
    assert (line.phase(key), line.rung(other)) == ("PLACED", 0)
    line.carrier.become("CA1", "completed")
    line.pass_time(30)
    assert (line.states(key)[-1], line.phase(key), line.rung(other)) == ("COMPLETED", "ENDED", 1)


def test_a_call_that_the_carrier_does_not_know_ends(line: Line) -> None:
    """Otherwise it would keep the user's next call waiting for ever."""
    key, other = line.due("r1"), line.due("r2")
    line.settle()
    del line.carrier.calls["CA1"]
    line.pass_time(61)
    assert (line.states(key)[-1], line.phase(key)) == ("FAILED", "ENDED")
    assert line.rung(other) == 1


def test_a_found_call_that_the_user_does_not_want_any_more_is_taken_back(line: Line) -> None:
    """Cancelled while UNKNOWN; the list then shows the call."""
    key = line.unknown("reply_lost")
    line.fact("CANCEL_ASKED", key)
    line.pass_time(6)
    assert line.carrier.calls["CA1"].status == "canceled"
    assert line.phase(key) == "ENDED"
    assert line.owner.waiting(CancelCall) == []


def test_what_is_remembered_is_forgotten_after_eight_days(line: Line) -> None:
    """Ended tries and cancelled occurrences leave the state; the count of owners stays."""
    key = line.due()
    line.settle()
    line.fact("CANCEL_ASKED", key)
    line.callback(key, "BUSY")
    line.settle()
    line.clock.advance(8 * 86_400 + 1)
    line.settle()
    assert list(line.committed) == ["epoch"]
