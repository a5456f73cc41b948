"""`ringback`, with two things in a test's hand that no setting offers: the wall clock, and how soon a member is missed.

    WORST_CASES_CLOCK_FILE   a file that holds by how many seconds this process' wall clock is wrong; read at each look
    WORST_CASES_SESSION_MS   session timeout of consumer groups, for tests that wait for it to be over

Everything else is the production code, run by its own command line.
"""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from typing import Any

from connectors.kafka import clients
from infra.cli.main import main
from infra.run import stages
from streams.runtime.clock import SystemClock

CLOCK_FILE = "WORST_CASES_CLOCK_FILE"
SESSION_MS = "WORST_CASES_SESSION_MS"


def _set(module: Any, name: str, value: object) -> None:
    """Replace what a module calls `name`; it must be there, or the test would test nothing."""
    assert hasattr(module, name), f"{module.__name__} has no {name} any more"
    setattr(module, name, value)


if __name__ == "__main__":
    if session_ms := os.environ.get(SESSION_MS):
        _set(clients, "SESSION_TIMEOUT_MS", int(session_ms))
    if clock_file := os.environ.get(CLOCK_FILE):
        off_s = Path(clock_file)
        wrong = functools.partial(SystemClock, wall_s=lambda: time.time() + float(off_s.read_text()))
        _set(stages, "SystemClock", wrong)
    main()
