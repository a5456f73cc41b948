"""`ringback up`: everything on this machine, for as long as it runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from connectors.settings import Settings, default_state_dir
from infra.cli.errors import WrongUseError
from infra.cli.options import Command, json_flag, settings_flags
from infra.cli.output import say


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM is Ctrl-C. Once the block was interrupted, neither disturbs the stopping."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {n: signal.signal(n, interrupt) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def folder_option(name: str) -> Callable[[Command], Command]:
    """--dir of `up` and `demo`, each with a folder of its own in the user's state folder."""
    return click.option(
        "--dir",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        default=lambda: Path(default_state_dir()) / name,
        show_default=f"{name} in the user's state folder",
        help="Where the cluster, the logs and the state are kept.",
    )


@click.command()
@click.option("--nodes", type=click.Choice(["1", "3"]), default="1", show_default=True, help="Kafka nodes.")
@folder_option("up")
@click.option("--fresh", is_flag=True, help="Forget everything that the folder holds.")
@click.option(
    "--metrics", is_flag=True, help="Run the lag exporter and, where one is installed, a Prometheus."
)
@click.option(
    "--prometheus-port",
    type=click.IntRange(1, 65535),
    metavar="P",
    help="With --metrics; without it 9090, or another where that is taken.",
)
@json_flag
@settings_flags(
    "kafka", "redis", "registry", "carrier", "public", "tenants", "resolve", "group", find_running=False
)
def up(
    settings: Settings,
    nodes: str,
    folder: Path,
    fresh: bool,
    metrics: bool,
    prometheus_port: int | None,
    as_json: bool,
) -> None:
    """Run cluster, stages, gateway and a simulated carrier, show what happens, until Ctrl-C.

    What a setting names is used instead of being started: Kafka and Redis by KAFKA_BOOTSTRAP_SERVERS and
    REDIS_URL, the carrier by TWILIO_BASE_URL. RINGBACK_TENANTS names a tenants file; without it there are two
    demo tenants. Other commands in another shell find a running `up` by themselves.

    With --metrics a Prometheus scrapes every process and evaluates the alerts of infra/monitoring; the addresses and
    a configuration that another Prometheus takes as it is, prometheus.yaml in the folder, are said at the start.

    \b
    Examples:
      ringback up
      ringback up --nodes 3 --dir ./state --fresh
      ringback up --metrics --prometheus-port 9091
      TWILIO_BASE_URL=https://api.twilio.com PUBLIC_URL=https://… ringback up
    """
    from infra.cli.output import print_json
    from infra.cli.running import Running, announced
    from infra.cli.trace import Step
    from infra.demo.board import Board, line_of, live
    from infra.demo.observing import Observing
    from infra.demo.system import System
    from infra.demo.watch import Watch

    if prometheus_port is not None and not metrics:
        raise WrongUseError("--prometheus-port goes with --metrics")
    observing = Observing(prometheus_port) if metrics else None
    with interruptible():
        try:
            with System(settings, folder, say, nodes=int(nodes), fresh=fresh, observing=observing) as system:
                environment = system.environment()
                with announced(Running("up", str(system.folder), environment)):
                    _introduce(system)
                    board = Board("ringback up, Ctrl-C stops it")
                    with live(board.table) as shown:

                        def tell(step: Step) -> None:
                            board.add(step)
                            if as_json:
                                print_json({"user": step.user, "topic": step.record.topic, "what": step.what})
                            elif shown is None:
                                click.echo(line_of(step))

                        with Watch(system.settings, tell):
                            threading.Event().wait()
        except KeyboardInterrupt:
            say("stopping")


def _introduce(system: object) -> None:
    from infra.demo.system import System

    assert isinstance(system, System)
    say("ready. In another shell the commands find this by themselves; anything else needs:")
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "TWILIO_BASE_URL", "PUBLIC_URL"):
        say(f"  export {name}={system.environment().get(name, '')}")
    number = system.tenants[0].numbers[0]
    say(f'  ringback send --from +15550001234 --to {number} "Remind me to stretch in 10 seconds"')
    say("  ringback trace +15550001234")
    say(f"  logs: {system.folder / 'logs'}")
    if system.scraped is not None:
        for line in system.scraped.told():
            say(f"  {line}")
