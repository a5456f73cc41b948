"""Flags that several commands share: every setting that a command uses, and --json."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from connectors.settings import SETTINGS, Settings, security_variable
from infra.cli.running import settings_of_running_up

Command = Callable[..., Any]

GROUPS: dict[str, tuple[str, ...]] = {
    "kafka": ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_SECURITY_PROTOCOL"),
    "redis": ("REDIS_URL", "REDIS_REPLICAS"),
    "registry": ("SCHEMA_REGISTRY_URL",),
    "carrier": ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_BASE_URL"),
    "public": ("PUBLIC_URL",),
    "state": ("RINGBACK_STATE_DIR", "RINGBACK_MEMBER", "RINGBACK_STANDBY"),
    "tenants": ("RINGBACK_TENANTS",),
    "resolve": ("RINGBACK_RESOLVE_S",),
    "clock": ("RINGBACK_CLOCK_TOLERANCE_S",),
    "group": ("RINGBACK_GROUP_PROTOCOL", "RINGBACK_ON_STOP"),
    "views": ("RINGBACK_VIEWS_HOST", "RINGBACK_VIEWS_PORT", "RINGBACK_VIEWS_TOKEN"),
    "control": (
        "RINGBACK_BREAKER",
        "RINGBACK_RETRY_BUDGET",
        "RINGBACK_ADAPTIVE_TIMEOUT",
        "RINGBACK_ADAPTIVE_CONCURRENCY",
        "RINGBACK_CARRIER_CONNECT_S",
        "RINGBACK_CARRIER_READ_S",
        "RINGBACK_CARRIER_CONNECTIONS",
    ),
}
EVERYTHING = tuple(GROUPS)

json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def settings_flags(*groups: str, find_running: bool = True) -> Callable[[Command], Command]:
    """Give a command the flags of these groups of settings and pass it `settings`.

    With `find_running`, a command that is told no brokers uses those of an `up` or `demo` that runs here.
    """
    chosen = [s for s in SETTINGS if any(s.env in GROUPS[g] for g in groups)]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_settings(*args: Any, **kwargs: Any) -> Any:
            flags = {s.env: kwargs.pop(f"setting_{s.field}") or "" for s in chosen}
            for pair in kwargs.pop("kafka_security", ()):
                name, equals, value = pair.partition("=")
                if not equals:
                    raise click.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--kafka-security")
                flags[security_variable(name)] = value
            return command(*args, settings=current_settings(flags, find_running), **kwargs)

        result: Command = with_settings
        if "kafka" in groups:
            result = click.option(
                "--kafka-security",
                multiple=True,
                metavar="NAME=VALUE",
                help="A sasl.* or ssl.* setting of librdkafka, such as sasl.username=me. "
                "[KAFKA_SASL_…, KAFKA_SSL_…]",
            )(result)
        for setting in reversed(chosen):
            option = click.option(
                setting.flag,
                f"setting_{setting.field}",
                metavar="TEXT",
                help=f"{setting.meaning[0].upper()}{setting.meaning[1:]}. [{setting.env}]",
            )
            result = option(result)
        return result

    return decorate


def current_settings(flags: dict[str, str] | None = None, find_running: bool = True) -> Settings:
    """Flags, then environment, then a running `up`. Raises SettingsError."""
    settings = Settings.read(flags=flags)
    # Brokers that were named belong to other Redis and carrier than those of an `up` that runs beside.
    if find_running and settings.kafka_bootstrap_servers is None:
        running = settings_of_running_up()
        if running is not None:
            click.echo(f"ringback: using the `{running.command}` that runs in {running.dir}", err=True)
            return Settings.read(flags=flags, running=running.environment)
    return settings
