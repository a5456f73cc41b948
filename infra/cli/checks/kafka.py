"""Is Kafka there, are its topics those of the map, and would its settings hold what the design promises?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from connectors.kafka.topics import admin_client, plan
from connectors.settings import Settings
from infra.cli.checks import TIMEOUT_S, Finding
from infra.cli.errors import kafka_text
from streams.topology import STAGES, topics

APPLY = "run `ringback topics apply`"


def check(settings: Settings) -> Iterator[Finding]:
    servers = settings.kafka_bootstrap_servers
    if servers is None:
        advice = "set it, or run `ringback cluster start`, or `ringback up`"
        yield Finding("kafka", "fail", "KAFKA_BOOTSTRAP_SERVERS is not set", advice)
        return
    admin = admin_client(settings.kafka_config())
    try:
        metadata = admin.list_topics(timeout=TIMEOUT_S)
    except KafkaException as error:
        advice = "start the brokers; everything waits until they are back, nothing is lost"
        yield Finding("kafka", "unreachable", f"{servers}: {kafka_text(error)}", advice)
        return
    brokers = len(metadata.brokers)
    yield Finding("kafka", "ok", f"{servers}: {brokers} broker{'s' if brokers > 1 else ''}")
    for examine in (_topics, _replicas, _settings, _groups):
        try:
            yield from examine(admin, metadata, settings)
        except KafkaException as error:
            yield Finding(f"kafka{examine.__name__.replace('_', ' ')}", "warn", kafka_text(error), "")
    yield from _tenants(settings, "tenants" in metadata.topics)


def _topics(admin: AdminClient, _metadata: Any, _settings: Settings) -> Iterator[Finding]:
    plans = plan(admin)
    missing = [p.topic.name for p in plans if p.action == "create"]
    if missing:
        yield Finding("topics", "fail", f"missing: {', '.join(missing)}", APPLY)
    for p in plans:
        if p.action == "drift":
            # Users parted from their state is wrong; another retention may be somebody's decision.
            moved = any(d.what == "partitions" for d in p.differences)
            text = "; ".join(map(str, p.differences))
            yield Finding(
                f"topic {p.topic.name}", "fail" if moved else "warn", text, "see `ringback topics plan`"
            )
    if not missing and all(p.action == "ok" for p in plans):
        yield Finding(
            "topics", "ok", f"{len(plans)} as the map wants them, {plans[0].partitions} partitions each"
        )


def _replicas(admin: AdminClient, metadata: Any, _settings: Settings) -> Iterator[Finding]:
    ours = [metadata.topics[t.name] for t in topics() if t.name in metadata.topics]
    parts = [(t.topic, p) for t in ours for p in t.partitions.values()]
    leaderless = sorted({name for name, p in parts if p.leader < 0})
    behind = sorted({name for name, p in parts if p.leader >= 0 and len(p.isrs) < len(p.replicas)})
    if leaderless:
        advice = "a broker is missing; those partitions wait for it"
        yield Finding("partitions", "fail", f"without leader: {', '.join(leaderless)}", advice)
    if behind:
        advice = "a broker is away or catching up; a further loss stops writes"
        yield Finding("partitions", "warn", f"not all replicas in sync: {', '.join(behind)}", advice)
    if not ours:
        return
    asked = admin.describe_configs([ConfigResource(ResourceType.TOPIC, t.topic) for t in ours])
    for resource, future in asked.items():
        minimum = int(future.result(TIMEOUT_S)["min.insync.replicas"].value)
        replicas = min(len(p.replicas) for p in metadata.topics[resource.name].partitions.values())
        if replicas > 1 and minimum >= replicas:
            text = f"{replicas} replicas, min.insync.replicas {minimum}: one broker away stops writes"
            yield Finding(f"topic {resource.name}", "warn", text, f"min.insync.replicas={replicas - 1}")
        if replicas >= 3 and minimum < 2:
            text = f"{replicas} replicas, min.insync.replicas {minimum}: an acknowledged record can be lost"
            yield Finding(f"topic {resource.name}", "fail", text, "min.insync.replicas=2")


def _settings(admin: AdminClient, metadata: Any, settings: Settings) -> Iterator[Finding]:
    broker = next(iter(metadata.brokers))
    future = next(iter(admin.describe_configs([ConfigResource(ResourceType.BROKER, str(broker))]).values()))
    found = {name: entry.value for name, entry in future.result(TIMEOUT_S).items()}
    findings = list(judge_broker(found, len(metadata.brokers), settings.group_protocol))
    yield from findings
    if not findings:
        yield Finding("broker settings", "ok", "session and transaction timeouts are as the loop needs them")


def judge_broker(found: Mapping[str, str | None], brokers: int, group_protocol: str) -> Iterator[Finding]:
    """What is wrong with a broker's settings. A setting that the broker does not tell is passed over. Pure."""

    def number(name: str) -> int | None:
        value = found.get(name)
        return int(value) if value is not None and value.lstrip("-").isdigit() else None

    def at_most(name: str, limit: int, state: Any, otherwise: str) -> Iterator[Finding]:
        value = number(name)
        if value is not None and value > limit:
            yield Finding(f"broker {name}", state, f"{value}: {otherwise}", f"set it to {limit} or less")

    yield from at_most("group.min.session.timeout.ms", 6_000, "fail", "members ask for a session of 6 s")
    if group_protocol == "consumer":
        for name in ("group.consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms"):
            yield from at_most(name, 6_000, "warn", "a dead member's partitions stand still that long")
    yield from at_most(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        1_000,
        "warn",
        "a dead member's transaction holds up readers that much longer than its 3 s",
    )
    longest = number("transaction.max.timeout.ms")
    if longest is not None and longest < 3_000:
        yield Finding(
            "broker transaction.max.timeout.ms", "fail", f"{longest}: the loop asks for 3000", "raise it"
        )
    largest = number("message.max.bytes")
    if largest is not None and largest < 1_000_000:
        text = f"{largest}: a dead letter of up to 900 kB would not fit"
        yield Finding("broker message.max.bytes", "warn", text, "set it to 1048588, Kafka's default")
    if found.get("unclean.leader.election.enable") == "true":
        text = "true: acknowledged records can be lost"
        yield Finding("broker unclean.leader.election.enable", "fail", text, "set it to false")
    wanted = min(3, brokers)
    for name in ("transaction.state.log.replication.factor", "offsets.topic.replication.factor"):
        replicas = number(name)
        if replicas is not None and replicas < wanted:
            text = f"{replicas} on {brokers} brokers: the loss of one broker loses it"
            yield Finding(f"broker {name}", "warn", text, f"set it to {wanted} before the first use")


