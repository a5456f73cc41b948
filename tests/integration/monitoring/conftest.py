"""`observed`: one run of everything under a real Prometheus, for all tests of this folder.

    def test_something(observed: ObservedRun) -> None:
        for labels, value in observed.prometheus.query("sum by (stage) (rate(ringback_loop_records_total[1m]))"):

Queries ask about the end of the run unless told otherwise; it was scraped each second and lasted about a minute, so
that windows of 1 m and more hold data. `observed.healthy_s` frames the part before the first fault. What happened in
it: traffic.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from connectors.settings import SETTINGS
from tests.integration.monitoring.run import ObservedRun, started
from tests.integration.monitoring.traffic import Traffic


@pytest.fixture(scope="package")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedRun]:
    """Start, ordinary traffic, faults; then everything goes on running, idle, until the last test of the folder."""
    folder = tmp_path_factory.mktemp("observed")
    said: list[str] = []
    with pytest.MonkeyPatch.context() as outside:
        for setting in SETTINGS:
            outside.delenv(setting.env, raising=False)
        outside.setenv("XDG_STATE_HOME", str(folder / "state-home"))
        began_s = time.monotonic()
        with started(folder, said) as run:
            _took("started", began_s)
            traffic = Traffic(run)
            healthy_from_s = time.time()
            traffic.ordinary()
            run.healthy_s = healthy_from_s, time.time()
            _took("ordinary traffic", began_s)
            traffic.troubled()
            run.ended_s = run.prometheus.at_s = time.time()
            _took("faults", began_s)
            yield run


def _took(what: str, began_s: float) -> None:
    print(f"observed run: {what} after {time.monotonic() - began_s:.1f} s")
