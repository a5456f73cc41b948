"""`python -m infra.bench metrics`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from infra.bench.options import json_flag
from infra.bench.reporting import end, report, telling


@click.command()
@click.option(
    "--stretches",
    type=click.IntRange(3),
    default=30,
    show_default=True,
    help="Seconds or so with metrics, between as many without.",
)
@json_flag()
def metrics(stretches: int, as_json: bool) -> None:
    """What metrics cost the timer stream, in CPU a record."""
    from infra.bench.metrics.run import BAR, measure, table
    from infra.cluster import LocalCluster

    progress = telling(silent=as_json, err=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        # Always a broker of its own: the stages of another would read the backlog, and be called by it.
        with LocalCluster.start(folder / "cluster", progress=progress) as cluster:
            rows = measure(cluster.bootstrap_servers, folder, stretches, progress)
    fine = all(row.cost <= BAR for row in rows)
    report(
        lambda: {"bar": BAR, "fine": fine, "rows": [row.as_json() for row in rows]},
        lambda: table(rows),
        as_json=as_json,
    )
    end(fine=fine)
