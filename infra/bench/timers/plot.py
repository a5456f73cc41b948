"""The drawing: how late, how large, how a burst drains. Imports matplotlib (extra `bench`) only when it draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.bench.timers.outcome import Outcome

DPI = 120


def draw(outcomes: Sequence[Outcome], file: Path) -> None:
    """Write a PNG of three panels; one without figures says so. Raises ImportError without matplotlib."""
    import matplotlib

    matplotlib.use("Agg")  # no window, no display
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 4.6), layout="constrained")
    axes = figure.subplots(1, 3)
    _lateness(axes[0], outcomes)
    _pending(axes[1], outcomes)
    _drain(axes[2], outcomes)
    figure.savefig(file, dpi=DPI)


def _lateness(axis: Any, outcomes: Sequence[Outcome]) -> None:
    axis.set(
        title="Lateness at a steady rate (W2)", xlabel="ms from due to receipt", ylabel="share of timers"
    )
    drawn = False
    for outcome in outcomes:
        if outcome.work != "W2" or outcome.tally is None or "steady_p99_ms" not in outcome.figures:
            continue
        late = sorted(outcome.tally.lateness_ms)
        shares = [(rank + 1) / len(late) for rank in range(len(late))]
        axis.plot([max(ms, 0.1) for ms in late], shares, label=_label(outcome, outcomes))
        drawn = True
    axis.axhline(0.99, color="grey", linewidth=0.8, linestyle=":")
    axis.set_xscale("log")
    _finish(axis, drawn)


def _pending(axis: Any, outcomes: Sequence[Outcome]) -> None:
    axis.set(title="Bytes a pending timer (W1, largest size)", ylabel="bytes")
    largest: dict[str, Outcome] = {}
    for outcome in outcomes:
        if outcome.work == "W1" and outcome.size >= getattr(largest.get(outcome.subject), "size", 0):
            largest[outcome.subject] = outcome
    kinds = (
        ("RAM", "ram_per_pending_bytes"),
        ("mapped file pages", "mapped_per_pending_bytes"),
        ("disk", "disk_per_pending_bytes"),
    )
    width = 0.8 / len(kinds)
    for offset, (label, key) in enumerate(kinds):
        places = [place + (offset - 1) * width for place in range(len(largest))]
        bars = axis.bar(places, [o.figures.get(key, 0.0) for o in largest.values()], width, label=label)
        axis.bar_label(bars, fmt="%.0f", fontsize=8)
    axis.set_xticks(range(len(largest)), [f"{name}\n{o.size:,}" for name, o in largest.items()])
    _finish(axis, bool(largest))


def _drain(axis: Any, outcomes: Sequence[Outcome]) -> None:
    axis.set(title="All due in the same millisecond (W3)", xlabel="s after due", ylabel="received")
    drawn = False
    for outcome in outcomes:
        if outcome.work == "W3" and "burst_drain_s" in outcome.figures:
            axis.plot(
                [ms / 1000 for ms, _ in outcome.drained],
                [n for _, n in outcome.drained],
                label=_label(outcome, outcomes),
            )
            drawn = True
    _finish(axis, drawn)


def _label(outcome: Outcome, outcomes: Sequence[Outcome]) -> str:
    several = len({other.pending for other in outcomes}) > 1
    return f"{outcome.subject}, {outcome.pending:,} pending" if several else outcome.subject


def _finish(axis: Any, drawn: bool) -> None:
    if drawn:
        axis.legend()
        axis.grid(alpha=0.3)
    else:
        axis.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axis.transAxes)
