"""Rows, sums and positions: what is read again, in another order, or after a crash makes no difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.runtime.errors import Hold
from streams.views.rows import DAY_MS, MEANINGS, user_prefix
from streams.views.tables import KEEP_DAYS, GapError, OtherTablesError, Tables
from tests.unit.views.feeding import NOW_MS, Line, batch, feed, logs_of, tables_in
from tests.unit.views.traffic import NAMES, dead_letter, event, traffic

EVENTS = ("reminders.events", 0)
USER = "acme|+14155550101"


def lines(count: int, first: int = 0, at: int = NOW_MS) -> list[Line]:
    facts = [event("REFUSED", USER, at, message_sid=f"SM{n}") for n in range(first, first + count)]
    return [Line(first + n, at, fact.value) for n, fact in enumerate(facts)]


def everything(tables: Tables) -> dict[bytes, int]:
    return dict(tables.sums(b""))


def count(tables: Tables) -> int:
    return dict(tables.sums(b"t")).get(b"tacme", 0)


def test_every_topic_of_the_map_has_a_meaning() -> None:
    """A topic that views read and nothing understands would be read for nothing."""
    assert {topic: name for topic, (name, _) in MEANINGS.items()} == NAMES


def test_a_record_read_again_changes_nothing(tables: Tables) -> None:
    """By its offset, without looking at its id."""
    first = batch(EVENTS, lines(5))
    assert tables.apply(first).new == 5
    before = everything(tables)
    assert tables.apply(first).new == 0
    assert tables.apply(batch(EVENTS, lines(2))).new == 0
    assert tables.next(EVENTS) == 5, "what was read is not given back"
    assert everything(tables) == before


def test_a_record_produced_again_changes_nothing(tables: Tables) -> None:
    """By its id, at another offset."""
    there = lines(5)
    tables.apply(batch(EVENTS, there))
    again = [Line(5 + line.offset, NOW_MS, line.value) for line in there]
    assert tables.apply(batch(EVENTS, again)).copies == 5
    assert count(tables) == 5


def test_a_batch_that_was_lost_on_the_way_is_missed(tables: Tables) -> None:
    """What Faust drops at a rebalance must not become a hole in the figures."""
    log = lines(9)
    tables.apply(batch(EVENTS, log[:3]))
    with pytest.raises(GapError):
        tables.apply(batch(EVENTS, log[6:]))
    tables.apply(batch(EVENTS, log[3:6]))
    tables.apply(batch(EVENTS, log[6:]))
    assert count(tables) == 9


def test_markers_and_aborted_records_are_no_hole(tables: Tables) -> None:
    """A batch reaches to where reading goes on, behind what holds no record."""
    log = lines(3)
    tables.apply(batch(EVENTS, log)._replace(end=8))
    assert tables.apply(batch(EVENTS, lines(2, first=8), start=8)).new == 2


def test_what_was_not_committed_is_gone_as_a_whole(tmp_path: Path) -> None:
    """Rows, sums and positions go back together, so reading goes on where they are."""
    tables = tables_in(tmp_path)
    log = lines(9)
    tables.apply(batch(EVENTS, log[:3]))
    tables.commit(NOW_MS)
    tables.apply(batch(EVENTS, log[3:6]))
    tables.settle()
    tables.close()
    tables = tables_in(tmp_path)
    assert (tables.next(EVENTS), count(tables)) == (3, 3)
    tables.apply(batch(EVENTS, log[3:]))
    assert (tables.next(EVENTS), count(tables)) == (9, 9)
    tables.close()


@pytest.mark.parametrize("value", [None, b"", b"nonsense", b"\xc3\x01short", dead_letter(1, "x", 0).value])
def test_a_bad_record_is_skipped_counted_and_shown(tables: Tables, value: bytes | None) -> None:
    """It stops nothing, is counted once however often it is read, and its place is kept."""
    first, last = lines(1)[0], lines(1, first=2)[0]
    given = batch(EVENTS, [first, Line(1, NOW_MS, value), last])
    assert len(tables.apply(given).skipped) == 1
    assert count(tables) == 2
    ((_, row),) = tables.newest(b"s", None, 10)
    assert row.key == b"sreminders.events\x000\x001"
    assert [n for _, n in tables.sums(b"s")] == [1]


@pytest.mark.parametrize(
    "wrong", [{"user": "a\0b|+1"}, {"at": -1}, {"at": 2**60}, {"event_id": "x" * 600}, {"tenant": "a\0"}]
)
def test_a_record_that_cannot_have_a_place_is_skipped(tables: Tables, wrong: dict[str, object]) -> None:
    """Names with zero bytes, names too long for a key, times that are none: skipped, and the next one is taken."""
    fact = event("REFUSED", USER, NOW_MS, message_sid="SM1")
    bad = fact._replace(record={**fact.record, **wrong})
    applied = tables.apply(batch(EVENTS, [Line(0, NOW_MS, bad.value), *lines(1, first=1)]))
    assert (applied.new, len(applied.skipped)) == (1, 1)


def test_a_schema_that_is_not_known_yet_holds_the_batch(tables: Tables) -> None:
    """Not skipped: the next release knows it. The batch can be tried again and counts once."""
    log = lines(3)
    unknown = Line(1, NOW_MS, b"\xc3\x01" + b"12345678" + b"body")
    with pytest.raises(Hold):
        tables.apply(batch(EVENTS, [log[0], unknown, log[2]]))
    assert tables.next(EVENTS) == 0
    tables.apply(batch(EVENTS, log))
    assert count(tables) == 3


def test_ids_are_forgotten_by_the_log_and_sums_of_charges_stay(tables: Tables) -> None:
    """A row goes when its own partition is 35 days further: not a day sooner, nor because another is."""
    tables.apply(batch(EVENTS, lines(1)))
    tables.apply(batch(("reminders.events", 1), lines(1, first=7, at=NOW_MS + 90 * DAY_MS), start=0))
    tables.apply(batch(EVENTS, lines(1, first=1, at=NOW_MS + KEEP_DAYS * DAY_MS)))
    assert len(list(tables.rows(user_prefix(USER)))) == 3
    tables.apply(batch(EVENTS, lines(1, first=2, at=NOW_MS + (KEEP_DAYS + 1) * DAY_MS)))
    assert len(list(tables.rows(user_prefix(USER)))) == 3, "one more, one less"


def test_a_partition_that_is_far_ahead_makes_no_other_forget(tables: Tables) -> None:
    """A partition where nothing happens keeps its rows, whatever the others do."""
    tables.apply(batch(EVENTS, lines(1)))
    tables.apply(batch(("reminders.events", 1), lines(1, first=7), start=0))
    tables.apply(batch(EVENTS, lines(1, first=1, at=NOW_MS + 90 * DAY_MS)))
    assert len(list(tables.rows(user_prefix(USER)))) == 2, "the quiet one, and the new one"


def test_counts_expire_and_charges_do_not(tables: Tables) -> None:
    """So the disk has a bound, and what was billed can be asked for years."""
    feed(tables, logs_of(traffic(1, 20, NOW_MS)))
    before = everything(tables)
    tables.commit(NOW_MS + (KEEP_DAYS + 9) * DAY_MS)
    left = {key[:1] for key in everything(tables)}
    assert b"c" not in left
    assert b"d" not in left
    assert {k: v for k, v in before.items() if k[:1] == b"m"} == dict(tables.sums(b"m"))


def test_tables_of_other_topics_are_refused(tmp_path: Path) -> None:
    """A topic that was deleted and made anew has another id, and other offsets."""
    tables = tables_in(tmp_path)
    tables.belong_to({"reminders.events": "one"})
    tables.commit(NOW_MS)
    tables.belong_to({"reminders.events": "one"})
    with pytest.raises(OtherTablesError):
        tables.belong_to({"reminders.events": "another"})
    tables.close()


def test_a_log_whose_beginning_was_deleted_says_since_when_it_is_complete(tables: Tables) -> None:
    """Both when it was so at the start and when the worker was away for too long."""
    tables.begin(EVENTS, 4)
    tables.apply(batch(EVENTS, lines(2, first=4)))
    assert (tables.positions[EVENTS].first, tables.positions[EVENTS].first_at) == (4, NOW_MS)
    tables.begin(EVENTS, 5)
    assert tables.positions[EVENTS].first == 4
    tables.begin(EVENTS, 9)
    tables.apply(batch(EVENTS, lines(1, first=9, at=NOW_MS + 60_000)))
    assert (tables.positions[EVENTS].first, tables.positions[EVENTS].first_at) == (9, NOW_MS + 60_000)
