"""How much each work does: `small` to see where one stands, `full` for the figures of the bar, `medium` in a quarter of
that time and nearly as telling, for several counts of pending timers in one run."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts are timers; `pending` far ones are put in before W2 to W5 and W7 begin."""

    warm_up: tuple[int, ...]
    enqueue: tuple[int, ...]  # W1
    rate_per_s: int  # W2
    steady_s: int
    changing_per_s: int  # W4, W7
    killed_per_s: int  # W5
    trickle_per_s: int  # W2 at a light load
    trickle_s: int
    burst: int  # W3
    kills: int  # W5
    cold: int  # W6
    pending: int = 0
    between_kills_s: tuple[float, float] = (0.5, 12.0)  # some come before the last one is overcome
    seed: int = 5  # of the moments at which W5 kills

    def with_pending(self, pending: int) -> Scale:
        """So many far timers beforehand, and as many in W1 and W6, which are about nothing else."""
        return replace(
            self, pending=pending, enqueue=(pending,) if pending else self.enqueue, cold=pending or self.cold
        )


SCALES: dict[str, Scale] = {
    "small": Scale(
        warm_up=(1_000, 3_000),
        enqueue=(20_000,),
        rate_per_s=5_000,
        steady_s=6,
        changing_per_s=1_000,
        killed_per_s=500,
        trickle_per_s=50,
        trickle_s=6,
        burst=20_000,
        kills=5,
        cold=20_000,
    ),
    "medium": Scale(
        warm_up=(5_000, 10_000),
        enqueue=(1_000_000,),
        rate_per_s=5_000,
        steady_s=20,
        changing_per_s=2_000,
        killed_per_s=1_000,
        trickle_per_s=50,
        trickle_s=10,
        burst=100_000,
        kills=10,
        cold=1_000_000,
    ),
    "full": Scale(
        warm_up=(20_000, 30_000),
        enqueue=(20_000, 200_000, 1_000_000),
        rate_per_s=5_000,
        steady_s=40,
        changing_per_s=5_000,
        killed_per_s=2_000,
        trickle_per_s=50,
        trickle_s=40,
        burst=100_000,
        kills=50,
        cold=1_000_000,
    ),
}
