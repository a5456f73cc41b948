"""`python -m infra.bench timers`: run, print, draw, judge."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from infra.bench.options import counts, json_flag, nodes_option, protocol_option
from infra.bench.reporting import end, report, telling
from infra.bench.timers.scale import SCALES

WORKS = [f"W{number}" for number in range(1, 8)]
PEERS = ["ringback", "kstreams", "kstreams-100ms", "nats", "bullmq"]
TIGHT = "ringback-tight"  # ours with small buffers: slow on purpose, so it is run by name only


def _pending(_ctx: click.Context, _option: click.Parameter, text: str) -> tuple[int, ...]:
    """Each count once, the smallest first."""
    return tuple(sorted(set(counts(text, "10000,100000")))) if text else ()


@click.command()
@click.option("--work", "works", multiple=True, type=click.Choice(WORKS), help="Several times; default: all.")
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=click.Choice([*PEERS, TIGHT]),
    help="Several times; default: all but the tight one.",
)
@click.option("--scale", type=click.Choice(list(SCALES)), default="small", show_default=True)
@nodes_option("1")
@protocol_option
@click.option(
    "--pending",
    default="",
    metavar="N,N",
    callback=_pending,
    help="Far timers that are there beforehand, and the size of W1 and W6. Several: all works at each, side by side.",
)
@click.option("--seed", type=int, help="Of the moments at which W5 kills; default: always the same.")
@click.option(
    "--png", type=click.Path(dir_okay=False, path_type=Path), help="Draw the figures into this file."
)
@json_flag()
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
    from infra.bench.timers.measures import measures
    from infra.bench.timers.run import run
    from infra.bench.timers.table import OURS, figures, table, verdicts

    size = SCALES[scale] if seed is None else replace(SCALES[scale], seed=seed)
    found = run(
        [work for work in WORKS if work in works or not works],
        [peer for peer in [*PEERS, TIGHT] if peer in peers] or PEERS,
        size,
        nodes=int(nodes),
        protocol=protocol,
        progress=telling(silent=as_json),
        pending=pending,
    )
    rows = measures(int(nodes), protocol)
    met = verdicts(rows, figures(found.outcomes))
    fine = (
        all(met.values())
        and not any(outcome.faults for outcome in found.outcomes if outcome.subject.startswith(OURS))
        # A work of ours that was wanted and has no figures is no success.
        and not any(name.startswith(OURS) for name in found.absent)
    )
    before = pending or (size.pending,)
    head = (
        f"timers, {scale} scale, {nodes} broker(s), group protocol {protocol}, "
        f"{' '.join(f'{count:,}' for count in before)} pending beforehand"
    )
    report(
        lambda: {
            "scale": scale,
            "nodes": int(nodes),
            "protocol": protocol,
            "pending": list(before),
            "fine": fine,
            "bars": met,
            "absent": found.absent,
            "outcomes": [outcome.as_json() for outcome in found.outcomes],
        },
        lambda: f"{head}\n{table(rows, found.outcomes, found.absent)}",
        as_json=as_json,
    )
    if png is not None:
        from infra.bench.timers.plot import draw

        draw(found.outcomes, png)
    end(fine=fine)
