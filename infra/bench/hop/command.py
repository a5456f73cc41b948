"""`python -m infra.bench hop`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from infra.bench.options import json_flag
from infra.bench.reporting import end, report, telling


@click.command()
@click.option("--runs", default=5, show_default=True, help="Alternating runs of each loop.")
@click.option("--hops", default=300, show_default=True, help="Records in a run, one at a time.")
@json_flag()
def hop(runs: int, hops: int, as_json: bool) -> None:
    """One hop of the loop, poll returning to commit returning, against a bare loop of thirty lines."""
    from infra.bench.hop.run import BAR, measure, table
    from infra.cluster import LocalCluster, existing

    bootstrap, _ = existing()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        if bootstrap:
            results = measure(bootstrap, folder, runs, hops)
        else:
            with LocalCluster.start(folder / "cluster", progress=telling(silent=as_json)) as cluster:
                results = measure(cluster.bootstrap_servers, folder, runs, hops)
    fine = all(result.ratio <= BAR for result in results)
    report(
        lambda: {"bar": BAR, "fine": fine, "rows": [result.as_json() for result in results]},
        lambda: table(results, runs, hops),
        as_json=as_json,
    )
    end(fine=fine)
