"""The production stage with tight buffers: transactions of few records, a store file that must grow again and again.

What a timer stream gets wrong with large buffers once a week it gets wrong with small ones within minutes: there are
many more moments between two steps of a commit at which a kill can land. (Kafka Streams lost timers at small write
buffers only, KAFKA-20685.) Everything else is `ringback run reminders`, with the settings of the environment.

    python -m infra.bench.timers.tight [--http-port P]
"""

from __future__ import annotations

import sys
from functools import partial

import click

from connectors.settings import Settings
from infra.cli.run import log_to_stderr, stop_on_signals
from infra.run.stages import run_stages
from streams.runtime import store
from streams.runtime.loop import LoopSettings
from streams.topology import REMINDERS

# Records and timers of one transaction; in production a thousand of each.
MAX_BATCH = MAX_WAKES = 20
# The file doubles when it is full, so from here it does eight times on its way to what production begins with.
# Less than 32 KiB does not hold three empty tables.
FIRST_MAP_BYTES = 64 * 2**10


@click.command()
@click.option("--http-port", type=click.IntRange(0, 65535), help="As of `ringback run`.")
def tight(http_port: int | None) -> None:
    """`ringback run reminders` with tight buffers; exits as that does."""
    log_to_stderr()
    store.FIRST_MAP_BYTES = FIRST_MAP_BYTES
    bounds = partial(LoopSettings, max_batch=MAX_BATCH, max_wakes=MAX_WAKES)
    sys.exit(run_stages([REMINDERS.name], Settings.read(), 1, http_port, stop_on_signals(), bounds))


if __name__ == "__main__":
    tight()
