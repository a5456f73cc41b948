"""What a restore says of itself."""

from __future__ import annotations

import pytest

from streams.runtime.freshness import Sample
from streams.runtime.takeover import Restore


@pytest.mark.parametrize(
    ("position", "now_s", "said"),
    [
        (1_000, 10.0, "0% of 8000 records"),
        (3_000, 12.0, "25% of 8000 records, 6 s left"),
        (9_000, 18.0, "100% of 8000 records, 0 s left"),
    ],
)
def test_a_restore_tells_how_far_it_is_and_how_long_it_will_take(
    position: int, now_s: float, said: str
) -> None:
    """From where it began, not from the log's start: the rest of a store that was kept is not counted."""
    restore = Restore(None, None, Sample(0, {}), position=position, end=9_000, begun=1_000, begun_s=10.0)  # type: ignore[arg-type]
    assert restore.progress(now_s) == said
