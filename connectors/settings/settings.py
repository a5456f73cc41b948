"""The settings in force, as one frozen value, and their defaults."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from connectors.kept_file import made_once
from connectors.settings.kafka_security import KAFKA_SECURITY, is_secret
from connectors.settings.masking import masked
from connectors.settings.setting import SettingsError
from connectors.settings.table import SETTINGS
from streams.control.modes import Mode, Modes

Source = str  # "flag", "environment", "running up", "default"
_MODES = Modes()


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
    breaker: Mode = _MODES.breaker
    retry_budget: Mode = _MODES.budget
    adaptive_timeout: Mode = _MODES.timeout
    adaptive_concurrency: Mode = _MODES.concurrency
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
            if name not in KAFKA_SECURITY:
                problems.append((name, "librdkafka has no such setting"))
                continue
            security[KAFKA_SECURITY[name]] = text
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
        return self.member or made_once(Path(self.state_dir) / "member", f"member-{secrets.token_hex(4)}")

    def shown(self) -> list[dict[str, Any]]:
        """Rows of `ringback config`: setting, value (secrets masked), source, meaning."""
        rows = [
            {
                "setting": s.env,
                "value": masked(getattr(self, s.field), s.secret),
                "source": self.sources.get(s.env, "default"),
                "meaning": s.meaning,
            }
            for s in SETTINGS
        ]
        names = {prop: env for env, prop in KAFKA_SECURITY.items()}
        for prop, value in self.kafka_security.items():
            env = names[prop]
            shown = masked(value, is_secret(env))
            rows.append(
                {"setting": env, "value": shown, "source": self.sources.get(env, ""), "meaning": prop}
            )
        return rows

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for a child process. Unset ones are left out."""
        found = {s.env: getattr(self, s.field) for s in SETTINGS}
        names = {prop: env for env, prop in KAFKA_SECURITY.items()}
        found.update({names[prop]: value for prop, value in self.kafka_security.items()})
        return {env: str(value) for env, value in found.items() if value is not None}


assert {s.field for s in SETTINGS} <= {f.name for f in fields(Settings)}


def _first(layers: tuple[tuple[Source, Mapping[str, str]], ...], name: str) -> tuple[Source, str | None]:
    for source, layer in layers:
        if layer.get(name):
            return source, layer[name]
    return "default", None
