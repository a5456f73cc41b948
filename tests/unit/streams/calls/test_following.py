"""After the request: an unknown outcome is resolved, an end frees the user. Steps 5, 7, 8 and 11 of the protocol."""

from __future__ import annotations

import pytest

from streams.ids import CallKey
from streams.once.carrier import CarrierCall
from streams.once.effects import CancelCall, Fetch, Place, Release
from streams.runtime.processor import Count, Observe, Unresolved
from tests.unit.streams.calls.line import Line


def unknown(line: Line, how: str) -> CallKey:
    """A try whose request ended so."""
    line.carrier.script.append(how)
    key = line.due()
    line.settle()
    assert line.states(key)[-1] == "UNKNOWN"
    return key


def test_the_carriers_queue_is_told_once_a_call(line: Line) -> None:
    """From the answer that the call is placed to the first word that it rings, by the gateway's clock; what follows,
    copies and ends tell nothing."""
    key = line.due()
    line.settle()
    line.pass_time(3)
    line.callback(key, "RINGING")
    line.settle()
    line.pass_time(5)
    for state in ("RINGING", "ANSWERED", "TOLD", "COMPLETED"):
        line.callback(key, state)
        line.settle()
    assert line.observed == [Observe("ringback_carrier_queue_seconds", 3.0)]


def test_a_call_that_was_found_or_rang_before_its_reply_tells_no_queue(line: Line) -> None:
    """When it was placed is not known: nothing is made up."""
    line.carrier.script.append("reply_lost")
    key = line.due()
    line.settle()
    line.callback(key, "RINGING")
    line.settle()
    line.callback(key, "ANSWERED")
    line.settle()
    assert line.observed == []


def test_an_unknown_that_the_list_shows_is_placed(line: Line) -> None:
    """The reply was lost; the carrier's list, asked five seconds after the claim, has the call."""
    key = unknown(line, "reply_lost")
    line.pass_time(4.9)
    assert line.states(key)[-1] == "UNKNOWN"
    line.pass_time(0.2)
    assert (line.states(key)[-1], line.rung(key)) == ("PLACED", 1)


def test_an_unknown_is_resolved_by_a_callback(line: Line) -> None:
    """The carrier calls back before anybody asks."""
    key = unknown(line, "reply_lost")
    line.callback(key, "RINGING", "CA1")
    line.settle()
    assert line.phase(key) == "PLACED"
    line.callback(key, "NO_ANSWER", "CA1")
    line.settle()
    assert line.phase(key) == "ENDED"


def test_an_unknown_that_is_never_found_is_not_placed_for_good(line: Line) -> None:
    """After T_resolve, not before; and it is never posted again."""
    key = unknown(line, "dropped")
    line.pass_time(119)
    assert line.states(key)[-1] == "UNKNOWN"
    line.pass_time(2)
    assert (line.states(key)[-1], line.phase(key), line.rung(key)) == ("NOT_PLACED", "ENDED", 0)


def test_an_unknown_ends_though_the_carrier_cannot_be_asked(line: Line) -> None:
    """T_resolve holds without an answer."""
    key = unknown(line, "reply_lost")
    line.carrier.away = True
    line.pass_time(121)
    assert line.states(key)[-1] == "NOT_PLACED"
    assert line.evidence("calls.events")[-1]["reason"] == "carrier_could_not_be_asked"


def test_a_short_time_to_resolve_is_kept() -> None:
    """With T_resolve of 10 s the last question comes then, not at 30 s."""
    line = Line(resolve_ms=10_000)
    line.settle()
    key = unknown(line, "dropped")
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


def test_a_late_call_of_a_try_written_off_is_taken_back(line: Line) -> None:
    """PLACED_LATE is written, once, and the call is cancelled while it is queued or ringing."""
    key = unknown(line, "later")
    line.pass_time(121)
    sid = line.carrier.deliver_late()
    line.callback(key, "PLACED", sid)
    line.callback(key, "RINGING", sid)
    line.settle()
    assert line.states(key).count("PLACED_LATE") == 1
    assert sid in line.carrier.cancelled
    assert line.carrier.calls[sid].status == "canceled"


