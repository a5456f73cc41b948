"""`ringback run STAGE…`: members of the stages' consumer groups, in this process."""

from __future__ import annotations

import errno
import logging
import signal
import sys
import threading
from types import FrameType

import click

from connectors.settings import Settings
from infra.cli.errors import WrongUseError
from infra.cli.options import EVERYTHING, settings_flags
from streams.topology import STAGES, VIEWS


def log_to_stderr() -> None:
    """Lines for people and log collectors: time in UTC, level, where from, what."""
    import time

    formatter = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM or Ctrl-C sets; a second one ends the process at once."""
    stop = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask)
    return stop


@click.command()
@click.argument("stages", nargs=-1, required=True, type=click.Choice([*STAGES, VIEWS.name]), metavar="STAGE…")
@click.option(
    "--members", type=click.IntRange(1, 64), default=1, show_default=True, help="Members of each group."
)
@click.option(
    "--http-port",
    type=click.IntRange(0, 65535),
    metavar="P",
    help="Serve /healthz, /readyz and /metrics there.",
)
@click.option("--rebuild", is_flag=True, help="Forget what views have kept and read the topics anew.")
@settings_flags(*(g for g in EVERYTHING if g != "tenants"))
def run(
    settings: Settings, stages: tuple[str, ...], members: int, http_port: int | None, rebuild: bool
) -> int:
    """Run stages until SIGTERM or Ctrl-C: inbound, reminders, calls, replies, billing; one or several.

    views, alone or beside them, answers questions about reminders, counts, charges and dead letters over HTTP; each
    worker of it holds everything, so more of them answer more and there is one a process. It writes where it listens,
    and where its token lies, when it starts; the interface is at /openapi.json there.

    Start it again, here or on another machine, to add members; each needs a state folder of its own. Stopping
    finishes what is in hand, commits, and gives the partitions to the others.

    \b
    Examples:
      ringback run inbound reminders calls replies billing
      ringback run calls --members 2 --http-port 9400
      ringback run views --views-port 8070 --http-port 9400
      ringback run views --rebuild
    """
    if rebuild and VIEWS.name not in stages:
        raise click.BadOptionUsage("rebuild", "--rebuild is for views alone: stages restore themselves")
    log_to_stderr()
    # A stage is named once, however often it was typed; in the order of the pipeline.
    names = [name for name in STAGES if name in stages]
    try:
        if VIEWS.name not in stages:
            from infra.run.stages import run_stages

            return run_stages(names, settings, members, http_port, stop_on_signals())
        from infra.run.views import forget, run_with_views

        settings.require("kafka_bootstrap_servers")
        if rebuild:
            forget(settings)
        return run_with_views(names, settings, members, http_port, stop_on_signals())
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise WrongUseError(
            f"cannot listen on {_listening(settings, stages, http_port)}: {error.strerror}"
        ) from error


def _listening(settings: Settings, stages: tuple[str, ...], http_port: int | None) -> str:
    ports = [] if http_port is None else [f"port {http_port}"]
    if VIEWS.name in stages:
        ports.append(f"{settings.views_host}:{settings.views_port}")
    return " or ".join(ports)
