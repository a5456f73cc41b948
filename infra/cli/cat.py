"""`ringback cat TOPIC`: records, decoded, one a line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from connectors.settings import Settings
from infra.cli.errors import WrongUseError
from infra.cli.options import json_flag, settings_flags
from infra.cli.output import instant, json_line, masked, print_json

if TYPE_CHECKING:
    from connectors.kafka.browse import Found

TAIL = 10


@click.command()
@click.argument("topic")
@click.option("--from-beginning", is_flag=True, help="Everything that the topic holds, oldest first.")
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--partition", type=click.IntRange(min=0), help="Only this partition.")
@click.option("--max", "limit", type=click.IntRange(min=1), metavar="N", help="At most N records.")
@json_flag
@settings_flags("kafka", "registry")
def cat(
    settings: Settings,
    topic: str,
    from_beginning: bool,
    follow: bool,
    partition: int | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Print the records of TOPIC, decoded, one a line; only what is committed.

    Alone it prints the newest ten (or N with --max) and ends. With --from-beginning it prints all and ends
    where the topic ended when it began. With --follow it goes on: after everything with --from-beginning,
    else with what comes from now on.

    \b
    One JSON object a line with --json:
      {"topic": …, "partition": …, "offset": …, "timestamp": epoch ms, "key": …, "value": {…}}
    Bytes are base64. A value that is no record of ours is shown as base64 with an "error" beside it.

    \b
    Examples:
      ringback cat reminders.events
      ringback cat billing.charges --from-beginning --json | jq .value.amount
      ringback cat calls.events --follow
    """
    from infra.cli.values import as_json as shown
    from infra.cli.values import codec_of

    codec = codec_of(settings)
    for record in islice(_records(settings, topic, from_beginning, follow, partition, limit), limit):
        line = shown(codec, record)
        if as_json:
            print_json(line)
        else:
            click.echo(_human(line))


def _records(
    settings: Settings,
    topic: str,
    from_beginning: bool,
    follow: bool,
    partition: int | None,
    limit: int | None,
) -> Iterator[Found]:
    from connectors.kafka.browse import BEGINNING, ends, places, read, reader
    from connectors.kafka.topics import admin_client

    config = settings.kafka_config()
    consumer = reader(config)
    try:
        wanted = [p for p in places(consumer, [topic]) if partition in (None, p[1])]
        if not wanted:
            raise WrongUseError(f"{topic} has no partition {partition}")
        now = ends(admin_client(config), wanted)
        if from_beginning:
            yield from read(consumer, dict.fromkeys(wanted, BEGINNING), None if follow else now)
        elif follow:
            yield from read(consumer, now)
        else:
            # Markers of transactions hold offsets too, so look back further than the records that are wanted.
            count = limit or TAIL
            start = {place: max(0, end - 4 * count - 20) for place, end in now.items()}
            newest = sorted(read(consumer, start, now), key=lambda r: (r.timestamp_ms, r.partition, r.offset))
            yield from newest[-count:]
    finally:
        consumer.close()


def _human(line: dict[str, Any]) -> str:
    value = line["value"]
    body = value if isinstance(value, str) else json_line(value) if value is not None else "(tombstone)"
    where = f"{instant(line['timestamp'])} {line['topic']} {line['partition']}@{line['offset']}"
    error = f" ({line['error']})" if "error" in line else ""
    return masked(f"{where} {line['key'] or '-'} {body}{error}")
