"""`python -m infra.bench stores`."""

from __future__ import annotations

import click

from infra.bench.options import json_flag
from infra.bench.reporting import report


@click.command()
@click.option(
    "--number", type=click.IntRange(1_000), default=200_000, show_default=True, help="Keys in each store."
)
@json_flag()
def stores(number: int, as_json: bool) -> None:
    """The engines that could hold a partition's timers: insert, read, pop in due order, open again, RAM, disk.

    \b
    Examples:
      python -m infra.bench stores                   a minute
      python -m infra.bench stores --number 1000000 --json
    """
    from infra.bench.stores.run import compare, table

    found = compare(number)
    report(lambda: {"number": number, "engines": found}, lambda: table(found, number), as_json=as_json)
