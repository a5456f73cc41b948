"""`python -m infra.bench NAME`: run a measurement, print its table, exit 1 when the bar is missed."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import click

from infra.bench import codec as codec_bench
from infra.bench.hop import BAR, HopResult, measure
from infra.cluster import ClusterError, LocalCluster, existing
from streams.topology import STAGES


@click.group()
def bench() -> None:
    """Measure what the design promises."""


@bench.command()
@click.option("--runs", default=5, show_default=True, help="Alternating runs of each loop.")
@click.option("--hops", default=300, show_default=True, help="Records in a run, one at a time.")
@click.option("--json", "as_json", is_flag=True, help="One object instead of a table.")
def hop(runs: int, hops: int, as_json: bool) -> None:
    """One hop of the loop, poll returning to commit returning, against a bare loop of thirty lines."""
    bootstrap, _ = existing()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        if bootstrap:
            results = measure(bootstrap, folder, runs, hops)
        else:
            progress = (lambda _line: None) if as_json else click.echo
            with LocalCluster.start(folder / "cluster", progress=progress) as cluster:
                results = measure(cluster.bootstrap_servers, folder, runs, hops)
    fine = all(result.ratio <= BAR for result in results)
    if as_json:
        click.echo(json.dumps({"bar": BAR, "fine": fine, "rows": [result.as_json() for result in results]}))
    else:
        click.echo(table(results, runs, hops))
    sys.exit(0 if fine else 1)


def table(results: list[HopResult], runs: int, hops: int) -> str:
    """Medians over the runs, milliseconds."""
    lines = [f"one hop, medians of {runs} alternating runs of {hops} records, ms"]
    lines.append(f"{'':28}{'bare p50':>9}{'p99':>8}{'loop p50':>10}{'p99':>8}{'ratio':>8}")
    for result in results:
        bare, ours = result.bare, result.ours
        verdict = "" if result.ratio <= BAR else f"  above {BAR}"
        lines.append(
            f"{result.name:28}{bare.p50_ms:9.2f}{bare.p99_ms:8.2f}"
            f"{ours.p50_ms:10.2f}{ours.p99_ms:8.2f}{result.ratio:7.2f}x{verdict}"
        )
    return "\n".join(lines)


@bench.command()
@click.option("--json", "as_json", is_flag=True, help="One object instead of a table.")
def codec(as_json: bool) -> None:
    """Our Avro codec against bare fastavro, one ReminderDue."""
    results = codec_bench.measure()
    fine = all(result.ratio <= codec_bench.BAR for result in results)
    if as_json:
        rows = [result.as_json() for result in results]
        click.echo(json.dumps({"bar": codec_bench.BAR, "fine": fine, "rows": rows}))
    else:
        click.echo("one ReminderDue, best of short rounds, us\n            fastavro   codec   ratio")
        for row in results:
            click.echo(f"{row.name:12}{row.bare_us:8.2f}{row.ours_us:8.2f}{row.ratio:7.2f}x")
    sys.exit(0 if fine else 1)


@bench.command()
@click.option("--partitions", type=click.IntRange(10), default=1_000, show_default=True)
@click.option("--groups", type=click.IntRange(1), default=20, show_default=True)
@click.option(
    "--scrapes", type=click.IntRange(1), default=7, show_default=True, help="Of each kind; medians."
)
@click.option("--json", "as_json", is_flag=True, help="One object instead of a table.")
def lag(partitions: int, groups: int, scrapes: int, as_json: bool) -> None:
    """What a scrape of the lag exporter costs, on a broker of its own."""
    from infra.bench import lag as lag_bench

    progress = (lambda _line: None) if as_json else (lambda line: click.echo(line, err=True))
    result = lag_bench.measure(partitions, groups, scrapes, progress)
    click.echo(json.dumps(result.as_json()) if as_json else lag_bench.table(result))
    sys.exit(0 if result.fine else 1)


@bench.command()
@click.option(
    "--lives",
    type=click.IntRange(100),
    default=10_000,
    show_default=True,
    help="Reminders, ten records each.",
)
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True, help="Medians.")
@click.option("--json", "as_json", is_flag=True, help="One object instead of a table.")
def views(lives: int, runs: int, as_json: bool) -> None:
    """How many records a CPU second the read models take in, on a broker of its own."""
    from infra.bench import views as views_bench

    progress = (lambda _line: None) if as_json else (lambda line: click.echo(line, err=True))
    result = views_bench.measure(lives, runs, progress)
    click.echo(json.dumps(result.as_json()) if as_json else views_bench.table(result))
    sys.exit(0 if result.fine else 1)


@bench.command()
@click.option(
    "--stretches",
    type=click.IntRange(3),
    default=30,
    show_default=True,
    help="Seconds or so with metrics, between as many without.",
)
@click.option("--json", "as_json", is_flag=True, help="One object instead of a table.")
def metrics(stretches: int, as_json: bool) -> None:
    """What metrics cost the timer stream, in CPU a record."""
    from infra.bench import metrics as metrics_bench

    progress = (lambda _line: None) if as_json else (lambda line: click.echo(line, err=True))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        # Always a broker of its own: the stages of another would read the backlog, and be called by it.
        with LocalCluster.start(folder / "cluster", progress=progress) as cluster:
            rows = metrics_bench.measure(cluster.bootstrap_servers, folder, stretches, progress)
    fine = all(row.cost <= metrics_bench.BAR for row in rows)
    if as_json:
        result = {"bar": metrics_bench.BAR, "fine": fine, "rows": [row.as_json() for row in rows]}
        click.echo(json.dumps(result))
    else:
        click.echo(metrics_bench.table(rows))
    sys.exit(0 if fine else 1)


WORKS = [f"W{number}" for number in range(1, 8)]
PEERS = ["ringback", "kstreams", "kstreams-100ms", "nats", "bullmq"]
TIGHT = "ringback-tight"  # ours with small buffers: slow on purpose, so it is run by name only


def counts(_ctx: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    """`10000,100000` as numbers, each once, the smallest first."""
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdigit() for part in parts):
        raise click.BadParameter(f"{text!r} is not counts with commas between, as 10000,100000")
    return tuple(sorted({int(part) for part in parts}))


@bench.command()
@click.option("--work", "works", multiple=True, type=click.Choice(WORKS), help="Several times; default: all.")
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=click.Choice([*PEERS, TIGHT]),
    help="Several times; default: all but the tight one.",
)
@click.option("--scale", type=click.Choice(["small", "medium", "full"]), default="small", show_default=True)
@click.option("--nodes", type=click.Choice(["1", "3"]), default="1", show_default=True, help="Brokers.")
@click.option("--protocol", type=click.Choice(["classic", "consumer"]), default="classic", show_default=True)
@click.option(
    "--pending",
    default="",
    metavar="N,N",
    callback=counts,
    help="Far timers that are there beforehand, and the size of W1 and W6. Several: all works at each, side by side.",
)
@click.option("--seed", type=int, help="Of the moments at which W5 kills; default: always the same.")
@click.option(
    "--png", type=click.Path(dir_okay=False, path_type=Path), help="Draw the figures into this file."
)
@click.option("--json", "as_json", is_flag=True, help="One object instead of a table.")
def timers(
    works: tuple[str, ...],
    peers: tuple[str, ...],
    scale: str,
    nodes: str,
    protocol: str,
    pending: tuple[int, ...],
    seed: int | None,
    png: Path | None,
    as_json: bool,
) -> None:
    """The timer stream beside its peers: lateness, rates, memory, restarts; lost, doubled and early ones.

    \b
    Examples:
      python -m infra.bench timers --peer ringback --work W1
      python -m infra.bench timers --scale full --png timers.png
      python -m infra.bench timers --scale medium --pending 10000,100000,1000000 \\
        --peer ringback --peer kstreams --work W2 --work W3 --work W6
    """
    from infra.bench.timers.command import main

    code = main(
        [w for w in WORKS if w in works or not works],
        [p for p in [*PEERS, TIGHT] if p in peers] or PEERS,
        scale=scale,
        nodes=int(nodes),
        protocol=protocol,
        pending=pending,
        seed=seed,
        png=png,
        as_json=as_json,
    )
    sys.exit(code)


@bench.command()
@click.option(
    "--number", type=click.IntRange(1_000), default=15_000, show_default=True, help="Calls in a run."
)
@click.option(
    "--in-flight", type=click.IntRange(1), default=200, show_default=True, help="Of the plain requests."
)
@click.option("--runs", type=click.IntRange(1), default=3, show_default=True, help="Of each, in turn.")
@click.option(
    "--life/--no-life", "with_life", default=True, show_default=True, help="The whole life of calls too."
)
@click.option("--json", "as_json", is_flag=True, help="One object instead of a table.")
def calls(number: int, in_flight: int, runs: int, *, with_life: bool, as_json: bool) -> None:
    """One member of the calling consumer against a carrier that only answers 201, beside the same requests alone.

    \b
    Examples:
      python -m infra.bench calls                    two minutes
      python -m infra.bench calls --no-life --runs 1 --number 5000
    """
    from infra.bench.calls.command import main

    sys.exit(main(number, in_flight, runs, with_life=with_life, as_json=as_json))


def member_counts(_ctx: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    """`1,4,2` as numbers, in that order."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        raise click.BadParameter(f"{text!r} is not counts with commas between, as 1,4,2")
    return tuple(int(part) for part in parts)


