"""Which rights each service needs at the broker, derived from the map: the least that it works with.

Kafka users and their ACLs (infra/deploy), the page `access.md` beside this file and the test that runs the pipeline
against a broker that refuses everything else (tests/integration/deploy) are made from here. The words are Kafka's:
`org.apache.kafka.common.acl.AclOperation` and `…resource.ResourceType`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from streams.topology import (
    BACKFILL,
    DEAD_LETTERS,
    DOORS,
    SMS_INBOUND,
    STAGES,
    TENANTS,
    VIEWS,
    Door,
    Stage,
    Topic,
    topics,
)

Resource = Literal["topic", "group", "transactionalId"]
Operation = Literal["Read", "Write", "Describe", "DescribeConfigs", "Create"]

# Who is no step of the map: the exporter of lag, and a person with the command line. Both look at everything.
LAG, OPERATOR = "lag", "operator"
# Names of groups that are never joined: the client library wants one, and asks where its coordinator is.
LOG_READER, BROWSER = "ringback.log-reader", "ringback.browse"
READERS_GROUPS = (LOG_READER, BROWSER)


@dataclass(frozen=True, slots=True)
class Grant:
    """`operations` on every resource of that type called `name`, or beginning so if `prefix`."""

    resource: Resource
    name: str
    operations: tuple[Operation, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """Who connects to the broker under a name of its own. `reads` and `writes` hold its own state and dead letters."""

    name: str
    meaning: str
    reads: tuple[Topic, ...]
    writes: tuple[Topic, ...]
    grants: tuple[Grant, ...]

    @property
    def looks_at_everything(self) -> bool:
        return self.name in (LAG, OPERATOR)

    @property
    def user(self) -> str:
        """The name that it authenticates by."""
        return f"ringback-{self.name}"


def services() -> list[Service]:
    """Every service: doors, stages in the order of the pipeline, then who looks and who operates."""
    found = [_of_door(door) for door in DOORS.values()] + [_of_stage(stage) for stage in STAGES.values()]
    return [*found, _views(), _lag(), _operator()]


def service(name: str) -> Service:
    """The service of that name. Raises KeyError."""
    found = {s.name: s for s in services()}
    return found[name]


def _of_door(door: Door) -> Service:
    # Beside the carrier's list it looks at what is there already, and whose the numbers are.
    reads = (SMS_INBOUND, TENANTS) if door == BACKFILL else ()
    groups = READERS_GROUPS if reads else ()
    grants = (*_topics(reads, door.writes), *(Grant("group", name, ("Describe",)) for name in groups))
    return Service(door.name, door.meaning, reads, door.writes, grants)


def _of_stage(stage: Stage) -> Service:
    own = (stage.changelog,) if stage.changelog else ()
    reads = _unique((*stage.reads, *stage.tables, *own))
    writes = _unique((*stage.writes, *own, DEAD_LETTERS))
    grants = [
        *_topics(reads, writes),
        Grant("group", stage.group, ("Read", "Describe")),
        *(Grant("group", name, ("Describe",)) for name in READERS_GROUPS),
        # One a producer of each member: Stage.transactional_id.
        Grant("transactionalId", f"ringback.{stage.name}.", ("Write", "Describe"), prefix=True),
    ]
    return Service(stage.name, stage.meaning, reads, writes, tuple(grants))


def _views() -> Service:
    """Reads, and writes nothing: its tables are its own, and the topics are their changelog."""
    grants = (
        *_topics(VIEWS.reads, ()),
        Grant("group", VIEWS.groups, ("Read", "Describe"), prefix=True),  # one a member
        *(Grant("group", name, ("Describe",)) for name in READERS_GROUPS),
    )
    return Service(VIEWS.name, VIEWS.meaning, VIEWS.reads, (), grants)


def _lag() -> Service:
    """Looks at every group and topic of the cluster, as exporters do, and at ages of records; writes nothing."""
    grants = (
        Grant("topic", "*", ("Read", "Describe", "DescribeConfigs")),
        Grant("group", "*", ("Describe",)),
    )
    return Service(LAG, "exports lag of all groups for Prometheus", tuple(topics()), (), grants)


def _operator() -> Service:
    """A person with the command line: topics, tenants, looking, and putting dead letters back."""
    inputs = _unique([topic for stage in STAGES.values() for topic in stage.reads])
    writes = _unique((TENANTS, *inputs))
    every = [Grant("topic", t.name, ("Read", "Describe", "DescribeConfigs", "Create")) for t in topics()]
    grants = (
        *every,
        *(Grant("topic", t.name, ("Write",)) for t in writes),
        Grant("group", "ringback.", ("Describe",), prefix=True),
    )
    return Service(OPERATOR, "a person with the command line", tuple(topics()), writes, grants)


def _topics(reads: Sequence[Topic], writes: Sequence[Topic]) -> Iterable[Grant]:
    """One grant a topic, in the order of the map."""
    for topic in topics():
        operations: list[Operation] = []
        if topic in reads:
            operations += ["Read"]
        if topic in writes:
            operations += ["Write"]
        if operations:
            yield Grant("topic", topic.name, (*operations, "Describe", "DescribeConfigs"))


def _unique(found: Iterable[Topic]) -> tuple[Topic, ...]:
    return tuple({topic.name: topic for topic in found}.values())
