"""What a run does: which stages get how many members, in which order, under which load. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from streams.topology import STAGES


@dataclass(frozen=True, slots=True)
class Shape:
    """`counts`: members of each of `stages`, one after the other; the other stages keep the first count, which is one.

    `together`: all stages change at once, else one stage goes through all its counts before the next begins. `hold_s`:
    how long a count stays once the change has been overcome. Texts are due `due_s` (least, most) seconds after they
    are sent.
    """

    stages: tuple[str, ...] = tuple(STAGES)
    counts: tuple[int, ...] = (1, 4, 2)
    rate_per_s: float = 2.0
    hold_s: float = 5.0
    due_s: tuple[int, int] = (3, 12)
    together: bool = False
    protocol: str = "classic"
    seed: int = 1

    def __post_init__(self) -> None:
        if len(self.counts) < 2 or self.counts[0] != 1 or min(self.counts) < 1:
            raise ValueError("members: two counts at least, and the first is 1: 1,4,2")
        if any(before == after for before, after in pairwise(self.counts)):
            raise ValueError("members: each count differs from the one before, as 1,4,2")


@dataclass(frozen=True, slots=True)
class Change:
    """`stages` go from `before` to `after` members each, all at the same moment."""

    stages: tuple[str, ...]
    before: int
    after: int

    @property
    def name(self) -> str:
        who = self.stages[0] if len(self.stages) == 1 else "all"
        return f"{who} {self.before} → {self.after}"


def changes(shape: Shape) -> list[Change]:
    """In order: one stage through all its counts and then the next, or all stages at once."""
    groups = [shape.stages] if shape.together else [(stage,) for stage in shape.stages]
    steps = list(pairwise(shape.counts))
    return [Change(stages, before, after) for stages in groups for before, after in steps]


def members_text(counts: Mapping[str, int]) -> str:
    """Members of each stage, in the order of the pipeline: 4·4·1·1·1."""
    return "·".join(str(counts[stage]) for stage in STAGES if stage in counts)
