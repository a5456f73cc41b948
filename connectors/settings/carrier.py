"""The settings of requests to the carrier and of the controllers over them: rows of the table."""

from __future__ import annotations

from connectors.settings import values
from connectors.settings.setting import Setting
from streams.control.modes import MODES

_MODE = values.one_of(*MODES)


def _mode(env: str, field: str, meaning: str) -> Setting:
    return Setting(env, field, f"{meaning}: off, shadow (decides, counts, does nothing) or on", _MODE)


CARRIER_SETTINGS = (
    _mode(
        "RINGBACK_BREAKER",
        "breaker",
        "stop asking a carrier that fails, and probe until it is back",
    ),
    _mode(
        "RINGBACK_RETRY_BUDGET",
        "retry_budget",
        "hold tries again to a share of first tries, beyond a floor",
    ),
    _mode(
        "RINGBACK_ADAPTIVE_TIMEOUT",
        "adaptive_timeout",
        "a longer read timeout while the carrier is slow, never a shorter one",
    ),
    _mode(
        "RINGBACK_ADAPTIVE_CONCURRENCY",
        "adaptive_concurrency",
        "fewer requests at once while the carrier says that it has no room",
    ),
    Setting(
        "RINGBACK_CARRIER_CONNECT_S",
        "carrier_connect_s",
        "how long a connection to the carrier may take, seconds",
        values.seconds_between(0.1, 60),
    ),
    Setting(
        "RINGBACK_CARRIER_READ_S",
        "carrier_read_s",
        "how long the carrier may be silent after a request, 10 to 60 seconds",
        values.seconds_between(10, 60),
    ),
    Setting(
        "RINGBACK_CARRIER_CONNECTIONS",
        "carrier_connections",
        "how many requests a member may have out at the carrier at once",
        values.count_up_to(10_000),
    ),
)
