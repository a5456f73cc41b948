"""How many records a read-committed reader still has to get, and how old the first of them is: from what was read.

Offsets count more than records: transaction markers, aborted records and what compaction removed hold offsets too, and
only reading tells. What was read once does not change below the last stable offset, so it is kept and only what is new
is read. Two things are kept of a partition:

    Window   every record between two offsets, at most EXACT_SPAN of them apart: for groups that are nearly up to date
    Probe    the first records behind one offset: for a group that is further behind, whose count is then an estimate

What a figure is worth: `Answer.exact` says that it is the count. If not, the truth lies between the records that were
read behind the offset (`Answer.least`) and those plus the offsets that were not read (`Answer.most`), and the estimate
in between takes what was not read to hold as many records an offset as what was read.

The price of a window is 16 bytes a record and of a probe some 100 bytes. Compaction may remove a record that a window
still counts, for as long as a group stands before it: the count is then too high by it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

# A group further behind than this is estimated.
EXACT_SPAN = 10_000
# Records that a probe reads: enough to see how many markers there are among them.
PROBE_RECORDS = 50


class Answer(NamedTuple):
    """Records behind an offset, the timestamp of the first of them (epoch ms; None: there is none, or not known)."""

    records: int
    least: int
    most: int
    oldest_ms: int | None

    @property
    def exact(self) -> bool:
        return self.least == self.most

    @property
    def unread(self) -> bool:
        """There may be records, and nothing is known of the first."""
        return self.most > 0 and self.oldest_ms is None


NOTHING = Answer(0, 0, 0, None)


@dataclass(slots=True)
class Window:
    """Every record that a read-committed reader gets between `start` and `end`, the offset up to which was read."""

    start: int
    end: int
    offsets: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))

    @classmethod
    def at(cls, offset: int) -> Window:
        return cls(offset, offset)

    def take(self, offset: int, time_ms: int) -> None:
        """The next record that was read."""
        if offset >= self.end:
            self.offsets.append(offset)
            self.times.append(time_ms)
            self.end = offset + 1

    def reach(self, offset: int) -> None:
        """Nothing more lies before `offset`."""
        self.end = max(self.end, offset)

    def reaches(self, offset: int) -> bool:
        """Can what lies behind `offset` be answered by this window, once it is read on?"""
        return self.start <= offset <= self.end

    def forget(self, before: int) -> None:
        """No group stands before this offset any more."""
        dead = bisect_left(self.offsets, before)
        # A deletion moves what is behind it: not for each few records.
        if dead > 256 and dead * 2 > len(self.offsets):
            del self.offsets[:dead], self.times[:dead]
            self.start = before

    def answer(self, first: int, stable: int) -> Answer:
        """What lies from `first` to `stable`; `reaches(first)` must hold."""
        index = bisect_left(self.offsets, first)
        until = len(self.offsets) if self.end <= stable else bisect_left(self.offsets, stable)
        read = until - index
        oldest = self.times[index] if read else None
        left = stable - max(self.end, first)
        if left <= 0:
            return Answer(read, read, read, oldest)
        return _estimate(read, self.end - first, left, oldest)


@dataclass(frozen=True, slots=True)
class Probe:
    """The first `records` records between two offsets, and the time of the first of all (None: there was none)."""

    first: int
    end: int
    records: int
    oldest_ms: int | None

    def answer(self, stable: int) -> Answer:
        left = stable - self.end
        if left <= 0:
            return Answer(self.records, self.records, self.records, self.oldest_ms)
        return _estimate(self.records, self.end - self.first, left, self.oldest_ms)


def unread(first: int, stable: int) -> Answer:
    """Nothing was read: as many records as offsets, at most."""
    return _estimate(0, 0, stable - first, None)


def _estimate(read: int, read_span: int, left: int, oldest_ms: int | None) -> Answer:
    share = read / read_span if read_span > 0 else 1.0
    return Answer(read + round(left * share), read, read + left, oldest_ms)
