"""`python -m infra.bench NAME`: run a measurement, print its table, exit 1 when the bar is missed.

This file only gathers the commands. Each stands in `command.py` of its folder and imports what it measures when it
runs, so `--help` waits for no client library and lists what each command says of itself.
"""

from __future__ import annotations

import click

from infra.bench.calls.command import calls
from infra.bench.codec.command import codec
from infra.bench.hop.command import hop
from infra.bench.lag.command import lag
from infra.bench.metrics.command import metrics
from infra.bench.scaling.command import scaling
from infra.bench.stores.command import stores
from infra.bench.timers.command import timers
from infra.bench.views.command import views


@click.group()
def bench() -> None:
    """Measure what the design promises."""


for command in (calls, codec, hop, lag, metrics, scaling, stores, timers, views):
    bench.add_command(command)


if __name__ == "__main__":
    bench()
