"""What `ringback lag` says under its table and in its object."""

from __future__ import annotations

from connectors.lag.exporter import Lag
from connectors.lag.figures import measure
from connectors.lag.plan import Backlogs
from infra.cli.lag_view import as_object, plain
from streams.runtime.note import Note
from streams.topology import REMINDERS, REQUESTS
from tests.unit.lag.snapshots import AT_MS, group, snapshot, topic


def look() -> Lag:
    timers = group(REMINDERS.group, {REQUESTS.name: [3, 3]})
    timers.notes = {
        (REQUESTS.name, 0): Note(AT_MS - 90_000, 7).text(),
        (REQUESTS.name, 1): Note(AT_MS + 60_000, 2).text(),
    }
    taken = snapshot([topic("t", [10]), topic(REQUESTS.name, [3, 3])], [group("g", {"t": [4]}), timers])
    return Lag(taken, measure(taken, Backlogs()))


def test_the_timer_stream_and_missing_answers_stand_under_the_table() -> None:
    """Its lag in offsets is 0 while it is a minute and a half late; and what was not answered is not passed over."""
    found = look()
    assert plain(found, partitions=False).splitlines()[-1] == "timer stream: 9 pending, 1 min 30 s overdue"
    found.snapshot.missed("group", "group h is not described: timed out")
    *_, last = plain(found, partitions=False).splitlines()
    assert last == "1 answers are missing; the first: group h is not described: timed out"
    assert as_object(found)["missing"] == 1
    assert as_object(found)["reminders"] == [
        {"partition": 0, "pending": 7, "overdue_seconds": 90.0},
        {"partition": 1, "pending": 2, "overdue_seconds": 0.0},
    ]


def test_an_estimate_is_marked() -> None:
    """Nothing was read: six offsets are six records at most, and the age is not known."""
    row = plain(look(), partitions=False).splitlines()[1]
    assert row.split() == ["g", "stable", "1", "t", "all", "6", "~6", "-"]


def test_the_age_of_what_is_behind_is_not_known_where_one_partition_is_not_read() -> None:
    """Another partition that is up to date would make it 0, as if nothing were behind."""
    taken = snapshot([topic("t", [10, 3])], [group("g", {"t": [4, 3]})])
    found = Lag(taken, measure(taken, Backlogs()))
    (lag,) = as_object(found)["groups"][0]["topics"]
    assert [partition["lag_seconds"] for partition in lag["partitions"]] == [None, 0.0]
    assert lag["lag_seconds"] is None
