"""The drawing: lag in seconds of each stage, and how many members it had. Imports matplotlib only when it draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infra.bench.scaling.run import Result
from streams.topology import STAGES

DPI = 90
LEAST_S = 1.0  # the axis shows at least so much: what is near nothing shall look so
COLOUR, MEMBERS, LATE = "#1f77b4", "#7f7f7f", "#d62728"


def draw(result: Result, file: Path) -> None:
    """Write an SVG or a PNG, as the name ends. Raises ImportError without matplotlib, ValueError for another format."""
    import matplotlib

    matplotlib.use("Agg")  # no window, no display
    # Text stays text, and nothing of the day or of chance is in the file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "ringback"})
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), layout="constrained")
    axes = figure.subplots(len(STAGES) + 1, 1, sharex=True)
    for axis, stage in zip(axes, STAGES, strict=False):
        _stage(axis, result, stage)
    _calls(axes[-1], result)
    axes[-1].set_xlabel("s since the first SMS")
    shape = result.shape
    figure.suptitle(
        f"Members of each stage {' → '.join(map(str, shape.counts))} under {shape.rate_per_s:g} SMS/s, "
        f"{result.nodes} brokers, group protocol {shape.protocol}"
    )
    figure.savefig(file, dpi=DPI, metadata={"Date": None} if file.suffix == ".svg" else None)


def _stage(axis: Any, result: Result, stage: str) -> None:
    at_s = [(sample.at_ms - result.began_ms) / 1000 for sample in result.samples]
    lags = [sample.lag_s.get(stage) for sample in result.samples]
    axis.plot(at_s, [float("nan") if lag is None else lag for lag in lags], color=COLOUR, linewidth=1.2)
    axis.set_ylabel("lag, s", color=COLOUR)
    axis.set_ylim(0, max(LEAST_S, *(1.1 * lag for lag in lags if lag is not None)))
    axis.set_title(stage, loc="left", fontsize=10)
    members = axis.twinx()
    counts = [sample.members.get(stage, 0) for sample in result.samples]
    members.step(at_s, counts, where="post", color=MEMBERS, linewidth=1.0, linestyle="--")
    members.set_ylim(0, max(result.shape.counts) + 1)
    members.set_yticks(sorted({0, *result.shape.counts}))
    members.set_ylabel("members", color=MEMBERS)
    _changes(axis, result, stage)


def _calls(axis: Any, result: Result) -> None:
    """Lateness of the calls, p99 and worst of each span, at the carrier."""
    for span, found in zip(result.spans, result.figures, strict=True):
        ends = [(at - result.began_ms) / 1000 for at in (span.begin_ms, span.end_ms)]
        if found.called.max_ms is not None and found.called.p99_ms is not None:
            axis.plot(ends, [found.called.max_ms / 1000] * 2, color=LATE, linewidth=1.5)
            axis.plot(ends, [found.called.p99_ms / 1000] * 2, color=LATE, linewidth=1.0, linestyle=":")
    axis.set_title(
        "from due to the carrier: worst (line) and p99 (dots) of each span", loc="left", fontsize=10
    )
    axis.set_ylabel("late, s", color=LATE)
    axis.set_ylim(bottom=0)
    _changes(axis, result, None)


def _changes(axis: Any, result: Result, stage: str | None) -> None:
    """Shade the changes; those of this stage darker."""
    for span in result.spans:
        if span.ready_s is None:
            continue
        own = stage is not None and span.name.startswith((stage, "all "))
        begin_s, end_s = ((at - result.began_ms) / 1000 for at in (span.begin_ms, span.end_ms))
        axis.axvspan(begin_s, end_s, color="#ffbb78" if own else "#eeeeee", alpha=0.8 if own else 0.5, lw=0)
    axis.margins(x=0.01)
