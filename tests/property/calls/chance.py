"""What happens in a story, drawn from a tape of bytes: the same tape is the same story."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Tape:
    """Draws from `tape`; when it is used up, always the first of what is offered."""

    def __init__(self, tape: bytes) -> None:
        self._bytes = iter(tape)
        self.left = len(tape)

    @classmethod
    def of_seed(cls, seed: int, length: int) -> Tape:
        return cls(random.Random(seed).randbytes(length))

    def draw(self, choices: Sequence[T]) -> T:
        """One of at most 256 choices."""
        self.left -= 1
        return choices[next(self._bytes, 0) % len(choices)]

    def chance(self, percent: int) -> bool:
        self.left -= 1
        return next(self._bytes, 255) * 100 < percent * 256
