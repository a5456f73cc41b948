"""The settings of requests to the carrier and of the controllers over them: rows of the table in `settings.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors import setting_values as values
from streams.control.modes import MODES, Modes

_DEFAULTS = Modes()
_MODE = values.one_of(*MODES)

# (environment variable, field, meaning, how to read it, default)
Row = tuple[str, str, str, Callable[[str], Any], Callable[[], Any]]


def _mode(env: str, field: str, meaning: str, default: str) -> Row:
    return env, field, f"{meaning}: off, shadow (decides, counts, does nothing) or on", _MODE, lambda: default


ROWS: tuple[Row, ...] = (
    _mode(
        "RINGBACK_BREAKER",
        "breaker",
        "stop asking a carrier that fails, and probe until it is back",
        _DEFAULTS.breaker,
    ),
    _mode(
        "RINGBACK_RETRY_BUDGET",
        "retry_budget",
        "hold tries again to a share of first tries, beyond a floor",
        _DEFAULTS.budget,
    ),
    _mode(
        "RINGBACK_ADAPTIVE_TIMEOUT",
        "adaptive_timeout",
        "a longer read timeout while the carrier is slow, never a shorter one",
        _DEFAULTS.timeout,
    ),
    _mode(
        "RINGBACK_ADAPTIVE_CONCURRENCY",
        "adaptive_concurrency",
        "fewer requests at once while the carrier says that it has no room",
        _DEFAULTS.concurrency,
    ),
    (
        "RINGBACK_CARRIER_CONNECT_S",
        "carrier_connect_s",
        "how long a connection to the carrier may take, seconds",
        values.seconds_between(0.1, 60),
        lambda: 5.0,
    ),
    (
        "RINGBACK_CARRIER_READ_S",
        "carrier_read_s",
        "how long the carrier may be silent after a request, 10 to 60 seconds",
        values.seconds_between(10, 60),
        lambda: 15.0,
    ),
    (
        "RINGBACK_CARRIER_CONNECTIONS",
        "carrier_connections",
        "how many requests a member may have out at the carrier at once",
        values.count_up_to(10_000),
        lambda: 100,
    ),
)
