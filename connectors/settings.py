"""Settings: what Ringback is told from outside, as one frozen value.

Every setting is an environment variable and, on the commands that use it, a flag. The table `SETTINGS` is the
one list of them: reading, checking, flags and `ringback config` derive from it. Secrets are masked wherever a
setting is shown.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from connectors import control_settings
from connectors import setting_values as values
from connectors.redis_address import redis_url
from streams.control.modes import Mode

MASK = "********"
_PASSWORD_OPTION = re.compile(r"([^&=]*password=)[^&]*", re.IGNORECASE)
Source = str  # "flag", "environment", "running up", "default"


class SettingsError(ValueError):
    """One or more settings are missing or wrong; the message names each."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems))
        self.names = [name for name, _ in problems]


def default_state_dir() -> str:
    """The user's folder for state (XDG Base Directory), where a member's id and stores are kept."""
    base = os.environ.get("XDG_STATE_HOME")
    if not base:
        try:
            base = str(Path.home() / ".local" / "state")
        except RuntimeError:  # a container's user, of whom the system knows no more than the number
            base = "/tmp"
    return str(Path(base) / "ringback")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `read` turns the text into the value and raises ValueError with what is wrong."""

    env: str
    field: str
    meaning: str
    read: Callable[[str], Any] = values.text
    default: Callable[[], Any] = lambda: None
    secret: bool = False

    @property
    def flag(self) -> str:
        """KAFKA_BOOTSTRAP_SERVERS is --kafka-bootstrap-servers, RINGBACK_STATE_DIR is --state-dir."""
        return "--" + self.env.removeprefix("RINGBACK_").lower().replace("_", "-")


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers", "brokers, host:port,host:port", values.servers
    ),
    Setting(
        "KAFKA_SECURITY_PROTOCOL",
        "kafka_security_protocol",
        "plaintext, ssl, sasl_plaintext or sasl_ssl",
        values.protocol,
        lambda: "plaintext",
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
        lambda: 0,
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
        lambda: "https://api.twilio.com",
    ),
    Setting("PUBLIC_URL", "public_url", "where the carrier reaches the gateway", values.url("http", "https")),
    Setting("RINGBACK_STATE_DIR", "state_dir", "folder of this member's stores", default=default_state_dir),
    Setting(
        "RINGBACK_MEMBER", "member", "static member id; default: one kept in the state folder", values.member
    ),
    Setting("RINGBACK_TENANTS", "tenants", "tenants file that up and demo apply"),
    Setting(
        "RINGBACK_RESOLVE_S",
        "resolve_s",
        "how long an UNKNOWN call may stay open, seconds",
        values.seconds,
        lambda: 120.0,
    ),
    Setting(
        "RINGBACK_CLOCK_TOLERANCE_S",
        "clock_tolerance_s",
        "how far our clock and the broker's may differ before timers are held, seconds",
        values.seconds,
        lambda: 5.0,
    ),
    Setting(
        "RINGBACK_STANDBY",
        "standby",
        "on: each member keeps a warm copy of the state of partitions that others own; off",
        values.one_of("on", "off"),
        lambda: "off",
    ),
    Setting(
        "RINGBACK_ON_STOP",
        "on_stop",
        "leave: others take a stopped member's partitions at once; stay: they wait for it until its session ends",
        values.one_of("leave", "stay"),
        lambda: "leave",
    ),
    Setting(
        "RINGBACK_GROUP_PROTOCOL",
        "group_protocol",
        "classic, or consumer (KIP-848)",
        values.one_of("classic", "consumer"),
        lambda: "classic",
    ),
    Setting(
        "RINGBACK_VIEWS_HOST",
        "views_host",
        "address that the read models answer on",
        default=lambda: "127.0.0.1",
    ),
    Setting(
        "RINGBACK_VIEWS_PORT",
        "views_port",
        "port that the read models answer on; 0: any free one",
        values.port,
        lambda: 8070,
    ),
    Setting(
        "RINGBACK_VIEWS_TOKEN",
        "views_token",
        "what callers of the read models must show; default: made once and kept in the state folder",
        values.token,
        secret=True,
    ),
    *(Setting(*row) for row in control_settings.ROWS),
)


def security_variable(librdkafka_name: str) -> str:
    """sasl.username is KAFKA_SASL_USERNAME."""
    return "KAFKA_" + librdkafka_name.upper().replace(".", "_")


# KAFKA_SASL_USERNAME is librdkafka's sasl.username: the rest of the name, dots for underscores. Listed, so
# that a misspelt variable is an error here instead of a connection that fails without saying why.
_KAFKA_SECURITY = {
    security_variable(name): name
    for name in (
        *("sasl.mechanism", "sasl.username", "sasl.password"),
        *("sasl.kerberos.service.name", "sasl.kerberos.principal", "sasl.kerberos.keytab"),
        *("sasl.oauthbearer.method", "sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret"),
        *("sasl.oauthbearer.token.endpoint.url", "sasl.oauthbearer.scope", "sasl.oauthbearer.extensions"),
        *("ssl.ca.location", "ssl.ca.pem", "ssl.certificate.location", "ssl.certificate.pem"),
        *("ssl.key.location", "ssl.key.pem", "ssl.key.password"),
        *("ssl.keystore.location", "ssl.keystore.password"),
        *("ssl.endpoint.identification.algorithm", "ssl.cipher.suites"),
    )
}
_SECRET_WORDS = ("PASSWORD", "SECRET", "KEY_PEM", "TOKEN")


def _is_secret(env: str) -> bool:
    return any(word in env and "ENDPOINT" not in env for word in _SECRET_WORDS)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings in force. None means: not set, and there is no default."""

    kafka_bootstrap_servers: str | None = None
    kafka_security_protocol: str = "plaintext"
    redis_url: str | None = None
    redis_replicas: int = 0
    schema_registry_url: str | None = None
    twilio_account_sid: str | None = None
    twilio_auth_token: str | None = field(default=None, repr=False)
    twilio_base_url: str = "https://api.twilio.com"
    public_url: str | None = None
    state_dir: str = field(default_factory=default_state_dir)
    member: str | None = None
    tenants: str | None = None
    resolve_s: float = 120.0
    clock_tolerance_s: float = 5.0
    standby: str = "off"
    on_stop: str = "leave"
    group_protocol: str = "classic"
    views_host: str = "127.0.0.1"
    views_port: int = 8070
    views_token: str | None = field(default=None, repr=False)
    breaker: Mode = "on"
    retry_budget: Mode = "on"
    adaptive_timeout: Mode = "shadow"
    adaptive_concurrency: Mode = "on"
    carrier_connect_s: float = 5.0
    carrier_read_s: float = 15.0
    carrier_connections: int = 100
    kafka_security: Mapping[str, str] = field(default_factory=dict, repr=False)
    """librdkafka's `sasl.*` and `ssl.*` settings, by their own names."""
    sources: Mapping[str, Source] = field(default_factory=dict, repr=False, compare=False)
    """Where each came from, by environment variable."""

    @classmethod
    def read(
        cls,
        env: Mapping[str, str] | None = None,
        flags: Mapping[str, str] | None = None,
        running: Mapping[str, str] | None = None,
    ) -> Settings:
        """Flags win over the environment, the environment over what a running `up` wrote down.

        All three map environment variable names to text; an empty text counts as not set.
        Raises SettingsError, which names every wrong setting, not only the first.
        """
        layers = (
            ("flag", flags or {}),
            ("environment", os.environ if env is None else env),
            ("running up", running or {}),
        )
        read: dict[str, Any] = {}
        sources: dict[str, Source] = {}
        problems: list[tuple[str, str]] = []
        for setting in SETTINGS:
            source, text = _first(layers, setting.env)
            sources[setting.env] = source
            if text is None:
                read[setting.field] = setting.default()
                continue
            try:
                read[setting.field] = setting.read(text)
            except ValueError as error:
                problems.append((setting.env, str(error)))
        security: dict[str, str] = {}
        for name in sorted(
            {n for _, layer in layers for n in layer if n.startswith(("KAFKA_SASL_", "KAFKA_SSL_"))}
        ):
            source, text = _first(layers, name)
            if text is None:
                continue
            if name not in _KAFKA_SECURITY:
                problems.append((name, "librdkafka has no such setting"))
                continue
            security[_KAFKA_SECURITY[name]] = text
            sources[name] = source
        if problems:
            raise SettingsError(*problems)
        return cls(**read, kafka_security=security, sources=sources)

    def require(self, *names: str) -> None:
        """Raise SettingsError for each of these fields that is not set."""
        missing = [s for s in SETTINGS if s.field in names and getattr(self, s.field) is None]
        if missing:
            raise SettingsError(*((s.env, f"not set ({s.meaning})") for s in missing))

    def kafka_config(self) -> dict[str, str]:
        """What every librdkafka client needs to connect. Raises SettingsError when no broker is set."""
        self.require("kafka_bootstrap_servers")
        return {
            "bootstrap.servers": self.kafka_bootstrap_servers or "",
            "security.protocol": self.kafka_security_protocol,
            **self.kafka_security,
        }

    def member_id(self) -> str:
        """RINGBACK_MEMBER, else the id kept in the state folder, made at the first call. Raises OSError."""
        if self.member:
            return self.member
        path = Path(self.state_dir) / "member"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".member.{secrets.token_hex(4)}")
        fresh.write_text(f"member-{secrets.token_hex(4)}\n")
        try:
            os.link(fresh, path)  # fails when another process was quicker: then its id is ours
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        return path.read_text().strip()

    def shown(self) -> list[dict[str, Any]]:
        """Rows of `ringback config`: setting, value (secrets masked), source, meaning."""
        rows = [
            {
                "setting": s.env,
                "value": _masked(getattr(self, s.field), s.secret),
                "source": self.sources.get(s.env, "default"),
                "meaning": s.meaning,
            }
            for s in SETTINGS
        ]
        names = {prop: env for env, prop in _KAFKA_SECURITY.items()}
        for prop, value in self.kafka_security.items():
            env = names[prop]
            shown = _masked(value, _is_secret(env))
            rows.append(
                {"setting": env, "value": shown, "source": self.sources.get(env, ""), "meaning": prop}
            )
        return rows

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for a child process. Unset ones are left out."""
        found = {s.env: getattr(self, s.field) for s in SETTINGS}
        names = {prop: env for env, prop in _KAFKA_SECURITY.items()}
        found.update({names[prop]: value for prop, value in self.kafka_security.items()})
        return {env: str(value) for env, value in found.items() if value is not None}


assert {s.field for s in SETTINGS} <= {f.name for f in fields(Settings)}


def _first(layers: tuple[tuple[Source, Mapping[str, str]], ...], name: str) -> tuple[Source, str | None]:
    for source, layer in layers:
        if layer.get(name):
            return source, layer[name]
    return "default", None


def _masked(value: Any, secret: bool) -> Any:
    if value is None:
        return None
    if secret:
        return MASK
    if isinstance(value, str) and "://" in value:
        return mask_url(value)
    return value


def mask_url(url: str) -> str:
    """The URL without the passwords it may carry, before its host or among its options."""
    parts = urlsplit(url)
    masked = parts._replace(query=_PASSWORD_OPTION.sub(rf"\1{MASK}", parts.query))
    if parts.password is not None:
        host = parts.netloc.rpartition("@")[2]
        masked = masked._replace(netloc=f"{parts.username or ''}:{MASK}@{host}")
    return url if masked == parts else urlunsplit(masked)
