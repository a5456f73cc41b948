"""`python -m infra.bench lag`."""

from __future__ import annotations

import click

from infra.bench.options import json_flag
from infra.bench.reporting import end, report, telling


@click.command()
@click.option("--partitions", type=click.IntRange(10), default=1_000, show_default=True)
@click.option("--groups", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--scrapes", type=click.IntRange(1), default=7, show_default=True, help="Of each kind; medians."
)
@json_flag()
def lag(partitions: int, groups: int, scrapes: int, as_json: bool) -> None:
    """What a scrape of the lag exporter costs, on a broker of its own."""
    from infra.bench.lag.run import measure, table

    result = measure(partitions, groups, scrapes, telling(silent=as_json, err=True))
    report(result.as_json, lambda: table(result), as_json=as_json)
    end(fine=result.fine)
