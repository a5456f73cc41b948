"""The figures of a run for people, and as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from infra.bench.scaling.run import Result
from infra.bench.scaling.shape import members_text
from infra.bench.scaling.spans import Figures, Span
from streams.topology import STAGES

NONE = "-"


def table(result: Result) -> str:
    """A row a span, then the verdict in words."""
    shape = result.shape
    lines = [
        f"scaling out: {shape.rate_per_s:g} SMS/s, {result.nodes} broker(s), group protocol {shape.protocol}, "
        f"{os.cpu_count()} cores for everything",
        f"{'':22}{'members':>10}{'':7}{'ready':>7}{'SMS':>7}{'calls':>7}"
        f"  {'due to carrier, ms':^22}  {'lag, s, the highest of each second':^44}{'cores':>7}",
        f"{'':22}{'of each':>10}{'s':>7}{'s':>7}{'/s':>7}{'/s':>7}"
        f"  {'p50':>6}{'p99':>8}{'max':>8}  {''.join(f'{stage:>10}' for stage in STAGES)}{'busy':>7}",
    ]
    lines += [_row(span, figures) for span, figures in zip(result.spans, result.figures, strict=True)]
    return "\n".join([*lines, *verdict_lines(result)])


def _row(span: Span, found: Figures) -> str:
    called = found.called
    ready = NONE if span.ready_s is None else f"{span.ready_s:.1f}"
    late = "".join(
        f"{_ms(value):>{width}}"
        for value, width in ((called.p50_ms, 6), (called.p99_ms, 8), (called.max_ms, 8))
    )
    lags = "".join(f"{_s(found.lag_s.get(stage)):>10}" for stage in STAGES)
    cores = NONE if found.cores is None else f"{found.cores:.1f}"
    return (
        f"{span.name:22}{members_text(span.members):>10}{span.took_s:7.1f}{ready:>7}"
        f"{found.sms_per_s:7.1f}{found.calls_per_s:7.1f}  {late}  {lags}{cores:>7}"
    )


def _ms(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"


def _s(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def verdict_lines(result: Result) -> list[str]:
    """What the carrier's ground truth and the topics say of all of it."""
    v = result.verdict
    lines = [
        f"{v.sms:,} SMS, {v.keys:,} calls due, {v.calls:,} at the carrier, {v.heard:,} reminders heard, "
        f"{v.charges:,} charges of {v.charges_due:,} due",
        f"lost {v.lost}, most calls of one attempt {v.most_calls}, most hearings of one reminder {v.most_heard}, "
        f"early {v.early}, unknown for a time {v.unknown}",
    ]
    lines += [f"WRONG: {sentence}" for sentence in [*v.wrong, *v.missing][:20]]
    if result.unseen:
        lines.append(f"{len(result.unseen)} looks at the lag failed: {result.unseen[0]}")
    return lines


def as_object(result: Result) -> dict[str, Any]:
    """Everything, the samples too; times in epoch ms."""
    return {
        "fine": result.fine,
        "nodes": result.nodes,
        "shape": asdict(result.shape),
        "spans": [
            {**_plain(asdict(span)), "took_s": span.took_s, **_plain(asdict(found))}
            for span, found in zip(result.spans, result.figures, strict=True)
        ],
        "verdict": asdict(result.verdict),
        "looks_failed": list(result.unseen),
        "samples": [sample.as_json() for sample in result.samples],
    }


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in found.items()}
