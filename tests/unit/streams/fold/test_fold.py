"""The fold of the call protocol: each rule, and that neither order nor copies matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.calls.fold import (
    EMPTY,
    Fold,
    absorb,
    absorb_all,
    is_open,
    is_over,
    reads_as,
    running,
    unheard,
)

STATES = [
    *("CLAIMED", "UNKNOWN", "NOT_SENT", "NOT_PLACED", "PLACED", "PLACED_LATE", "RINGING", "ANSWERED", "TOLD"),
    *("COMPLETED", "CANCELED", "FAILED", "NO_ANSWER", "BUSY"),
]
EVIDENCE = st.lists(
    st.tuples(st.sampled_from(STATES), st.sampled_from(["CA1", "CA2", None])), min_size=1, max_size=10
)


@given(EVIDENCE, st.randoms(use_true_random=False))
def test_neither_order_nor_copies_matter(evidence: list[tuple[str, str | None]], random: object) -> None:
    """The same evidence shuffled, with copies, gives an equal fold, stored as equal bytes."""
    once = absorb_all(evidence)
    shuffled = evidence * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' Random
    again = absorb_all(shuffled)
    assert again == once
    assert (again.sids_field(), again.marks_field()) == (once.sids_field(), once.marks_field())
    assert list(again.sids_field()) == list(once.sids_field())
    assert Fold.of(once.sids_field(), once.marks_field()) == once


@given(EVIDENCE)
def test_a_copy_changes_nothing_at_all(evidence: list[tuple[str, str | None]]) -> None:
    """`absorb` returns the fold itself, so that a reader need not write it."""
    fold = absorb_all(evidence)
    assert all(absorb(fold, *piece) is fold for piece in evidence)


@given(EVIDENCE, EVIDENCE)
def test_nothing_is_ever_taken_back(
    before: list[tuple[str, str | None]], after: list[tuple[str, str | None]]
) -> None:
    """ANSWERED stays; a call that has an end keeps one; marks and sids only grow."""
    early, late = absorb_all(before), absorb_all(before + after)
    assert early.marks <= late.marks
    assert set(early.sids) <= set(late.sids)
    assert not set(running(late)) & (set(early.sids) - set(running(early)))
    if reads_as(early) == "ANSWERED":
        assert reads_as(late) == "ANSWERED"


@pytest.mark.parametrize(
    ("evidence", "reads", "open_"),
    [
        ("", None, False),
        ("CLAIMED", "CLAIMED", True),
        ("CLAIMED UNKNOWN", "UNKNOWN", True),
        ("CLAIMED UNKNOWN NOT_PLACED", "NOT_PLACED", False),
        ("CLAIMED UNKNOWN NOT_PLACED NOT_SENT", "NOT_SENT", False),
        ("CLAIMED PLACED:1", "PLACED", True),
        ("NOT_PLACED PLACED_LATE:1", "PLACED", True),
        ("NOT_SENT PLACED:1", "PLACED", True),
        ("PLACED:1 RINGING:1", "RINGING", True),
        ("RINGING:1 PLACED:2", "RINGING", True),
        ("BUSY:1 PLACED:2", "PLACED", True),
        ("COMPLETED:1", "FAILED", False),
        ("COMPLETED:1 CANCELED:2", "CANCELED", False),
        ("COMPLETED:1 CANCELED:1 FAILED:1", "FAILED", False),
        ("FAILED:1 NO_ANSWER:1", "NO_ANSWER", False),
        ("NO_ANSWER:1 BUSY:2", "BUSY", False),
        ("ANSWERED:1", "ANSWERED", True),
        ("ANSWERED:1 BUSY:2", "ANSWERED", True),
        ("ANSWERED:1 COMPLETED:1", "ANSWERED", False),
        ("ANSWERED:1 COMPLETED:1 RINGING:2", "ANSWERED", True),
        ("FAILED", "FAILED", False),
        ("NOT_PLACED SOMETHING_NEW:1", "NOT_PLACED", False),
    ],
)
def test_what_a_try_reads_as(evidence: str, reads: str | None, open_: bool) -> None:
    """The first that holds: ANSWERED; a sid without an end; the furthest end; then the marks."""
    pieces = [(state, sid or None) for state, _, sid in (p.partition(":") for p in evidence.split())]
    fold = absorb_all(pieces)
    assert (reads_as(fold), is_open(fold)) == (reads, open_)


def test_a_completed_call_is_over_only_when_it_is_known_whether_it_was_heard() -> None:
    """Its ANSWERED may still be on its way, also when another sid of the try has ended otherwise."""
    fold = absorb_all([("COMPLETED", "CA1"), ("CANCELED", "CA2")])
    assert unheard(fold) == ["CA1"]
    assert not is_over(fold)
    assert is_over(absorb(fold, "FAILED", "CA1"))
    assert is_over(absorb(fold, "ANSWERED", "CA1"))
    assert not is_over(absorb_all([("TOLD", None)]))
    assert not is_over(EMPTY)
