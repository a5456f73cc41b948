"""Warm standbys: what is copied, when it is handed over, what is put off, and what becomes of one that fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import lmdb
import pytest

from streams.runtime.replay import STORE_MAX_AGE_MS
from streams.runtime.standby import AGAIN_S, CHUNK, PAUSE_S, PUT_OFF_S, SLICE_S, SURVEY_S
from streams.runtime.store import Store
from tests.unit.runtime.standby_member import NEVER, Member


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Member]:
    member = Member(tmp_path)
    yield member
    member.standbys.close()
    for task in member.owned.values():
        task.close()


def counts(store: Store) -> dict[str, int]:
    return {key: value["epoch"] for key, value in store.items()}


def test_what_others_own_is_copied_and_what_is_ours_is_not(member: Member) -> None:
    """Also what is written and deleted later; the store that is handed over proves the end of what it has read."""
    ours = member.gain(1)
    for number in range(3):
        member.write(number, "a", "b")
    member.pass_time()
    member.log.write(2, "a", None)
    member.write(2, "b", count=7)
    member.pass_time()
    assert member.offset(1) is None
    assert counts(ours) == {}
    store = member.gain(2)
    assert counts(store) == {"b": 7}
    proof = store.proof()
    assert proof is not None
    assert proof.changelog_offset == 4
    member.write(2, "c")
    member.pass_time()
    assert counts(store) == {"b": 7}, "it is the owner's to read on"


def test_a_partition_that_is_lost_is_read_on_from_where_its_owner_was(member: Member) -> None:
    """Not from the start: the owner's store is as good as the standby's own."""
    member.write(0, "a", "b")
    member.pass_time()
    member.gain(0)
    member.lose(0)
    member.write(0, "c")
    member.pass_time()
    assert [at for number, at in member.log.assigned if number == 0] == [0, 2]
    assert counts(member.gain(0)) == {"a": 1, "b": 1, "c": 1}


def test_gained_while_the_broker_was_being_asked(member: Member) -> None:
    """The answer is for nobody any more: the file must not be opened a second time."""
    member.write(0, "a")
    member.pass_time()
    member.gain(0)
    member.lose(0)
    while not (survey := member.standbys._survey) or 0 not in survey.absent:
        member.pass_time(0)
    member.gain(0)
    member.pass_time()
    assert member.offset(0) is None


def test_half_a_copy_is_handed_over_as_it_is(member: Member) -> None:
    """And what the standby has not read the takeover reads, from there on."""
    member.write(0, *(f"k{n}" for n in range(3 * CHUNK)))
    member.clock.look_s = SLICE_S
    while not member.offset(0):
        member.pass_time(0)
    store = member.gain(0)
    proof = store.proof()
    assert proof is not None
    assert 0 < proof.changelog_offset == store.count() < 3 * CHUNK
    assert proof.current_at > 0


def test_a_slice_ends_in_time(member: Member) -> None:
    """However much there is to read; and the next one follows at once, as there is more."""
    member.write(0, "a")
    member.pass_time()
    member.write(0, *(f"k{n}" for n in range(10 * CHUNK)))
    member.clock.look_s = SLICE_S / 2
    member.standbys.advance((), NEVER)
    read = member.offset(0)
    assert read is not None
    assert CHUNK <= read <= 1 + 2 * CHUNK
    member.clock.look_s = 0.0
    assert member.standbys.wait_s(NEVER) == 0


def test_a_timer_that_is_near_goes_first_but_not_for_ever(member: Member) -> None:
    """Timers that follow each other without a gap leave the standby its share."""
    member.write(0, "a")
    member.pass_time()
    member.write(0, "b")
    assert member.standbys.wait_s(NEVER) == 0
    assert member.standbys.wait_s(0.001) == pytest.approx(PUT_OFF_S)
    member.standbys.advance((), 0.001)
    assert member.offset(0) == 1, "put off"
    member.clock.advance(PUT_OFF_S)
    member.standbys.advance((), 0.001)
    assert member.offset(0) == 2, "for this long at most"


def test_nothing_to_do_is_looked_for_seldom(member: Member) -> None:
    """The loop may sleep; an idle member asks ten times a second."""
    member.pass_time()
    member.standbys.advance((), NEVER)
    assert member.standbys.wait_s(NEVER) == pytest.approx(PAUSE_S)


def test_an_old_copy_of_a_quiet_log_stays_proven(member: Member) -> None:
    """Nothing was written for longer than deletes are remembered; the store is still complete, and says so."""
    member.write(0, "a")
    member.pass_time()
    for _ in range(10):
        member.clock.advance(STORE_MAX_AGE_MS / 5_000)
        member.pass_time()
    store = member.gain(0)
    proof = store.proof()
    assert proof is not None
    assert member.clock.now_ms() - proof.current_at < 2 * SURVEY_S * 1_000


def test_a_copy_claims_nothing_beyond_what_it_has_read(member: Member) -> None:
    """Records whose marker is late are not read yet: the time of the store stands still until they are."""
    member.write(0, "a")
    member.pass_time()
    before = member.standbys._tails()[0].current_at
    member.log.late = 1
    member.write(0, "b")
    member.pass_time(3 * SURVEY_S)
    assert member.standbys._tails()[0].current_at < before + 2 * SURVEY_S * 1_000
    assert member.lags.of[0] == 1
    member.log.late = 0
    member.pass_time(2 * SURVEY_S)
    assert member.standbys._tails()[0].current_at > before + 3 * SURVEY_S * 1_000
    assert member.lags.of[0] == 0


def _torn(member: Member) -> None:
    """The disk under the store fails."""
    tail = member.standbys._tails()[0]

    def fail(*_: object) -> None:
        raise lmdb.CorruptedError("on request")

    tail.store._write = fail  # type: ignore[assignment,method-assign]
    member.write(0, "c", "d")


def _unknown(member: Member) -> None:
    """A record of a schema that this release does not know; known later."""
    value = b"\xc3\x01" + bytes(8) + b"x"
    member.log.write(0, "c", value)
    member.pass_time(1)
    member.log.records[0].pop()
    member.write(0, "c", "d")


def _cut(member: Member) -> None:
    """What was to be read next is gone from the log, and the reader goes on behind the gap."""
    member.log.lows[0] = 5
    member.log.records[0].clear()
    member.write(0, "c", "d")


def _regrown(member: Member) -> None:
    """The same, unseen between two questions; the reader comes back to an offset that it had passed."""
    member.write(0, "e")
    member.pass_time()
    member.log.records[0].clear()
    member.write(0, "c", "d", "f", "g")
    member.log.positions[0] = 0


def _shorter(member: Member) -> None:
    """An election lost the end of the log, and other records took its place."""
    member.log.records[0].clear()
    member.pass_time(2 * SURVEY_S)
    member.write(0, "c", "d")


def _anew(member: Member) -> None:
    """The topic was deleted and made again."""
    member.log.topic_id = "second"
    member.log.records[0].clear()
    member.write(0, "c", "d")


@pytest.mark.parametrize(
    ("trouble", "left"),
    [
        (_torn, {"a", "b", "c", "d"}),
        (_unknown, {"a", "b", "c", "d"}),
        (_cut, {"c", "d"}),
        (_shorter, {"c", "d"}),
        (_regrown, {"c", "d", "f", "g"}),
        (_anew, {"c", "d"}),
    ],
)
def test_a_standby_that_fails_is_begun_again(
    member: Member, trouble: Callable[[Member], None], left: set[str]
) -> None:
    """It raises nothing, the others go on meanwhile, and in the end it holds what the log does."""
    member.write(0, "a", "b")
    member.write(2, "x")
    member.pass_time()
    trouble(member)
    member.write(2, "y")
    member.pass_time(2 * SURVEY_S)
    assert member.offset(2) == 2
    member.pass_time(2 * AGAIN_S)
    assert set(counts(member.gain(0))) == left
    assert set(counts(member.gain(2))) == {"x", "y"}


def test_a_reader_that_dies_is_replaced(member: Member) -> None:
    """A fatal error ends the standby's own consumer, not the member."""
    member.write(0, "a")
    member.pass_time()
    member.log.fatal = True
    member.write(0, "b")
    member.pass_time(2 * AGAIN_S)
    assert member.log.readers == 2
    assert set(counts(member.gain(0))) == {"a", "b"}