def _groups(admin: AdminClient, _metadata: Any, _settings: Settings) -> Iterator[Finding]:
    groups = {stage.group: stage.name for stage in STAGES.values()}
    described = admin.describe_consumer_groups(list(groups), request_timeout=TIMEOUT_S)
    empty, moving, members = [], [], []
    for group, future in described.items():
        try:
            about: Any = future.result()
        except KafkaException:
            empty.append(groups[group])
            continue
        if not about.members:
            empty.append(groups[group])
        elif about.state != ConsumerGroupState.STABLE:
            moving.append(f"{groups[group]} ({about.state.name.lower()})")
        else:
            members.append(f"{groups[group]} {len(about.members)}")
    if members:
        yield Finding("stages", "ok", f"members: {', '.join(members)}")
    if moving:
        yield Finding("stages", "warn", f"not settled: {', '.join(moving)}", "look again in ten seconds")
    if empty:
        yield Finding(
            "stages", "warn", f"nobody runs: {', '.join(empty)}", f"`ringback run {' '.join(empty)}`"
        )


def _tenants(settings: Settings, topic_is_there: bool) -> Iterator[Finding]:
    if not topic_is_there:
        return
    from infra.cli.tenants import current_tenants

    try:
        found = current_tenants(settings)
    except Exception as error:
        yield Finding("tenants", "fail", f"cannot be read: {error}", "look with `ringback cat tenants`")
        return
    numbers = sum(len(t.numbers) for t in found)
    if not found:
        yield Finding("tenants", "fail", "none: every SMS is a dead letter", "`ringback tenants apply FILE`")
    else:
        yield Finding("tenants", "ok", f"{len(found)}, with {numbers} numbers")
