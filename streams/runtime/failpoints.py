"""Named places where a test may kill the process, to prove what the crash table claims.

`RINGBACK_FAILPOINTS="loop.3-produced=2"` kills the process with SIGKILL when that point is reached for the
second time; several are separated by commas. Not set, a failpoint costs one dictionary look-up, and it stands
once a transaction, never once a record.
"""

from __future__ import annotations

import os
import signal


def _armed(spec: str) -> dict[str, int]:
    armed: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in spec.split(","))):
        name, _, count = part.partition("=")
        armed[name] = int(count or 1)
    return armed


_armed_points = _armed(os.environ.get("RINGBACK_FAILPOINTS", ""))


def failpoint(name: str) -> None:
    """Die here, without any clean-up, if a test armed this point."""
    left = _armed_points.get(name)
    if left is None:
        return
    if left > 1:
        _armed_points[name] = left - 1
        return
    os.kill(os.getpid(), signal.SIGKILL)
