"""The one list of settings: reading, checking, flags and `ringback config` derive from it."""

from __future__ import annotations

from connectors.redis_address import redis_url
from connectors.settings import values
from connectors.settings.carrier import CARRIER_SETTINGS
from connectors.settings.setting import Setting

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers", "brokers, host:port,host:port", values.servers
    ),
    Setting(
        "KAFKA_SECURITY_PROTOCOL",
        "kafka_security_protocol",
        "plaintext, ssl, sasl_plaintext or sasl_ssl",
        values.protocol,
    ),
    Setting(
        "REDIS_URL",
        "redis_url",
        "Redis or Valkey: redis://host:port/0, or redis+sentinel://host:26379,host2:26379/NAME",
        redis_url,
    ),
    Setting(
        "REDIS_REPLICAS",
        "redis_replicas",
        "replicas that must have a gate before its call is placed; 0 for one server alone, 1 for a primary with two",
        values.count,
    ),
    Setting(
        "SCHEMA_REGISTRY_URL",
        "schema_registry_url",
        "a registry with the Confluent API; without it records carry a schema fingerprint",
        values.url("http", "https"),
    ),
    Setting("TWILIO_ACCOUNT_SID", "twilio_account_sid", "the carrier account", values.account),
    Setting("TWILIO_AUTH_TOKEN", "twilio_auth_token", "its token; signs webhooks too", secret=True),
    Setting(
        "TWILIO_BASE_URL",
        "twilio_base_url",
        "the carrier's API: the simulator's URL, or the real one",
        values.url("http", "https"),
    ),
    Setting("PUBLIC_URL", "public_url", "where the carrier reaches the gateway", values.url("http", "https")),
    Setting("RINGBACK_STATE_DIR", "state_dir", "folder of this member's stores"),
    Setting(
        "RINGBACK_MEMBER", "member", "static member id; default: one kept in the state folder", values.member
    ),
    Setting("RINGBACK_TENANTS", "tenants", "tenants file that up and demo apply"),
    Setting(
        "RINGBACK_RESOLVE_S",
        "resolve_s",
        "how long an UNKNOWN call may stay open, seconds",
        values.seconds,
    ),
    Setting(
        "RINGBACK_CLOCK_TOLERANCE_S",
        "clock_tolerance_s",
        "how far our clock and the broker's may differ before timers are held, seconds",
        values.seconds,
    ),
    Setting(
        "RINGBACK_STANDBY",
        "standby",
        "on: each member keeps a warm copy of the state of partitions that others own; off",
        values.one_of("on", "off"),
    ),
    Setting(
        "RINGBACK_ON_STOP",
        "on_stop",
        "leave: others take a stopped member's partitions at once; stay: they wait for it until its session ends",
        values.one_of("leave", "stay"),
    ),
    Setting(
        "RINGBACK_GROUP_PROTOCOL",
        "group_protocol",
        "classic, or consumer (KIP-848)",
        values.one_of("classic", "consumer"),
    ),
    Setting(
        "RINGBACK_VIEWS_HOST",
        "views_host",
        "address that the read models answer on",
    ),
    Setting(
        "RINGBACK_VIEWS_PORT",
        "views_port",
        "port that the read models answer on; 0: any free one",
        values.port,
    ),
    Setting(
        "RINGBACK_VIEWS_TOKEN",
        "views_token",
        "what callers of the read models must show; default: made once and kept in the state folder",
        values.token,
        secret=True,
    ),
    *CARRIER_SETTINGS,
)