def test_a_late_call_that_was_picked_up_is_left_alone(line: Line) -> None:
    """Who picked up gets the words, also after NOT_PLACED."""
    key = unknown(line, "later")
    line.pass_time(121)
    sid = line.carrier.deliver_late()
    line.carrier.become(sid, "in-progress")
    line.callback(key, "ANSWERED", sid)
    line.settle()
    assert line.carrier.cancelled == []
    assert line.reads_as(key) == "ANSWERED"


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


def fetches(line: Line, seconds: int, sid: str = "CA1") -> list[int]:
    """Let time pass, and note at which second the carrier is asked for the call."""
    began_ms, asked, fetch_call = line.clock.now_ms(), [], line.carrier.fetch_call

    async def noted(asked_sid: str) -> CarrierCall | None:
        if asked_sid == sid:
            asked.append(round((line.clock.now_ms() - began_ms) / 1000))
        return await fetch_call(asked_sid)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.carrier, "fetch_call", noted)  # the same carrier, watched
        line.pass_time(seconds)
    return asked


def test_a_call_whose_callbacks_stay_away_is_asked_for_until_it_ends(line: Line) -> None:
    """30, 60 and 120 s after its ring timeout, then every five minutes; no more once it has its end."""
    key = line.due()
    line.settle()
    assert fetches(line, 1_000) == [60, 90, 150, 450, 750]
    line.carrier.become("CA1", "no-answer")
    assert fetches(line, 1_000) == [50]
    assert (line.states(key)[-1], line.phase(key)) == ("NO_ANSWER", "ENDED")
    assert line.owner.waiting(Fetch) == []


def test_neither_a_takeover_nor_a_callback_puts_the_question_off(line: Line) -> None:
    """The times hang on the claim: a line of new owners, or of late callbacks, must not keep a user waiting."""
    key = line.due()
    line.settle()
    line.pass_time(50)
    line.take_over()
    line.callback(key, "RINGING")
    assert fetches(line, 50) == [10, 40]


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


def test_a_late_call_that_could_not_be_taken_back_is_tried_again(line: Line) -> None:
    """The carrier was away when the call of a try that was written off turned up; and its end gets into the log."""
    key = unknown(line, "later")
    line.pass_time(121)
    sid = line.carrier.deliver_late()
    line.carrier.away = True
    line.callback(key, "PLACED", sid)
    line.pass_time(5)
    assert line.carrier.calls[sid].status == "queued"
    line.carrier.away = False
    line.pass_time(2)
    assert line.carrier.calls[sid].status == "canceled"
    assert (line.states(key)[-1], line.reads_as(key)) == ("CANCELED", "CANCELED")


def test_a_late_call_has_its_end_in_the_log_though_callbacks_stay_away(line: Line) -> None:
    """It was picked up: left alone, and asked for until it ended; then it is forgotten like any other."""
    key = unknown(line, "later")
    line.pass_time(121)
    sid = line.carrier.deliver_late()
    line.carrier.become(sid, "in-progress")
    line.callback(key, "ANSWERED", sid)
    assert fetches(line, 400, sid) == [29, 329]
    assert line.carrier.cancelled == []
    line.carrier.become(sid, "completed")
    line.pass_time(300)
    assert line.states(key)[-1] == "COMPLETED"
    line.clock.advance(8 * 86_400 + 1)
    line.settle()
    assert line.phase(key) is None


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
    key = unknown(line, "reply_lost")
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


def late_call(line: Line, key: CallKey) -> None:
    """A request that was believed lost arrives when its try has been written off."""
    line.pass_time(121)
    assert line.states(key)[-1] == "NOT_PLACED"
    line.carrier.deliver_late()


def test_a_late_call_that_ended_unheard_has_its_end_in_writing(line: Line) -> None:
    """COMPLETED was written before NOT_PLACED was, and read after it: who reads the evidence waits for FAILED."""
    key = unknown(line, "later")
    late_call(line, key)
    line.server.answers[str(key.occurrence)] = "CA1"
    line.callback(key, "COMPLETED")
    line.pass_time(11)
    assert (line.states(key)[-1], line.phase(key)) == ("FAILED", "ENDED")
    assert line.server.answers == {}, "and the words are free for the next attempt"


