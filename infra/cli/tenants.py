"""`ringback tenants apply|list`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.settings import Settings
from infra.cli.options import json_flag, settings_flags
from infra.cli.output import plain, print_json, table

if TYPE_CHECKING:
    from streams.tenants import Tenant


@click.group()
def tenants() -> None:
    """Apply or list the tenants: the companies that own the numbers.

    \b
    A tenants file is a list in YAML or JSON; all but id and numbers have defaults:
      - id: acme
        numbers: ["+14155550100"]
        timezone: America/Los_Angeles
        price_per_sms: "0.01"
        price_per_answered_call: "0.10"

    \b
    Examples:
      ringback tenants apply tenants.yaml
      ringback tenants list --json
    """


@tenants.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_flag
@settings_flags("kafka", "registry")
def apply(settings: Settings, file: Path, as_json: bool) -> None:
    """Add the tenants of FILE, or replace those of the same id; remove nothing.

    A number that two tenants would own is an error, and then nothing is applied.
    """
    from streams.tenants import parse_tenants

    for tenant, what in apply_tenants(settings, parse_tenants(file.read_bytes())):
        if as_json:
            print_json({"id": tenant.id, "action": what})
        else:
            click.echo(f"{what}  {tenant.id}")


@tenants.command("list")
@json_flag
@settings_flags("kafka", "registry")
def list_(settings: Settings, as_json: bool) -> None:
    """List the tenants in force: what identifies and limits them; every field with --json."""
    found = current_tenants(settings)
    if as_json:
        for tenant in found:
            print_json(_plain(tenant))
        return
    heading = ("TENANT", "NUMBERS", "ZONE", "SMS", "ANSWERED", "CALLS/S", "CALLS TO", "MACHINE", "LIMITS")
    rows = [
        (
            t.id,
            " ".join(t.numbers),
            t.timezone,
            f"{plain(t.price_per_sms)} {t.currency}",
            f"{plain(t.price_per_answered_call)} {t.currency}",
            f"{t.calls_per_second:g}",
            _called(t),
            t.on_machine.replace("_", " "),
            _limits(t),
        )
        for t in found
    ]
    click.echo(table([heading, *rows]))


def current_tenants(settings: Settings) -> list[Tenant]:
    """The tenants as the topic has them now, by id. Raises KafkaException, UnknownTopicError, CodecError."""
    from connectors.kafka.browse import whole
    from infra.cli.values import codec_of, decode
    from streams.tenants import Tenant, TenantTable
    from streams.topology import TENANTS

    table, codec = TenantTable(), codec_of(settings)
    for record in whole(settings.kafka_config(), [TENANTS.name]):
        if record.value is not None:
            table.put(Tenant.from_record(decode(codec, record)[1]))
    return table.all()


def apply_tenants(settings: Settings, wanted: list[Tenant]) -> list[tuple[Tenant, str]]:
    """Write those of `wanted` that are new or differ; each with `added`, `replaced` or `unchanged`.

    Raises TenantError before anything is written, KafkaException, UnknownTopicError.
    """
    from infra.cli.produce import ToWrite, write
    from schemas.registry import Codec
    from streams.tenants import merge
    from streams.topology import TENANTS

    existing = {t.id: t for t in current_tenants(settings)}
    merge(existing.values(), wanted)  # for its errors
    result = []
    for tenant in wanted:
        before = existing.get(tenant.id)
        what = "added" if before is None else "unchanged" if before == tenant else "replaced"
        result.append((tenant, what))
    codec = Codec(settings.schema_registry_url)
    changed = [
        ToWrite(TENANTS.name, t.id.encode(), codec.encode(TENANTS.name, "Tenant", t.to_record()))
        for t, what in result
        if what != "unchanged"
    ]
    if changed:
        write(settings.kafka_config(), changed)
    return result


def _plain(tenant: Tenant) -> dict[str, Any]:
    from schemas.render import to_json

    return to_json("Tenant", tenant.to_record())


def _called(tenant: Tenant) -> str:
    """The countries that it calls, and the types of numbers where they are not the usual ones."""
    from streams.reminders.limits import countries_of
    from streams.tenants import CALLED_TYPES

    countries = " ".join(sorted(countries_of(tenant)))
    usual = tenant.allowed_number_types == CALLED_TYPES
    return countries if usual else f"{countries}, {' '.join(tenant.allowed_number_types)}"


def _limits(tenant: Tenant) -> str:
    """What of it is limited: the user's SMS and reminders, its calls in all and by prefix."""
    user = (
        (tenant.flood_sms_per_minute, "SMS/min"),
        (tenant.reminders_per_user_per_day, "reminders/day"),
    )
    parts = [f"{limit} {unit} a user" for limit, unit in user if limit is not None]
    if tenant.calls_per_day is not None:
        parts.append(f"{tenant.calls_per_day} calls/day")
    parts += [f"{cap} to {prefix}" for prefix, cap in sorted(tenant.calls_per_prefix_per_day.items())]
    return ", ".join(parts) or "none"
