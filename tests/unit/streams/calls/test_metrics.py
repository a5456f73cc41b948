"""What the stage tells its metrics: the carrier's queue, calls made twice, outcomes that are not known yet."""

from __future__ import annotations

import pytest

from streams.runtime.processor import Count, Observe, Unresolved
from tests.unit.streams.calls.line import Line


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
    key = line.unknown("reply_lost" if how == "list" else "dropped")
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
