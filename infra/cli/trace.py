"""`ringback trace PHONE|SID`: the life of a user's reminders, read from the topics.

A user is one partition of every topic that is keyed by user, so tracing a phone number reads that one partition
of each. A sid does not say whose it is; the topics that name sids are read whole to find out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from connectors.settings import Settings
from infra.cli.errors import ANSWER_IS_NO, DONE, AnswerIsNoError
from infra.cli.options import json_flag, settings_flags
from infra.cli.output import clock, duration, instant, masked, print_json, table
from infra.cli.steps import describe, reminder_of
from streams.ids import is_e164, reminder_id, user_key
from streams.topology import CALLS, EVENTS, REQUESTS, SMS_EVENTS, topics

if TYPE_CHECKING:
    from connectors.kafka.browse import Found


@dataclass(frozen=True, slots=True)
class Step:
    """One record about a user."""

    record: Found
    user: str
    name: str
    value: dict[str, Any]

    @property
    def what(self) -> str:
        return describe(self.name, self.value, self.record.timestamp_ms)


@click.command()
@click.argument("who", metavar="PHONE|SID")
@json_flag
@settings_flags("kafka", "registry")
def trace(settings: Settings, who: str, as_json: bool) -> int:
    """Print the life of a user's reminders, oldest first: what happened, when, and where it is written.

    PHONE is the user's number; SID the carrier's name of an SMS (SM…) or a call (CA…), or a reminder's id, and
    then only what belongs to that reminder is shown. Exit code 1 when nothing is known.

    \b
    Examples:
      ringback trace +14155550101
      ringback trace SM7a77e173c3c1c22f865b8ba4177f3be3 --json
    """
    sids: set[str] | None = None
    if is_e164(who):
        users = _users_with(settings, who)
    elif who.startswith("+"):
        raise click.BadParameter(f"{who!r} is not an E.164 number such as +14155550101", param_hint="PHONE")
    else:
        user, sids = _find(settings, who)
        users = [user]
    steps = user_steps(settings, users)
    if sids is not None:
        steps = _about(steps, sids)
    if not steps:
        raise AnswerIsNoError(
            f"nothing is known of {masked(who)} (dead letters: `ringback dead-letters list`)"
        )
    _show(steps, as_json)
    return DONE if steps else ANSWER_IS_NO


def user_steps(settings: Settings, users: list[str]) -> list[Step]:
    """Every record of these users, in the order of appending. Reads one partition of each topic for each."""
    from connectors.kafka.browse import BEGINNING, ends, partition_of, places, read, reader
    from connectors.kafka.topics import admin_client
    from infra.cli.values import codec_of, decode

    config, codec = settings.kafka_config(), codec_of(settings)
    keys = {user.encode(): user for user in users}
    consumer = reader(config)
    try:
        every = places(consumer, [t.name for t in topics() if t.key == "user"])
        counts: dict[str, int] = {}
        for topic, _ in every:
            counts[topic] = counts.get(topic, 0) + 1
        wanted = {(topic, partition_of(key, count)) for topic, count in counts.items() for key in keys}
        steps = []
        for record in read(consumer, dict.fromkeys(wanted, BEGINNING), ends(admin_client(config), wanted)):
            if record.key in keys and record.value is not None:
                name, value = decode(codec, record)
                steps.append(Step(record, keys[record.key], name, value))
    finally:
        consumer.close()
    return sorted(steps, key=_order)


_STAGE = {topic.name: place for place, topic in enumerate(topics())}


def _order(step: Step) -> tuple[int, int, int]:
    """By append time; in the same millisecond, in the order of the pipeline."""
    return step.record.timestamp_ms, _STAGE.get(step.record.topic, 0), step.record.offset


def _users_with(settings: Settings, number: str) -> list[str]:
    from infra.cli.tenants import current_tenants

    return [user_key(tenant.id, number) for tenant in current_tenants(settings)]


def _find(settings: Settings, sid: str) -> tuple[str, set[str]]:
    """The user of a sid or reminder, and the names it is known by so far. Raises AnswerIsNoError."""
    from connectors.kafka.browse import whole
    from infra.cli.values import codec_of, decode

    codec = codec_of(settings)
    for topic in (REQUESTS, EVENTS, CALLS, SMS_EVENTS):
        for record in whole(settings.kafka_config(), [topic.name]):
            if record.value is None or sid.encode() not in record.value:
                continue
            _, value = decode(codec, record)
            if sid in (value.get("message_sid"), value.get("call_sid"), value.get("reminder_id")):
                names = {sid, value.get("reminder_id"), value.get("reply_id")}
                if topic is REQUESTS:
                    names.add(reminder_id(sid))
                return str(value["user"]), {str(name) for name in names if name}
    raise AnswerIsNoError(f"no topic names {sid}")


_NAMES = ("message_sid", "reminder_id", "in_reply_to", "reply_id")


def _about(steps: list[Step], names: set[str]) -> list[Step]:
    """Those steps that hang together with `names`: the SMS that asked, the reminder, its calls, replies, charges.

    Records name each other in both directions, so it is looked until nothing new is found.
    """
    found: set[int] = set()
    while True:
        before = len(found)
        for place, step in enumerate(steps):
            mine = {str(step.value[field]) for field in _NAMES if step.value.get(field)}
            # sms:{sid} or answered:{reminder}:{due}
            mine.update(str(step.value.get("charge_id", "")).split(":")[1:2])
            if mine & names:
                found.add(place)
                names |= mine
        if len(found) == before:
            return [steps[place] for place in sorted(found)]


def _show(steps: list[Step], as_json: bool) -> None:
    before: int | None = None
    rows: list[tuple[str, ...]] = []
    for step in steps:
        at = step.record.timestamp_ms
        delay = None if before is None else at - before
        before = at
        if as_json:
            print_json(_json(step, delay))
            continue
        reminder = reminder_of(step.value)
        rows.append(
            (
                clock(at),
                "" if delay is None else f"+{duration(delay)}",
                step.record.topic,
                step.record.place,
                reminder[:8] if reminder else "",
                step.what,
            )
        )
    if rows:
        for user in sorted({s.user for s in steps}):
            tenant, _, number = user.partition("|")
            click.echo(masked(f"{number} of {tenant}, from {instant(steps[0].record.timestamp_ms)}"))
        click.echo(masked(table([("TIME (UTC)", "AFTER", "TOPIC", "PLACE", "REMINDER", "WHAT"), *rows])))


def _json(step: Step, delay_ms: int | None) -> dict[str, Any]:
    from schemas.render import to_json

    return {
        "at": instant(step.record.timestamp_ms),
        "after_ms": delay_ms,
        "topic": step.record.topic,
        "partition": step.record.partition,
        "offset": step.record.offset,
        "user": step.user,
        "reminder_id": reminder_of(step.value),
        "what": step.what,
        "value": to_json(step.name, step.value),
    }
