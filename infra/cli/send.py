"""`ringback send`: one SMS, as any producer would write it."""

from __future__ import annotations

import json
import secrets
import time

import click

from connectors.settings import Settings
from infra.cli.options import json_flag, settings_flags
from infra.cli.output import instant, print_json
from streams.ids import is_e164
from streams.topology import SMS_INBOUND


def new_sid() -> str:
    """A message sid in the carrier's form."""
    return "SM" + secrets.token_hex(16)


def _number(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not is_e164(value):
        raise click.BadParameter(f"{value!r} is not an E.164 number such as +14155550101")
    return value


@click.command()
@click.option("--from", "sender", required=True, callback=_number, help="The user's number.")
@click.option("--to", required=True, callback=_number, help="Our number: one that a tenant owns.")
@click.option("--sid", help="The carrier's name for the SMS; default: a new one. Twice the same is one SMS.")
@click.argument("text", nargs=-1, required=True)
@json_flag
@settings_flags("kafka")
def send(
    settings: Settings, sender: str, to: str, sid: str | None, text: tuple[str, ...], as_json: bool
) -> None:
    """Write one SMS to `sms.inbound` and print its sid.

    \b
    Examples:
      ringback send --from +14155550101 --to +14155550100 "Remind me to buy milk at 6:30 PM"
      ringback send --from +14155550101 --to +14155550100 list
      ringback trace $(ringback send --from +14155550101 --to +14155550100 "Remind me to stretch in 5 s")
    """
    from infra.cli.produce import ToWrite, write

    sid = sid or new_sid()
    sms = {
        "message_sid": sid,
        "from": sender,
        "to": to,
        "body": " ".join(text),
        "received_at": instant(time.time_ns() // 1_000_000),
    }
    value = json.dumps(sms, ensure_ascii=False).encode()
    [(partition, offset)] = write(settings.kafka_config(), [ToWrite(SMS_INBOUND.name, None, value)])
    if as_json:
        print_json({**sms, "topic": SMS_INBOUND.name, "partition": partition, "offset": offset})
    else:
        click.echo(sid)
