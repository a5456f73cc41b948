"""`ringback topics plan|apply`: the cluster's topics against the map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from connectors.settings import Settings
from infra.cli.errors import ANSWER_IS_NO, DONE
from infra.cli.options import json_flag, settings_flags
from infra.cli.output import print_json, table

if TYPE_CHECKING:
    from connectors.kafka.topics import TopicPlan

_COUNT = click.IntRange(min=1)


@click.group()
def topics() -> None:
    """Compare the topics with the map; create what is missing.

    \b
    Examples:
      ringback topics plan                  what is missing, what differs (exit code 1 if anything differs)
      ringback topics apply                 8 partitions, as many replicas as the cluster allows up to 3
      ringback topics apply --partitions 32 --replication-factor 3
    """


def _shape(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option(
        "--replication-factor",
        "replication",
        type=_COUNT,
        metavar="R",
        help="Replicas of each partition; default: what the cluster allows up to 3.",
    )(command)
    return click.option(
        "--partitions",
        type=_COUNT,
        metavar="N",
        help="Partitions of each topic; default: what the topics have, else 8.",
    )(command)


@topics.command()
@_shape
@json_flag
@settings_flags("kafka")
def plan(settings: Settings, partitions: int | None, replication: int | None, as_json: bool) -> int:
    """Show what `apply` would create and what differs; change nothing.

    Exit code 1 when a topic differs from the map (drift).
    """
    from connectors.kafka.topics import admin_client, plan

    return _show(plan(admin_client(settings.kafka_config()), partitions, replication), as_json)


@topics.command()
@_shape
@json_flag
@settings_flags("kafka")
def apply(settings: Settings, partitions: int | None, replication: int | None, as_json: bool) -> int:
    """Create the missing topics; report what differs, and leave it alone.

    Doing it again changes nothing. A partition count other than the topics have is refused: a user's state,
    timers and open calls live in the partition that the user's key hashes to.
    """
    from connectors.kafka.topics import admin_client, apply

    return _show(apply(admin_client(settings.kafka_config()), partitions, replication), as_json)


def _show(plans: Sequence[TopicPlan], as_json: bool) -> int:
    drifts = [p for p in plans if p.action == "drift"]
    if as_json:
        for p in plans:
            differences = [{"what": d.what, "wanted": d.wanted, "found": d.found} for d in p.differences]
            print_json(
                {
                    "topic": p.topic.name,
                    "action": p.action,
                    "partitions": p.partitions,
                    "replication": p.replication,
                    "config": dict(p.config),
                    "differences": differences,
                }
            )
    else:
        rows = [
            (p.action, p.topic.name, f"{p.partitions} partitions, {p.replication} replicas", _about(p))
            for p in plans
        ]
        click.echo(table(rows))
        if drifts:
            click.echo(f"{len(drifts)} topics differ from the map; that is not changed here", err=True)
    return ANSWER_IS_NO if drifts else DONE


def _about(plan: TopicPlan) -> str:
    return "; ".join(map(str, plan.differences)) or plan.topic.meaning