def test_a_late_call_whose_callbacks_stay_away_is_asked_for(line: Line) -> None:
    """Taken back, but it was picked up already, and nobody tells how it ended."""
    key = unknown(line, "later")
    late_call(line, key)
    line.carrier.become("CA1", "in-progress")
    line.callback(key, "PLACED")
    line.settle()
    assert line.carrier.cancelled == ["CA1"]
    line.carrier.become("CA1", "busy")
    line.pass_time(61)
    assert (line.states(key)[-1], line.phase(key)) == ("BUSY", "ENDED")


def test_a_late_call_is_taken_back_until_the_carrier_hears(line: Line) -> None:
    """The carrier could not be asked: a second later it is."""
    key = unknown(line, "later")
    late_call(line, key)
    line.carrier.away = True
    line.callback(key, "PLACED")
    line.settle()
    line.carrier.away = False
    line.pass_time(2)
    assert line.carrier.calls["CA1"].status == "canceled"
    assert line.phase(key) == "ENDED"


def test_a_late_call_comes_before_the_next_that_waits(line: Line) -> None:
    """One call a user at a time: what waits for the door waits for the end of the late call as well."""
    key = unknown(line, "later")
    late_call(line, key)
    line.server.away = True
    line.take_over()
    other = line.due("r2")
    line.settle()
    line.callback(key, "RINGING")
    line.carrier.become("CA1", "in-progress")
    line.settle()
    line.server.away = False
    line.pass_time(2)
    assert line.rung(other) == 0
    line.callback(key, "BUSY")
    line.pass_time(1)
    assert line.rung(other) == 1


def _duplicates(line: Line) -> int:
    return line.signals.count(Count("ringback_duplicate_calls_total"))


def test_a_second_call_of_a_try_is_counted_once(line: Line) -> None:
    """Two names at the carrier for one try: somebody was rung twice. Further words about either count nothing."""
    key = line.due()
    line.settle()
    line.callback(key, "RINGING")
    line.settle()
    assert _duplicates(line) == 0
    for state in ("RINGING", "RINGING", "BUSY"):
        line.callback(key, state, "CA99")
        line.settle()
    assert _duplicates(line) == 1


def test_a_call_of_a_try_that_was_not_sent_is_a_second_one(line: Line) -> None:
    """Another try took its place, so both belong to one attempt; the same of a later attempt does not."""
    line.carrier.script.append("not_sent")
    first = line.due()
    line.settle()
    assert line.states(first)[-1] == "NOT_SENT"
    second = line.due(try_=2)
    line.pass_time(1)
    assert (line.states(second)[-1], _duplicates(line)) == ("PLACED", 0)
    line.callback(first, "RINGING", "CA99")
    line.settle()
    assert _duplicates(line) == 1


def test_attempts_of_one_reminder_are_no_duplicates(line: Line) -> None:
    """Nobody picked up, so the phone rings again: that is what was asked for."""
    for attempt in (1, 2):
        key = line.due(attempt=attempt)
        line.settle()
        for state in ("RINGING", "NO_ANSWER"):
            line.callback(key, state)
            line.settle()
    assert _duplicates(line) == 0


def _open(line: Line) -> dict[str, int]:
    """Key -> since, of what was told to be UNKNOWN and not yet to be resolved."""
    found: dict[str, int] = {}
    for told in line.signals:
        if isinstance(told, Unresolved) and told.since_ms is not None:
            found[told.key] = told.since_ms
        elif isinstance(told, Unresolved):
            found.pop(told.key, None)
    return found


@pytest.mark.parametrize("how", ["callback", "list", "written off"])
def test_an_unknown_is_told_until_it_is_resolved(line: Line, how: str) -> None:
    """With the time of its claim; however it ends, it is told that it has. A new owner tells it again."""
    claimed_ms = line.clock.now_ms()
    key = unknown(line, "reply_lost" if how == "list" else "dropped")
    assert list(_open(line).values()) == [claimed_ms]
    line.signals.clear()
    line.take_over()
    line.settle()
    assert next(s.since_ms for s in line.signals if isinstance(s, Unresolved)) == claimed_ms
    if how == "callback":
        line.callback(key, "RINGING")
        line.settle()
    line.pass_time(130)
    assert _open(line) == {}


def test_a_try_whose_outcome_is_known_tells_nothing(line: Line) -> None:
    """So that the usual costs nothing."""
    key = line.due()
    line.settle()
    line.callback(key, "BUSY")
    line.settle()
    assert line.signals == []
