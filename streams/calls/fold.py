"""What is known of one try (K) from the evidence about it: the fold of the call protocol.

Evidence comes in any order and more than once, so nothing in a fold is ever taken back: a call (sid) only
moves forward, a mark once set stays. Two readers that have seen the same evidence, in whatever order, hold
equal folds; tests/unit/streams/fold shows it by permutation.

    sids    per sid the furthest of PLACED < RINGING < COMPLETED < CANCELED < FAILED < NO_ANSWER < BUSY
    marks   CLAIMED, UNKNOWN, NOT_SENT, NOT_PLACED, and "ANSWERED sid", "TOLD sid"

A request that the carrier refused (FAILED without a sid: there is no call) stands under the sid "".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

_RANK = {
    "PLACED": 0,
    "RINGING": 1,
    "COMPLETED": 2,
    "CANCELED": 3,
    "FAILED": 4,
    "NO_ANSWER": 5,
    "BUSY": 6,
}
_FIRST_END = _RANK["COMPLETED"]
_PLAIN_MARKS = frozenset({"CLAIMED", "UNKNOWN", "NOT_SENT", "NOT_PLACED"})
_CALL_MARKS = frozenset({"ANSWERED", "TOLD"})


class Fold(NamedTuple):
    """Never changed in place; `absorb` makes the next one."""

    sids: Mapping[str, str]
    marks: frozenset[str]

    @classmethod
    def of(cls, sids: Mapping[str, str], marks: Iterable[str]) -> Fold:
        """From the fields of a state record."""
        return cls(sids, frozenset(marks))

    def sids_field(self) -> dict[str, str]:
        """`sids` for a state record: a map, sorted, so that equal folds are equal bytes."""
        return dict(sorted(self.sids.items()))

    def marks_field(self) -> list[str]:
        """`marks` for a state record: an array, sorted."""
        return sorted(self.marks)


EMPTY = Fold({}, frozenset())


def absorb(fold: Fold, state: str, sid: str | None = None) -> Fold:
    """The fold with one more piece of evidence; `fold` itself when that tells nothing new.

    States that we do not know (a newer writer's) tell nothing.
    """
    if state in _CALL_MARKS:
        marked = _mark(fold, f"{state} {sid or ''}")
        # Evidence about a call proves that there is one, also when PLACED is still on its way.
        return _advance(marked, sid, "PLACED") if sid else marked
    if state in _PLAIN_MARKS:
        return _mark(fold, state)
    if state == "PLACED_LATE":
        state = "PLACED"
    rank = _RANK.get(state)
    if rank is None:
        return fold
    if not sid and rank < _FIRST_END:
        return _mark(fold, "UNKNOWN")  # a call without a name can be neither followed nor ended
    return _advance(fold, sid or "", state)


def absorb_all(evidence: Iterable[tuple[str, str | None]], fold: Fold = EMPTY) -> Fold:
    """`absorb` over (state, sid) pairs."""
    for state, sid in evidence:
        fold = absorb(fold, state, sid)
    return fold


def _mark(fold: Fold, mark: str) -> Fold:
    return fold if mark in fold.marks else Fold(fold.sids, fold.marks | {mark})


def _advance(fold: Fold, sid: str, state: str) -> Fold:
    known = fold.sids.get(sid)
    if known is not None and _RANK[known] >= _RANK[state]:
        return fold
    return Fold({**fold.sids, sid: state}, fold.marks)


def is_answered(fold: Fold) -> bool:
    """Did our answer gate decide to give the words to a call of this try?"""
    return any(mark.startswith("ANSWERED ") for mark in fold.marks)


def is_told(fold: Fold) -> bool:
    """Were the words given?"""
    return any(mark.startswith("TOLD ") for mark in fold.marks)


def running(fold: Fold) -> list[str]:
    """The sids that have no end yet."""
    return [sid for sid, state in fold.sids.items() if _RANK[state] < _FIRST_END]


def unheard(fold: Fold) -> list[str]:
    """The sids that COMPLETED without ANSWERED. An ANSWERED may still be on its way; the owner of the try writes
    FAILED for each of them when it is certain that there is none."""
    return [
        sid
        for sid, state in fold.sids.items()
        if state == "COMPLETED" and f"ANSWERED {sid}" not in fold.marks
    ]


def reads_as(fold: Fold) -> str | None:
    """The first that holds: ANSWERED; PLACED or RINGING (a sid without an end); the furthest end (COMPLETED reads
    as FAILED); NOT_SENT; NOT_PLACED; UNKNOWN; CLAIMED. None without any evidence."""
    if is_answered(fold):
        return "ANSWERED"
    if fold.sids:
        ranks = [_RANK[state] for state in fold.sids.values()]
        going = [rank for rank in ranks if rank < _FIRST_END]
        furthest = max(going or ranks)
        return "FAILED" if furthest == _FIRST_END else next(s for s, r in _RANK.items() if r == furthest)
    return next((m for m in ("NOT_SENT", "NOT_PLACED", "UNKNOWN", "CLAIMED") if m in fold.marks), None)


def is_open(fold: Fold) -> bool:
    """Must the user's next call wait? Until the try reads NOT_SENT or NOT_PLACED or every sid has its end, also
    when ANSWERED. A try without evidence was not claimed, and is not open."""
    if fold.sids:
        return bool(running(fold))
    return reads_as(fold) in ("CLAIMED", "UNKNOWN", "ANSWERED")


def is_over(fold: Fold) -> bool:
    """Has the try come to what `reads_as` says, so that the reminder's next step may follow? As `is_open`, but a
    call that COMPLETED unheard still waits for its ANSWERED or FAILED."""
    return reads_as(fold) is not None and not is_open(fold) and not unheard(fold)
