"""`ringback config`: what is in force, and why."""

from __future__ import annotations

import click

from connectors.settings import Settings
from infra.cli.options import EVERYTHING, json_flag, settings_flags
from infra.cli.output import print_json, table


@click.command()
@json_flag
@settings_flags(*EVERYTHING)
def config(settings: Settings, as_json: bool) -> None:
    """Print the settings in force and where each comes from; secrets are masked.

    A flag wins over the environment, the environment over an `up` or `demo` that runs here, that over the
    default.

    \b
    Examples:
      ringback config
      REDIS_URL=redis://cache:6379/0 ringback config --json
    """
    rows = settings.shown()
    if as_json:
        for row in rows:
            print_json(row)
        return
    click.echo(
        table([(r["setting"], "-" if r["value"] is None else str(r["value"]), r["source"]) for r in rows])
    )
