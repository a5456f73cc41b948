"""Which settings each service gets, and which of them are secrets."""

from __future__ import annotations

from infra.run.processors import NEEDS_CARRIER
from streams.topology import BACKFILL, GATEWAY, VIEWS

CARRIER_SECRET, REDIS_SECRET, VIEWS_SECRET = "ringback-carrier", "ringback-redis", "ringback-views"

# The same for all, in one ConfigMap; an overlay merges its own over it.
PUBLIC: dict[str, str] = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "PUBLIC_URL": "https://sms.example.com",
    "RINGBACK_GROUP_PROTOCOL": "classic",
    "RINGBACK_ON_STOP": "leave",
    # What is handed over was never here: without a warm copy a takeover reads the whole changelog first.
    "RINGBACK_STANDBY": "on",
}

SECRETS: dict[str, tuple[str, ...]] = {
    CARRIER_SECRET: ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
    REDIS_SECRET: ("REDIS_URL",),
    VIEWS_SECRET: ("RINGBACK_VIEWS_TOKEN",),
}

_NEED: dict[str, tuple[str, ...]] = {
    CARRIER_SECRET: (*NEEDS_CARRIER, GATEWAY.name, BACKFILL.name),
    REDIS_SECRET: (*NEEDS_CARRIER, GATEWAY.name),
    VIEWS_SECRET: (VIEWS.name,),
}


def secrets_of(service: str) -> tuple[str, ...]:
    """The secrets that a service may see: who talks to the carrier, the gate or callers has some."""
    return tuple(secret for secret, needed_by in _NEED.items() if service in needed_by)
