"""What a restore says of itself, and which store it carries on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.runtime.clock import ManualClock
from streams.runtime.replay import STORE_MAX_AGE_MS, Identity, Span, Tail, resume
from streams.runtime.store import Change, Proof, Store
from tests.unit.runtime.stores import open_store

IDENTITY = Identity("cluster", "topic")
NOW_MS = ManualClock().now_ms()
SPAN = Span(low=10, end=50, asked_ms=NOW_MS - 7)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "0.lmdb")
    yield store
    store.close()


@pytest.mark.parametrize(
    ("position", "now_s", "said"),
    [
        (1_000, 10.0, "0% of 8000 records"),
        (3_000, 12.0, "25% of 8000 records, 6 s left"),
        (9_000, 18.0, "100% of 8000 records, 0 s left"),
    ],
)
def test_a_restore_tells_how_far_it_is_and_how_long_it_will_take(
    store: Store, position: int, now_s: float, said: str
) -> None:
    """From where it began, not from the log's start: the rest of a store that was kept is not counted."""
    span = Span(0, 9_000, 0)
    tail = Tail(0, store, IDENTITY, span, position, current_at=0, begun=1_000, begun_s=10.0, told_s=10.0)
    assert tail.progress(now_s) == said


def _resumed(store: Store, proof: Proof | None, span: Span = SPAN) -> tuple[int, int, int]:
    """Position, claim and number of keys after `proof` and one key were found on disk."""
    if proof:
        store.write([Change("k", b"v", None)], proof)
    tail = resume(store, 0, "x.changelog", IDENTITY, span, ManualClock())
    return tail.position, tail.current_at, store.count()


@pytest.mark.parametrize("offset", [SPAN.low, 30, SPAN.end])
def test_a_store_that_proves_itself_is_carried_on(store: Store, offset: int) -> None:
    """And goes on claiming what it did: only its end, once passed, makes it complete as of now."""
    claimed_ms = NOW_MS - STORE_MAX_AGE_MS
    assert _resumed(store, Proof(*IDENTITY, offset, claimed_ms)) == (offset, claimed_ms, 1)


@pytest.mark.parametrize(
    "proof",
    [
        None,
        Proof("another", "topic", 30, NOW_MS),
        Proof("cluster", "another", 30, NOW_MS),
        Proof("cluster", "topic", SPAN.low - 1, NOW_MS),
        Proof("cluster", "topic", SPAN.end + 1, NOW_MS),
        Proof("cluster", "topic", 30, 0),
        Proof("cluster", "topic", 30, NOW_MS - STORE_MAX_AGE_MS - 1),
    ],
)
def test_any_other_store_is_begun_empty(store: Store, proof: Proof | None) -> None:
    """At the start of the log. What it has yet to read shows its deletes from the time on at which it was asked for."""
    assert _resumed(store, proof) == (SPAN.low, SPAN.asked_ms, 0)


def test_a_restore_that_was_broken_off_is_carried_on_for_as_long_as_deletes_are_remembered(
    store: Store,
) -> None:
    """Half a restore is not begun again, be its member killed a hundred times; half of one a week ago is."""
    tail = resume(store, 0, "x.changelog", IDENTITY, SPAN, ManualClock())
    tail.position = 30
    store.write([Change("k", b"v", None)], tail.proof())
    assert _resumed(store, None) == (30, SPAN.asked_ms, 1)
    later = ManualClock(SPAN.asked_ms + STORE_MAX_AGE_MS + 1)
    assert resume(store, 0, "x.changelog", IDENTITY, SPAN, later).position == SPAN.low
    assert store.count() == 0


def test_a_tail_claims_the_time_at_which_its_end_was_asked_for(store: Store) -> None:
    """Once it is passed, and not before: what it lacked until then might have been deletes."""
    tail = resume(store, 0, "x.changelog", IDENTITY, SPAN, ManualClock())
    tail.aim(Span(10, 60, NOW_MS))
    tail.position = 59
    assert not tail.prove()
    assert tail.current_at == SPAN.asked_ms
    tail.position = 60
    assert tail.prove()
    assert not tail.prove()
    assert store.proof() == Proof(*IDENTITY, 60, NOW_MS)
