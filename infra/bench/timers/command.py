"""What `python -m infra.bench timers` does: run, print, draw, judge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from infra.bench.timers.measures import measures
from infra.bench.timers.run import WORKS, run
from infra.bench.timers.scale import SCALES
from infra.bench.timers.table import OURS, figures, table, verdicts


def main(
    works: Sequence[str],
    peers: Sequence[str],
    *,
    scale: str,
    nodes: int,
    protocol: str,
    pending: Sequence[int],
    seed: int | None,
    png: Path | None,
    as_json: bool,
) -> int:
    """The exit code: 1 when a bar is missed, a timer was lost, doubled or early, or a wanted work has no figures."""
    size = SCALES[scale]
    if seed is not None:
        size = replace(size, seed=seed)
    progress = (lambda _line: None) if as_json else click.echo
    report = run(
        [w for w in works if w in WORKS],
        peers,
        size,
        nodes=nodes,
        protocol=protocol,
        progress=progress,
        pending=pending,
    )
    rows = measures(nodes, protocol)
    met = verdicts(rows, figures(report.outcomes))
    ours = [o for o in report.outcomes if o.subject.startswith(OURS)]
    fine = (
        all(met.values())
        and not any(o.faults for o in ours)
        and not any(name.startswith(OURS) for name in report.absent)
    )
    if as_json:
        found = {
            "scale": scale,
            "nodes": nodes,
            "protocol": protocol,
            "pending": list(pending) or [size.pending],
            "fine": fine,
            "bars": met,
            "absent": report.absent,
            "outcomes": [o.as_json() for o in report.outcomes],
        }
        click.echo(json.dumps(found))
    else:
        before = " ".join(f"{count:,}" for count in pending or [size.pending])
        click.echo(
            f"timers, {scale} scale, {nodes} broker(s), group protocol {protocol}, {before} pending beforehand"
        )
        click.echo(table(rows, report.outcomes, report.absent))
    if png is not None:
        from infra.bench.timers.plot import draw

        draw(report.outcomes, png)
    return 0 if fine else 1
