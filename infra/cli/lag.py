"""`ringback lag`: how far each consumer group is behind, as a table, as JSON, or for Prometheus."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from connectors.settings import Settings
from infra.cli.errors import WrongUseError
from infra.cli.options import json_flag, settings_flags
from infra.cli.output import print_json

if TYPE_CHECKING:
    from connectors.lag import Lag, Observer

PORT = 9308
# A table wants its figures now; a longer look would count more of what lies far behind.
TABLE_READ_S = 0.5
LOOK_S = 10.0


@click.command()
@click.option("--serve", is_flag=True, help="Run as an exporter for Prometheus until SIGTERM or Ctrl-C.")
@click.option("--host", default="0.0.0.0", show_default=True, help="With --serve: address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="With --serve; 0: any free one.",
)
@click.option("--group", "groups", multiple=True, metavar="GLOB", help="Only these groups; several times.")
@click.option("--topic", "topics", multiple=True, metavar="GLOB", help="Only these topics; several times.")
@click.option(
    "--offsets-only",
    is_flag=True,
    help="Never read a record (no right to READ is needed): no readable records, no age.",
)
@click.option("--partitions", is_flag=True, help="A row for each partition.")
@click.option("--once", is_flag=True, help="One table, then end; so it is too where stdout is no terminal.")
@click.option(
    "--interval",
    "interval_s",
    type=click.FloatRange(min=0.2),
    default=2.0,
    show_default=True,
    metavar="S",
    help="Seconds between two looks of the live table.",
)
@json_flag
@settings_flags("kafka")
def lag(
    settings: Settings,
    serve: bool,
    host: str,
    port: int,
    groups: tuple[str, ...],
    topics: tuple[str, ...],
    offsets_only: bool,
    partitions: bool,
    once: bool,
    interval_s: float,
    as_json: bool,
) -> None:
    """Show how far each consumer group is behind: a live table, one JSON object, or an exporter.

    LAG is the end of the log less the committed offset, as Kafka's own tools have it; READABLE is how many records
    are left for a read-committed reader, without transaction markers and aborted records (~: an estimate), and OLDEST
    how old the first of them is. The exporter has every family of danielqsj/kafka_exporter under the same name, and
    more: connectors/lag/README.md.

    \b
    Examples:
      ringback lag                                     a table that stays up to date, until Ctrl-C
      ringback lag --group 'ringback.*' --partitions
      ringback lag --json | jq '.groups[] | {group, members}'
      ringback lag --serve --port 9308                 http://HOST:9308/metrics
    """
    from connectors.lag import Backlogs, Observer

    if serve and (as_json or once or partitions):
        raise WrongUseError("--serve goes with none of --json, --once and --partitions")
    config = settings.kafka_config()
    wants_group, wants_topic = matching(groups), matching(topics)
    backlogs = None if offsets_only else Backlogs()
    if serve:
        from infra.cli.run import log_to_stderr

        log_to_stderr()
        _serve(Observer(config, group=wants_group, topic=wants_topic, backlogs=backlogs), host, port)
        return
    observer = Observer(config, group=wants_group, topic=wants_topic, backlogs=backlogs, read_s=TABLE_READ_S)
    try:
        if as_json:
            from infra.cli.lag_view import as_object

            print_json(as_object(observer.look(LOOK_S)))
        elif once or not sys.stdout.isatty():
            from infra.cli.lag_view import plain

            click.echo(plain(observer.look(LOOK_S), partitions))
        else:
            _live(observer, partitions, interval_s)
    finally:
        observer.close()


def matching(globs: tuple[str, ...]) -> Callable[[str], bool]:
    """Does a name match one of them? Every name does where there are none."""
    return lambda name: not globs or any(fnmatchcase(name, each) for each in globs)


def _serve(observer: Observer, host: str, port: int) -> None:
    from connectors.lag import Exporter, LagServer
    from infra.cli.run import stop_on_signals

    exporter = Exporter(observer)
    try:
        server = LagServer(exporter, host, port)
    except OSError as error:
        raise WrongUseError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    stop = stop_on_signals()
    click.echo(f"http://{host}:{server.port}/metrics")
    stop.wait()
    server.close()
    exporter.close()


def _live(observer: Observer, partitions: bool, interval_s: float) -> None:
    import threading

    from confluent_kafka import KafkaException
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    from infra.cli.errors import kafka_text
    from infra.cli.lag_view import rich_table

    pause = threading.Event()  # never set: Ctrl-C ends the wait

    def show(found: Lag) -> Group:
        return rich_table(found, partitions)

    shown = show(observer.look(LOOK_S))
    with Live(shown, auto_refresh=False, screen=False) as live:
        while True:
            pause.wait(interval_s)
            try:
                shown = show(observer.look(LOOK_S))
                live.update(shown, refresh=True)
            except KafkaException as error:
                # What stands there is of the past, so it goes.
                live.update(Text(f"{kafka_text(error)} Trying again."), refresh=True)
