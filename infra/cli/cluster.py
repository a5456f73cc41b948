"""`ringback cluster start|stop|status`: a Kafka and a Redis on this machine that outlive their command."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from connectors.settings import default_state_dir
from infra.cli.errors import ANSWER_IS_NO, DONE
from infra.cli.options import json_flag
from infra.cli.output import print_json, say

_dir = click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(default_state_dir()) / "cluster",
    show_default="the user's state folder",
    help="Where the cluster keeps its data; one cluster a directory.",
)


@click.group()
def cluster() -> None:
    """Start, stop or look at a local Kafka and Redis.

    \b
    Examples:
      eval "$(ringback cluster start --nodes 3 --dir ./state)"
      ringback cluster status --dir ./state
      ringback cluster stop --dir ./state
    """


@cluster.command()
@click.option("--nodes", type=click.Choice(["1", "3"]), default="1", show_default=True, help="Kafka nodes.")
@click.option("--fresh", is_flag=True, help="Delete what the directory held.")
@_dir
@json_flag
def start(nodes: str, fresh: bool, folder: Path, as_json: bool) -> None:
    """Start brokers and Redis, print the two settings as shell lines, and return; they go on running.

    Where that cluster runs already, its settings are printed again.
    """
    from infra.cluster import directory
    from infra.cluster.cluster import LocalCluster

    running = None if fresh else directory.status(folder)
    if running is not None and running.running and running.nodes == int(nodes):
        bootstrap, redis = running.bootstrap_servers, running.redis_url
    else:
        started = LocalCluster.start(folder, nodes=int(nodes), wipe=fresh, progress=say, detached=True)
        bootstrap, redis = started.bootstrap_servers, started.redis_url
    found = {"KAFKA_BOOTSTRAP_SERVERS": bootstrap, "REDIS_URL": redis}
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@cluster.command()
@_dir
@json_flag
def stop(folder: Path, as_json: bool) -> None:
    """Stop brokers and Redis; their data stays. Stopping what does not run is done already."""
    from infra.cluster import directory

    stopped = directory.stop(folder)
    if as_json:
        print_json({"dir": str(folder), "stopped": stopped})
    else:
        say(f"stopped the cluster in {folder}" if stopped else f"nothing runs in {folder}")


@cluster.command()
@_dir
@json_flag
def status(folder: Path, as_json: bool) -> int:
    """Say what runs in the directory. Exit code 1 unless all of it does."""
    from infra.cluster import directory

    found = directory.status(folder)
    running = found is not None and found.running
    if as_json:
        about = (
            {}
            if found is None
            else {
                "nodes": found.nodes,
                "KAFKA_BOOTSTRAP_SERVERS": found.bootstrap_servers,
                "REDIS_URL": found.redis_url,
                "pids": found.pids,
                "detached": found.detached,
            }
        )
        print_json({"dir": str(folder), "running": running, **about})
    elif found is None:
        click.echo(f"no cluster was started in {folder}")
    else:
        click.echo("running" if running else "partly running" if found.pids else "stopped")
        for name, pid in found.pids.items():
            click.echo(f"  {name}  pid {pid}")
        if running:
            click.echo(f"  Kafka {found.bootstrap_servers}\n  Redis {found.redis_url}")
    return DONE if running else ANSWER_IS_NO
