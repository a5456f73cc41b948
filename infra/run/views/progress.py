"""How far the tables of a worker are: whether they are whole, and up to when they are complete.

Three things are held against each other: where the logs ended when the worker started, what its fetches say of each
partition now, and where the tables are. Nothing of Kafka or Faust in here: offsets in, yes or no and an instant out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.views.asking import Object
from connectors.views.fetched import Fetched
from streams.views.tables import Place, Tables

# What a fetch tells of the end may be as old as it waited at the broker, and has the way back behind it.
LONG_POLL_MS = 500


class Progress:
    """Of one life of a worker; the `Standing` of connectors/views/http.py. `targets`: where each partition ended after
    `begun_at` (epoch ms); `positions`: what is fetched of the partitions that are ours; `held`: what waits, and why."""

    def __init__(
        self,
        tables: Tables,
        targets: Mapping[Place, int],
        begun_at: int,
        positions: Callable[[], Mapping[Place, Fetched]],
        held: Callable[[], str | None],
    ) -> None:
        self._tables, self._targets, self._begun_at = tables, targets, begun_at
        self._positions, self._held = positions, held
        self._reached = self._ours = False
        self._complete_at: int | None = None

    def look(self) -> None:
        """See how far it is now; `whole` and `as_of` are as of the last look, but for what is held."""
        found = self._everywhere()
        # Another worker of this name, elsewhere, would share the partitions with us.
        self._ours = all(at.position is not None for at in found.values())
        if not self._reached:
            self._reached = all(self._past(place, found[place], end) for place, end in self._targets.items())
        # Every fetch has reached the end that it was told of, and nothing is on its way from there to the tables.
        if all(self._past(place, at, at.stable) for place, at in found.items()):
            self._complete_at = min(at.told_at or 0 for at in found.values()) - LONG_POLL_MS

    @property
    def held(self) -> str | None:
        """The partition that stands still for want of something, and why."""
        return self._held()

    @property
    def whole(self) -> bool:
        """Do the tables hold all that lay there when this worker started, and is nothing held up or taken away?"""
        return self._reached and self._ours and self.held is None

    @property
    def as_of(self) -> int | None:
        """Up to when everything that was appended is in the figures, epoch ms."""
        return self._complete_at or (self._begun_at if self._reached else None)

    def standing(self) -> Object:
        since = [p.first_at for p in self._tables.positions.values() if p.first and p.first_at]
        found = self._everywhere()
        return {
            "as_of": self.as_of,
            "complete_since": max(since, default=None),
            "whole": self.whole,
            "held": self.held,
            "partitions": [
                {
                    "topic": place[0],
                    "partition": place[1],
                    "next": self._tables.next(place),
                    "fetched": found[place].position,
                    "handed": found[place].handed or 0,
                    "end": found[place].stable,
                }
                for place in sorted(found)
            ],
        }

    def _everywhere(self) -> dict[Place, Fetched]:
        """All partitions, also those that are not ours: then nothing is complete."""
        return dict.fromkeys(self._targets, Fetched()) | dict(self._positions())

    def _past(self, place: Place, at: Fetched, end: int | None) -> bool:
        """Is everything before `end` taken in?"""
        if end is None or at.position is None or at.told_at is None:
            return False
        return at.position >= end and self._tables.next(place) >= (at.handed or 0)
