"""Who looks after the processes of `up`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from infra.demo.supervisor import Child, Supervisor
from tests.waiting import until


def test_a_child_that_ends_is_started_again_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    """The pipe to it is closed: one that ends each minute must not use up the files of `up` in a day."""
    said: list[str] = []
    supervisor = Supervisor(said.append)
    child = Child("short", [sys.executable, "-c", "pass"], dict(os.environ), tmp_path / "short.log")
    supervisor.start([child])
    first = child.process
    assert first is not None
    try:
        until(lambda: child.restarts > 0, "it is started again", more=lambda: said)
    finally:
        supervisor.stop()
    assert said[0].startswith("short ended with 0; again in 0.5 s")
    assert first._guardian.stdin is not None
    assert first._guardian.stdin.closed
