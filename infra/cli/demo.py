"""`ringback demo`: a dozen SMS, their calls and charges, checked against each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.settings import Settings
from infra.cli.errors import ANSWER_IS_NO, DONE, INTERRUPTED
from infra.cli.options import json_flag, settings_flags
from infra.cli.output import plain, print_json, say, table
from infra.cli.up import folder_option, interruptible

if TYPE_CHECKING:
    from infra.demo.agree import Agreement, TenantRow


@click.command()
@folder_option("demo")
@click.option("--fresh", is_flag=True, help="Forget everything that the folder holds.")
@json_flag
@settings_flags("kafka", "redis", "registry", "carrier", "public", "tenants", "group", find_running=False)
def demo(settings: Settings, folder: Path, fresh: bool, as_json: bool) -> int:
    """Run everything, send a dozen SMS, show each on its way, and check that calls, answers and charges agree.

    Takes less than a minute once the cluster is up. Exit code 1 when anything disagrees. With the broker, Redis
    or the carrier away in the middle it waits, says for what, and ends after they are back.

    \b
    Examples:
      ringback demo
      KAFKA_BOOTSTRAP_SERVERS=localhost:9092 REDIS_URL=redis://localhost:6379/0 ringback demo
    """
    from infra.demo.main import run_demo

    with interruptible():
        try:
            agreements, rows = run_demo(settings, folder, fresh, say)
        except KeyboardInterrupt:
            say("stopped")
            return INTERRUPTED
    agreed = all(a.holds for a in agreements)
    if as_json:
        print_json(
            {
                "agreed": agreed,
                "tenants": [{name: getattr(row, name) for name in row.__slots__} for row in rows],
                "checks": [{name: getattr(a, name) for name in a.__slots__} for a in agreements],
            }
        )
    else:
        _show(agreements, rows)
    return DONE if agreed else ANSWER_IS_NO


def _show(agreements: Sequence[Agreement], rows: Sequence[TenantRow]) -> None:
    heading = ("TENANT", "SMS", "OUTCOMES", "REMINDERS", "CALLS", "ANSWERED", "REPLIES", "CHARGES", "AMOUNT")
    lines = [
        (
            r.tenant,
            *map(str, (r.sms, r.outcomes, r.reminders, r.calls, r.answers, r.replies, r.charges)),
            f"{plain(r.amount)} {r.currency}",
        )
        for r in rows
    ]
    click.echo(table([heading, *lines]))
    click.echo()
    marks = {True: click.style("agrees", fg="green"), False: click.style("DIFFERS", fg="red")}
    click.echo(
        table(
            [("", "WANTED", "FOUND", ""), *((a.what, a.wanted, a.found, marks[a.holds]) for a in agreements)]
        )
    )
    wrong = sum(not a.holds for a in agreements)
    click.echo()
    click.echo(
        f"{wrong} of {len(agreements)} checks differ"
        if wrong
        else f"all {len(agreements)} checks agree: SMS, reminders, calls, answers and charges"
    )
