"""The map, as data: topics, keys, partitions, groups, who reads and writes what.

Topic creation, the documentation, `doctor` and the tests derive from these tables; nothing else names a topic.
All topics keyed by user have the same partition count and the same partitioner (murmur2, what Java uses), so
one user is one partition number everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DAY_MS = 86_400_000
DEFAULT_PARTITIONS = 8
PARTITIONER = "murmur2_random"

Key = Literal["any", "user", "tenant", "source", "state"]


@dataclass(frozen=True, slots=True)
class Topic:
    """`record` is the Avro name of the values; None where several share the topic (state, dead letters)."""

    name: str
    key: Key
    record: str | None
    retention_ms: int | None = None  # None: compacted
    meaning: str = ""

    def config(self) -> dict[str, str]:
        """What the broker is asked for. Settings not named here are the cluster's business."""
        if self.retention_ms is None:
            # A store that was away for longer than half of delete.retention.ms is wiped (runtime/store.py).
            return {"cleanup.policy": "compact", "delete.retention.ms": str(7 * DAY_MS)}
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            # Records stamped ten days ago by their producer would be deleted unread within seconds.
            "message.timestamp.type": "LogAppendTime",
        }


SMS_INBOUND = Topic("sms.inbound", "any", "SmsReceived", 7 * DAY_MS, "SMS as they reach our numbers")
REQUESTS = Topic("reminders.requests", "user", "Request", 7 * DAY_MS, "what users asked, zone-free")
EVENTS = Topic(
    "reminders.events", "user", "ReminderEvent", 30 * DAY_MS, "outcome of each SMS, life of each reminder"
)
DUE = Topic("reminders.due", "user", "ReminderDue", 7 * DAY_MS, "attempts to call, when they are due")
CALLS = Topic("calls.events", "user", "CallEvent", 30 * DAY_MS, "evidence about calls")
OUTBOUND = Topic("sms.outbound", "user", "SmsReply", 7 * DAY_MS, "SMS to users")
SMS_EVENTS = Topic("sms.events", "user", "SmsEvent", 30 * DAY_MS, "evidence about SMS to users")
CHARGES = Topic("billing.charges", "user", "Charge", 7 * 365 * DAY_MS, "money")
TENANTS = Topic("tenants", "tenant", "Tenant", None, "companies that own the numbers")
DEAD_LETTERS = Topic(
    "dead.letters", "source", "DeadLetter", 30 * DAY_MS, "what could not be processed, and why"
)


@dataclass(frozen=True, slots=True)
class Stage:
    """One consumer group. `reads` are co-partitioned, save for the inbound stage's single topic.

    `rereads`: its steps read the same state again and again within moments (runtime/recall.py).
    """

    name: str
    reads: tuple[Topic, ...]
    writes: tuple[Topic, ...]
    meaning: str
    stateful: bool = True
    rereads: bool = False
    tables: tuple[Topic, ...] = field(default=(TENANTS,))

    @property
    def group(self) -> str:
        return f"ringback.{self.name}"

    @property
    def changelog(self) -> Topic | None:
        if not self.stateful:
            return None
        return Topic(f"{self.name}.changelog", "state", None, None, f"state of {self.name}")

    def transactional_id(self, member: str, producer: int) -> str:
        """Stable per member, so that a restart ends what the dead process left open within a second."""
        return f"ringback.{self.name}.{member}.{producer}"


INBOUND = Stage("inbound", (SMS_INBOUND,), (REQUESTS,), "reads each SMS, keys it by user", stateful=False)
REMINDERS = Stage(
    "reminders", (REQUESTS, CALLS), (DUE, EVENTS, OUTBOUND), "the timer stream: waits, fires, retries"
)
CALLING = Stage(
    "calls", (DUE, CALLS, EVENTS), (CALLS,), "calls the user, at most once an attempt", rereads=True
)
REPLIES = Stage(
    "replies",
    (OUTBOUND, SMS_EVENTS, EVENTS),
    (SMS_EVENTS,),
    "sends SMS to users, at most once each",
    rereads=True,
)
BILLING = Stage("billing", (EVENTS,), (CHARGES,), "turns facts into charges")

STAGES: dict[str, Stage] = {s.name: s for s in (INBOUND, REMINDERS, CALLING, REPLIES, BILLING)}


@dataclass(frozen=True, slots=True)
class ReadModels:
    """What answers questions and changes nothing. Each member reads everything, so each is a group by itself."""

    name: str
    reads: tuple[Topic, ...]
    meaning: str

    @property
    def groups(self) -> str:
        """How the names of its groups begin."""
        return f"ringback.{self.name}."

    def group(self, member: str) -> str:
        return f"{self.groups}{member}"


VIEWS = ReadModels(
    "views",
    (EVENTS, DUE, CALLS, CHARGES, DEAD_LETTERS),
    "answers what users, tenants and on-call ask, over HTTP",
)


@dataclass(frozen=True, slots=True)
class Door:
    """A way in from outside: writes topics like any producer, and is no consumer group."""

    name: str
    writes: tuple[Topic, ...]
    meaning: str


GATEWAY = Door("gateway", (SMS_INBOUND, CALLS, SMS_EVENTS), "takes the carrier's webhooks and says the words")
BACKFILL = Door("backfill", (SMS_INBOUND,), "finds SMS whose webhook was lost in the carrier's list")

DOORS: dict[str, Door] = {d.name: d for d in (GATEWAY, BACKFILL)}


def topics() -> list[Topic]:
    """Every topic of the map, in the order of the pipeline, changelogs last."""
    seen: dict[str, Topic] = {}
    for stage in STAGES.values():
        for topic in (*stage.reads, *stage.writes):
            seen.setdefault(topic.name, topic)
    for topic in (TENANTS, DEAD_LETTERS):
        seen.setdefault(topic.name, topic)
    for stage in STAGES.values():
        if stage.changelog:
            seen[stage.changelog.name] = stage.changelog
    return list(seen.values())


def topic(name: str) -> Topic:
    """The topic of that name. Raises KeyError."""
    return next(t for t in topics() if t.name == name)
