"""A request that was believed lost arrives after its try was written off: the call is taken back or left, and ends."""

from __future__ import annotations

from streams.ids import CallKey
from tests.unit.streams.calls.line import Line


def late_call(line: Line) -> tuple[CallKey, str]:
    """The try, and the carrier's name of its call: the request, believed lost, arrives now."""
    key = line.unknown("later")
    line.pass_time(121)
    assert line.states(key)[-1] == "NOT_PLACED"
    return key, line.carrier.deliver_late()


def test_a_late_call_of_a_try_written_off_is_taken_back(line: Line) -> None:
    """PLACED_LATE is written, once, and the call is cancelled while it is queued or ringing."""
    key, sid = late_call(line)
    line.callback(key, "PLACED", sid)
    line.callback(key, "RINGING", sid)
    line.settle()
    assert line.states(key).count("PLACED_LATE") == 1
    assert sid in line.carrier.cancelled
    assert line.carrier.calls[sid].status == "canceled"


def test_a_late_call_that_was_picked_up_is_left_alone(line: Line) -> None:
    """Who picked up gets the words, also after NOT_PLACED."""
    key, sid = late_call(line)
    line.carrier.become(sid, "in-progress")
    line.callback(key, "ANSWERED", sid)
    line.settle()
    assert line.carrier.cancelled == []
    assert line.reads_as(key) == "ANSWERED"


def test_a_late_call_that_could_not_be_taken_back_is_tried_again(line: Line) -> None:
    """The carrier was away when the call of a try that was written off turned up; and its end gets into the log."""
    key, sid = late_call(line)
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
    key, sid = late_call(line)
    line.carrier.become(sid, "in-progress")
    line.callback(key, "ANSWERED", sid)
    assert line.fetches(400, sid) == [29, 329]
    assert line.carrier.cancelled == []
    line.carrier.become(sid, "completed")
    line.pass_time(300)
    assert line.states(key)[-1] == "COMPLETED"
    line.clock.advance(8 * 86_400 + 1)
    line.settle()
    assert line.phase(key) is None


def test_a_late_call_that_ended_unheard_has_its_end_in_writing(line: Line) -> None:
    """COMPLETED was written before NOT_PLACED was, and read after it: who reads the evidence waits for FAILED."""
    key, sid = late_call(line)
    line.server.answers[str(key.occurrence)] = sid
    line.callback(key, "COMPLETED", sid)
    line.pass_time(11)
    assert (line.states(key)[-1], line.phase(key)) == ("FAILED", "ENDED")
    assert line.server.answers == {}, "and the words are free for the next attempt"


def test_a_late_call_whose_callbacks_stay_away_is_asked_for(line: Line) -> None:
    """Taken back, but it was picked up already, and nobody tells how it ended."""
    key, sid = late_call(line)
    line.carrier.become(sid, "in-progress")
    line.callback(key, "PLACED", sid)
    line.settle()
    assert line.carrier.cancelled == [sid]
    line.carrier.become(sid, "busy")
    line.pass_time(61)
    assert (line.states(key)[-1], line.phase(key)) == ("BUSY", "ENDED")


def test_a_late_call_is_taken_back_until_the_carrier_hears(line: Line) -> None:
    """The carrier could not be asked: a second later it is."""
    key, sid = late_call(line)
    line.carrier.away = True
    line.callback(key, "PLACED", sid)
    line.settle()
    line.carrier.away = False
    line.pass_time(2)
    assert line.carrier.calls[sid].status == "canceled"
    assert line.phase(key) == "ENDED"


def test_a_late_call_comes_before_the_next_that_waits(line: Line) -> None:
    """One call a user at a time: what waits for the door waits for the end of the late call as well."""
    key, sid = late_call(line)
    line.server.away = True
    line.take_over()
    other = line.due("r2")
    line.settle()
    line.callback(key, "RINGING", sid)
    line.carrier.become(sid, "in-progress")
    line.settle()
    line.server.away = False
    line.pass_time(2)
    assert line.rung(other) == 0
    line.callback(key, "BUSY", sid)
    line.pass_time(1)
    assert line.rung(other) == 1
