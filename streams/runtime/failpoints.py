"""Named places where a test may kill or pause the process, to prove what the crash tables claim.

`RINGBACK_FAILPOINTS="loop.3-produced=2"` kills the process with SIGKILL when that point is reached for the
second time; `hands.2-checked=1:stop` pauses it with SIGSTOP there, until somebody sends SIGCONT: a zombie, made to
measure. Several are separated by commas. Not set, a failpoint costs one dictionary look-up, and it stands once a
transaction or once a request, never once a record.
"""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass

_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


@dataclass(slots=True)
class _Armed:
    left: int
    signal: signal.Signals


def _armed(spec: str) -> dict[str, _Armed]:
    armed: dict[str, _Armed] = {}
    for part in filter(None, (piece.strip() for piece in spec.split(","))):
        name, _, times = part.partition("=")
        count, _, how = times.partition(":")
        armed[name] = _Armed(int(count or 1), _SIGNALS[how or "kill"])
    return armed


_armed_points = _armed(os.environ.get("RINGBACK_FAILPOINTS", ""))


def failpoint(name: str) -> None:
    """Die here, or stand still, without any clean-up, if a test armed this point. It strikes once."""
    armed = _armed_points.get(name)
    if armed is None:
        return
    if armed.left > 1:
        armed.left -= 1
        return
    del _armed_points[name]
    # To this very thread: sent to the process, another thread may take it, and this one be some steps further by then.
    signal.pthread_kill(threading.get_ident(), armed.signal)