@bench.command()
@click.option(
    "--stage",
    "stages",
    multiple=True,
    type=click.Choice(list(STAGES)),
    help="Which get more members, several times; default: all.",
)
@click.option(
    "--members",
    "counts",
    default="1,4,2",
    show_default=True,
    metavar="N,N",
    callback=member_counts,
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
@click.option("--protocol", type=click.Choice(["classic", "consumer"]), default="classic", show_default=True)
@click.option("--nodes", type=click.Choice(["1", "3"]), default="3", show_default=True, help="Brokers.")
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
@click.option("--json", "as_json", is_flag=True, help="One object instead of a table, progress on stderr.")
def scaling(
    stages: tuple[str, ...],
    counts: tuple[int, ...],
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
    from infra.bench.scaling.command import main
    from infra.bench.scaling.shape import Shape

    try:
        shape = Shape(
            tuple(stage for stage in STAGES if stage in stages or not stages),
            counts,
            rate_per_s,
            hold_s,
            together=together,
            protocol=protocol,
            seed=seed,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        code = main(shape, nodes=int(nodes), plot=plot, folder=folder, as_json=as_json)
    except (ClusterError, TimeoutError) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(code)


@bench.command()
@click.option(
    "--number", type=click.IntRange(1_000), default=200_000, show_default=True, help="Keys in each store."
)
@click.option("--json", "as_json", is_flag=True, help="One object instead of a table.")
def stores(number: int, as_json: bool) -> None:
    """The engines that could hold a partition's timers: insert, read, pop in due order, open again, RAM, disk.

    \b
    Examples:
      python -m infra.bench stores                   a minute
      python -m infra.bench stores --number 1000000 --json
    """
    from infra.bench.stores import compare, table

    found = compare(number)
    click.echo(json.dumps({"number": number, "engines": found}) if as_json else table(found, number))


if __name__ == "__main__":
    bench()
