"""What one work on one subject found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from infra.bench.timers.tally import Tally


@dataclass(frozen=True, slots=True)
class Outcome:
    """`figures` by the keys of measures.py, and others that are only printed. `size`: timers in the work.

    `pending`: far ones that were there beforehand; the outcomes of one (subject, pending) are a column of the table.
    """

    work: str
    subject: str
    size: int
    figures: dict[str, float]
    tally: Tally | None = None
    drained: list[tuple[float, int]] = field(default_factory=list, repr=False)  # ms after due, records so far
    pending: int = 0

    @property
    def faults(self) -> int:
        return self.tally.faults if self.tally else 0

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "work": self.work,
            "subject": self.subject,
            "size": self.size,
            "pending": self.pending,
        }
        found.update({name: round(value, 3) for name, value in self.figures.items()})
        if self.tally:
            found.update(
                {name: getattr(self.tally, name) for name in ("lost", "doubled", "early", "strange")}
            )
            found["examples"] = list(self.tally.examples)
        return found
