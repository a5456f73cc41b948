"""`ringback parse`: what the phrase reader makes of a text."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import click

from infra.cli.errors import ANSWER_IS_NO, DONE
from infra.cli.options import json_flag
from infra.cli.output import instant, print_json, table


def _epoch_ms(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> int:
    if value is None:
        return time.time_ns() // 1_000_000
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not ISO 8601, such as 2026-11-21T10:00:00Z") from None
    if moment.tzinfo is None:
        raise click.BadParameter(f"{value!r} has no zone; add Z or an offset such as +01:00")
    return round(moment.timestamp() * 1000)


@click.command()
@click.argument("text", nargs=-1, required=True)
@click.option(
    "--at", "received_at", callback=_epoch_ms, metavar="ISO", help="When it was received; default: now."
)
@click.option("--zone", default="UTC", show_default=True, help="The user's zone, such as Europe/Berlin.")
@click.option("--country", default="US", show_default=True, help="Decides what 3/4 means.")
@json_flag
def parse(text: tuple[str, ...], received_at: int, zone: str, country: str, as_json: bool) -> int:
    """Show what the phrase reader understands, and which instant is meant.

    Exit code 1 when it is not understood, or has no time that could be met.

    \b
    Examples:
      ringback parse "Remind me to buy milk at 6:30 PM" --zone America/New_York
      ringback parse "Remind Jan 3 about the dentist" --at 2026-11-21T10:00:00Z
    """
    from streams.phrases.read import read
    from streams.phrases.resolve import resolve
    from streams.phrases.zones import zone_of

    try:
        zone_of(zone)
    except ValueError:
        raise click.BadParameter(f"{zone!r} is not a time zone", param_hint="--zone") from None
    command = read(" ".join(text))
    shown: dict[str, Any] = {"command": command.name}
    for name in ("subject", "number", "zone"):
        if (value := getattr(command, name)) is not None:
            shown[name] = value
    understood = command.name != "unreadable"
    if command.when is not None:
        shown["when"] = {k: v for k, v in command.when.to_record().items() if v not in (None, False)}
        resolution = resolve(command.when, received_at, zone, country)
        shown["due_at"] = None if resolution.due_at is None else instant(resolution.due_at)
        if resolution.reason:
            shown["reason"] = resolution.reason
        understood = resolution.due_at is not None
    elif command.name == "remind":
        shown["reason"] = "no_time"
        understood = False
    if as_json:
        print_json(shown)
    else:
        click.echo(table([(name, _plain(value)) for name, value in shown.items()]))
    return DONE if understood else ANSWER_IS_NO


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items()) or "-"
    return "-" if value is None else str(value)
