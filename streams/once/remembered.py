"""What an owner remembers of its attempts, read a page at a time: what a rebuild of the gate is made of.

A partition remembers hundreds of thousands of attempts that have ended. Read in one step, they would hold up every call
of the member for seconds; read in pages, each is a step of a few milliseconds, with others between.

Attempts without an end (`c|…`) come before those that have ended (`e|…`): one that ends between two pages is in the
second part, if it was not in the first, so nothing slips through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.once.gate import GateEntry
from streams.runtime.processor import State

LIVE, ENDED = "c|", "e|"


@dataclass(frozen=True, slots=True)
class Page:
    """Gates, and (occurrence, sid) of words that were given; `after`: where the next page begins, "" after the last."""

    entries: tuple[GateEntry, ...]
    answers: tuple[tuple[str, str], ...]
    after: str


def attempts_after(state: State, after: str, limit: int) -> tuple[list[dict[str, Any]], str]:
    """At most `limit` state records of attempts behind the key `after`, and where to go on; "" when that was all."""
    one_more = limit + 1  # tells whether there is a next page
    found = state.page(LIVE, after, one_more)
    if len(found) < one_more:
        found += state.page(ENDED, after, one_more - len(found))
    page = found[:limit]
    return [value for _, value in page], page[-1][0] if len(found) > limit else ""
