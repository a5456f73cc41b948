"""`python -m infra.bench calls`."""

from __future__ import annotations

import click

from infra.bench.options import json_flag
from infra.bench.reporting import end, report, telling


@click.command()
@click.option(
    "--number", type=click.IntRange(1_000), default=15_000, show_default=True, help="Calls in a run."
)
@click.option(
    "--in-flight", type=click.IntRange(1), default=200, show_default=True, help="Of the plain requests."
)
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True, help="Of each, in turn.")
@click.option(
    "--life/--no-life", "with_life", default=True, show_default=True, help="The whole life of calls too."
)
@json_flag()
def calls(number: int, in_flight: int, runs: int, *, with_life: bool, as_json: bool) -> None:
    """One member of the calling consumer against a carrier that only answers 201, beside the same requests alone.

    \b
    Examples:
      python -m infra.bench calls                    two minutes
      python -m infra.bench calls --no-life --runs 1 --number 5000
    """
    from infra.bench.calls.run import measure, table

    result = measure(number, in_flight, runs, with_life=with_life, progress=telling(silent=as_json))
    report(result.as_json, lambda: table(result), as_json=as_json)
    end(fine=result.fine)
