"""What must be read before a page can be made, and in which order: the cheapest first. Pure.

Bounds: `most_records` at a time over all partitions, MOST_HELD offsets in windows at once. What is beyond waits for
the next page and is an estimate until then, or for ever where it is too much (backlog.py says what it is worth).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from connectors.lag.backlog import EXACT_SPAN, NOTHING, PROBE_RECORDS, Answer, Probe, Window, unread
from connectors.lag.snapshot import Place

# Offsets in all windows together: 16 MB when each is a record.
MOST_HELD = 1_000_000


@dataclass(slots=True)
class Reading:
    """Records of one partition, from `first` up to `stop` (exclusive) or until `records` were read."""

    place: Place
    first: int
    stop: int
    records: int
    window: Window | None  # None: for a probe

    @property
    def cost(self) -> int:
        """Records, at most."""
        return min(self.stop - self.first, self.records)


@dataclass(slots=True)
class Backlogs:
    """What is known of every partition that some group is behind in. Not thread-safe."""

    exact_span: int = EXACT_SPAN
    most_held: int = MOST_HELD
    windows: dict[Place, Window] = field(default_factory=dict)
    probes: dict[tuple[Place, int], Probe] = field(default_factory=dict)

    def plan(self, wanted: Mapping[Place, tuple[int, Iterable[int]]], most_records: int) -> list[Reading]:
        """Readings, cheapest first, `most_records` in all. `wanted`: by place the last stable offset and the offsets
        (below it) where groups stand. What no group needs any more is forgotten."""
        windows: dict[Place, Window] = {}
        probes: dict[tuple[Place, int], Probe] = {}
        needs: list[Reading] = []
        held = 0
        order = sorted(
            (stable - min(self._near(stable, offsets), default=stable), place)
            for place, (stable, offsets) in wanted.items()
        )
        for _, place in order:
            stable, offsets = wanted[place]
            near = min(self._near(stable, offsets), default=None)
            if near is not None and held + stable - near <= self.most_held:
                held += stable - near
                window = self._window(place, near, stable)
                windows[place] = window
                if window.end < stable:
                    needs.append(Reading(place, window.end, stable, stable - window.end, window))
            else:
                near = stable
            for offset in offsets:
                if offset < near:
                    known = self.probes.get((place, offset))
                    if known is not None and known.end <= stable:
                        probes[place, offset] = known
                    else:
                        needs.append(Reading(place, offset, stable, PROBE_RECORDS, None))
        self.windows, self.probes = windows, probes
        needs.sort(key=lambda reading: reading.cost)
        return list(_within(needs, most_records))

    def _near(self, stable: int, offsets: Iterable[int]) -> Iterator[int]:
        return (offset for offset in offsets if stable - offset <= self.exact_span)

    def _window(self, place: Place, first: int, stable: int) -> Window:
        window = self.windows.get(place)
        # An end that comes back: the log was cut, or the topic made anew.
        if window is None or window.end > stable or not window.reaches(first):
            return Window.at(first)
        window.forget(first)
        return window

    def answer(self, place: Place, first: int, stable: int) -> Answer:
        """What lies from `first` to `stable`, as far as was read."""
        if first >= stable:
            return NOTHING
        window = self.windows.get(place)
        if window is not None and window.reaches(first):
            return window.answer(first, stable)
        probe = self.probes.get((place, first))
        return probe.answer(stable) if probe is not None else unread(first, stable)


def _within(needs: list[Reading], most_records: int) -> Iterator[Reading]:
    """The first of them, up to `most_records` together. One that is larger than all of that is read in parts."""
    left = most_records
    for reading in needs:
        if left <= 0:
            return
        reading.records = min(reading.records, left)
        left -= reading.cost
        yield reading
