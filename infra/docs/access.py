"""The page "what each service may read and write"."""

from __future__ import annotations

from streams.access import LAG, OPERATOR, Grant, Service, services
from streams.topology import Topic, topics

PATH = "streams/access.md"
HEAD = """\
<!-- Made by `python -m infra.docs.interfaces` from streams/access.py: change that, not this. -->
# What each service may read and write

Each service connects as a Kafka user of its own and has the least rights that it works with: the pipeline is run
against a broker that refuses everything else (`tests/integration/deploy/test_rights.py`). On Kubernetes these are the
KafkaUsers in `infra/deploy/kubernetes/components/strimzi/users.yaml`; elsewhere give them with `kafka-acls`.

Own state and dead letters are included. Reads and writes of the carrier and of Redis are not Kafka's business: only
`gateway`, `calls` and `replies` have those secrets.
"""


def page() -> str:
    found = services()
    return "\n".join([HEAD, _by_service(found), "", _by_topic(found), "", *(_rights(s) for s in found)])


def _by_service(found: list[Service]) -> str:
    rows = ["| service | what it does | reads | writes |", "|---|---|---|---|"]
    rows += [f"| `{s.name}` | {s.meaning} | {_reads(s)} | {_names(s.writes)} |" for s in found]
    return "\n".join(rows)


def _reads(service: Service) -> str:
    return "everything" if service.looks_at_everything else _names(service.reads)


def _names(of_service: tuple[Topic, ...]) -> str:
    return ", ".join(f"`{topic.name}`" for topic in of_service) or "nothing"


def _by_topic(found: list[Service]) -> str:
    rows = ["## By topic", "", "| topic | holds | written by | read by |", "|---|---|---|---|"]
    for topic in topics():
        writers = ", ".join(s.name for s in found if topic in s.writes)
        readers = ", ".join(s.name for s in found if topic in s.reads and not s.looks_at_everything)
        rows.append(f"| `{topic.name}` | {topic.meaning} | {writers} | {readers} |")
    return "\n".join([*rows, "", f"`{LAG}` and `{OPERATOR}` read everything.", "", "## Rights, one by one"])


def _rights(service: Service) -> str:
    lines = [f"\n### {service.name}\n", f"User `{service.user}`.\n", "| on | called | may |", "|---|---|---|"]
    return "\n".join([*lines, *(_row(grant) for grant in service.grants)])


def _row(grant: Grant) -> str:
    name = f"`{grant.name}`" + (" and what begins so" if grant.prefix else "")
    return f"| {grant.resource} | {name} | {', '.join(grant.operations)} |"
