"""`python -m infra.bench views`."""

from __future__ import annotations

import click

from infra.bench.options import json_flag
from infra.bench.reporting import end, report, telling


@click.command()
@click.option(
    "--lives",
    type=click.IntRange(100),
    default=10_000,
    show_default=True,
    help="Reminders, ten records each.",
)
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True, help="Medians.")
@json_flag()
def views(lives: int, runs: int, as_json: bool) -> None:
    """How many records a CPU second the read models take in, on a broker of its own."""
    from infra.bench.views.run import measure, table

    result = measure(lives, runs, telling(silent=as_json, err=True))
    report(result.as_json, lambda: table(result), as_json=as_json)
    end(fine=result.fine)
