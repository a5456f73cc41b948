"""A cluster that somebody else runs."""

from __future__ import annotations

import os


def existing() -> tuple[str | None, str | None]:
    """`KAFKA_BOOTSTRAP_SERVERS` and `REDIS_URL`: what to use instead of starting it; None where unset or empty."""
    return os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or None, os.environ.get("REDIS_URL") or None