def test_a_broker_that_does_not_answer_costs_no_copy(member: Member) -> None:
    """Where the log ends is asked again later; what is read goes on."""
    member.write(0, "a")
    member.pass_time()
    member.log.away = True
    member.write(0, "b")
    member.pass_time(3 * SURVEY_S)
    assert member.offset(0) == 2
    assert member.log.readers == 1


def test_what_was_read_is_still_there_after_a_clean_end(member: Member) -> None:
    """A member that is started again reads on."""
    member.write(0, "a", "b")
    member.pass_time()
    member.standbys.close()
    member.standbys = member.make()
    member.write(0, "c")
    member.pass_time()
    assert [at for number, at in member.log.assigned if number == 0] == [0, 2]


def test_without_the_setting_nothing_is_read(tmp_path: Path) -> None:
    """And stores are opened for their owners all the same."""
    member = Member(tmp_path, enabled=False)
    member.write(0, "a")
    member.pass_time()
    assert member.standbys.wait_s(NEVER) == math.inf
    assert member.log.readers == 0
    assert counts(member.gain(0)) == {}
    member.lose(0)


def test_the_lag_is_what_a_takeover_would_replay(member: Member) -> None:
    """All of the log before the copy begins, what is unread after, nothing once the partition is ours."""
    member.write(0, *(f"k{n}" for n in range(5)))
    while 0 not in member.lags.of:
        member.pass_time(0)
    assert member.lags.of[0] == 5
    member.pass_time(2 * SURVEY_S)
    assert member.lags.of[0] == 0
    member.log.late = 2
    member.write(0, "a", "b")
    member.pass_time(2 * SURVEY_S)
    assert member.lags.of[0] == 2
    member.gain(0)
    assert member.lags.of[0] == 0
