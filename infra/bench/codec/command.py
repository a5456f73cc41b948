"""`python -m infra.bench codec`."""

from __future__ import annotations

import click

from infra.bench.options import json_flag
from infra.bench.reporting import end, report


@click.command()
@json_flag()
def codec(as_json: bool) -> None:
    """Our Avro codec against bare fastavro, one ReminderDue."""
    from infra.bench.codec.run import BAR, measure, table

    results = measure()
    fine = all(result.ratio <= BAR for result in results)
    report(
        lambda: {"bar": BAR, "fine": fine, "rows": [result.as_json() for result in results]},
        lambda: table(results),
        as_json=as_json,
    )
    end(fine=fine)
