"""`python -m infra.bench scaling`: run, print, draw, judge."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from infra.bench.options import counts, json_flag, nodes_option, protocol_option
from infra.bench.reporting import end, report, telling
from infra.bench.scaling.shape import Shape
from streams.topology import STAGES

HEAP_MB = 512


def _member_counts(_ctx: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    return counts(text, "1,4,2")


@click.command()
@click.option(
    "--stage",
    "stages",
    multiple=True,
    type=click.Choice(list(STAGES)),
    help="Which get more members, several times; default: all.",
)
@click.option(
    "--members",
    default="1,4,2",
    show_default=True,
    metavar="N,N",
    callback=_member_counts,
    help="Of each of them, one count after the other.",
)
@click.option("--together", is_flag=True, help="All stages at once, not one after the other.")
@click.option(
    "--rate", "rate_per_s", type=click.FloatRange(0.1, 150), default=2.0, show_default=True, help="SMS/s."
)
@click.option(
    "--hold",
    "hold_s",
    type=click.FloatRange(1),
    default=5.0,
    show_default=True,
    help="Seconds that each count stays once the change has been overcome.",
)
@protocol_option
@nodes_option("3")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the due times.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the lag into this file, .svg or .png.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where a folder with the logs and the carrier's truth.jsonl stays. Default: one that goes.",
)
@json_flag(", progress on stderr")
def scaling(
    stages: tuple[str, ...],
    members: tuple[int, ...],
    together: bool,
    rate_per_s: float,
    hold_s: float,
    protocol: str,
    nodes: str,
    seed: int,
    plot: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Members of each stage come and go under load: nothing lost, doubled or early; lag and lateness meanwhile.

    \b
    Examples:
      python -m infra.bench scaling                              each stage in turn 1, 4, 2 members: four minutes
      python -m infra.bench scaling --together --protocol consumer --plot lag.svg
      python -m infra.bench scaling --stage calls --members 1,2,1 --nodes 1 --rate 10 --json
    """
    chosen = tuple(stage for stage in STAGES if stage in stages or not stages)
    try:
        shape = Shape(chosen, members, rate_per_s, hold_s, together=together, protocol=protocol, seed=seed)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    from infra.cluster import ClusterError

    try:
        fine = _run(shape, nodes=int(nodes), plot=plot, folder=folder, as_json=as_json)
    except (ClusterError, TimeoutError) as error:
        raise click.ClickException(str(error)) from error
    end(fine=fine)


def _run(shape: Shape, *, nodes: int, plot: Path | None, folder: Path | None, as_json: bool) -> bool:
    """Whether nothing was lost, doubled or early, and all has an end.

    Raises ClusterError, TimeoutError, KafkaException.
    """
    if plot is not None:
        import matplotlib  # noqa: F401  # that it is missing shall not be found out after three minutes
    from infra.bench.scaling.run import Run
    from infra.bench.scaling.table import as_object, table
    from infra.cluster import LocalCluster

    progress = telling(err=as_json)
    with (
        _folder(folder) as where,
        LocalCluster.start(where / "cluster", nodes=nodes, progress=progress, heap_mb=HEAP_MB) as cluster,
    ):
        result = Run(cluster, where, shape, progress).run(nodes)
    report(lambda: as_object(result), lambda: table(result), as_json=as_json)
    if plot is not None:
        from infra.bench.scaling.plot import draw

        draw(result, plot)
    return result.fine


@contextmanager
def _folder(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield Path(tempfile.mkdtemp(prefix="scaling-", dir=folder))
        return
    with tempfile.TemporaryDirectory(prefix="bench-scaling-") as name:
        yield Path(name)
