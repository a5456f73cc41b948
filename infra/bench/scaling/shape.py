"""What a run does: which stages get how many members, in which order, under which load. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streams.topology import STAGES


@dataclass(frozen=True, slots=True)
class Shape:
    """`counts`: members of each of `stages`, one after the other; the other stages keep the first count, which is one.

    `together`: all stages change at once, else each waits until the one before has been overcome. `hold_s`: how long
    each count stays when all stages have it. Texts are due `due_s` (least, most) seconds after they are sent.
    """

    stages: tuple[str, ...] = tuple(STAGES)
    counts: tuple[int, ...] = (1, 4, 2)
    rate_per_s: float = 15.0
    hold_s: float = 15.0
    due_s: tuple[int, int] = (3, 12)
    together: bool = False
    protocol: str = "classic"
    seed: int = 1

    def __post_init__(self) -> None:
        if len(self.counts) < 2 or self.counts[0] != 1 or min(self.counts) < 1:
            raise ValueError("members: two counts at least, and the first is 1: 1,4,2")
        if any(a == b for a, b in zip(self.counts, self.counts[1:], strict=False)):
            raise ValueError("members: each count differs from the one before")


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


def changes(shape: Shape) -> list[list[Change]]:
    """The changes to each further count, in order; after each inner list the run holds still."""
    return [
        [Change(shape.stages, before, after)]
        if shape.together
        else [Change((stage,), before, after) for stage in shape.stages]
        for before, after in zip(shape.counts, shape.counts[1:], strict=False)
    ]


def members_text(counts: Mapping[str, int]) -> str:
    """Members of each stage, in the order of the pipeline: 4·4·1·1·1."""
    return "·".join(str(counts[stage]) for stage in STAGES if stage in counts)


def least_seconds(shape: Shape) -> float:
    """How long a run takes at least, seconds: for who waits for it."""
    return shape.hold_s * len(shape.counts) + sum(len(each) for each in changes(shape))


__all__: Sequence[str] = ("Change", "Shape", "changes", "least_seconds", "members_text")
