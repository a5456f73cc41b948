"""The whole run: one local cluster, each subject's turn at each work, table and drawing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException

from infra.bench.timers import hardship, works
from infra.bench.timers.bullmq import BullMQ
from infra.bench.timers.floor import Floor, Progress, TooSlow
from infra.bench.timers.kstreams import KafkaStreams
from infra.bench.timers.nats import Nats
from infra.bench.timers.outcome import Outcome
from infra.bench.timers.ringback import Ringback
from infra.bench.timers.scale import Scale
from infra.bench.timers.subject import Subject, Unavailable
from infra.bench.timers.table import number
from infra.cluster import LocalCluster

Work = Callable[[Floor], list[Outcome]]

WORKS: dict[str, Work] = {
    "W1": works.w1,
    "W2": works.w2,
    "W3": works.w3,
    "W4": hardship.w4,
    "W5": hardship.w5,
    "W6": hardship.w6,
    "W7": hardship.w7,
}
# Kafka Streams trades lateness for throughput with one setting, so it runs with both ends of it.
COMMIT_INTERVALS_MS = {"kstreams": 10, "kstreams-100ms": 100}
# What a peer cannot do, or what cannot be told from outside, is not asked of it.
PEER_WORKS: dict[str, frozenset[str]] = {
    "kstreams": frozenset({"W1", "W2", "W3", "W5", "W6"}),
    "kstreams-100ms": frozenset({"W1", "W2", "W3"}),
    "nats": frozenset({"W1", "W2", "W3"}),
    "bullmq": frozenset({"W1", "W2", "W3"}),
}


@dataclass(slots=True)
class Report:
    """`absent`: by subject, or by subject and work, why there are no figures."""

    outcomes: list[Outcome] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)


def make_subject(name: str, cluster: LocalCluster, folder: Path, protocol: str) -> Subject:
    """Raises Unavailable."""
    if name == "bullmq":
        return BullMQ(folder)
    if name == "nats":
        return Nats(folder)
    if name in COMMIT_INTERVALS_MS:
        return KafkaStreams(name, cluster.bootstrap_servers, folder, COMMIT_INTERVALS_MS[name])
    return Ringback(cluster.bootstrap_servers, folder, protocol)


def run(
    wanted: Sequence[str],
    subjects: Sequence[str],
    scale: Scale,
    *,
    nodes: int,
    protocol: str,
    progress: Progress,
) -> Report:
    """Always on a cluster of our own: the works delete topics."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="bench-timers-") as name:
        folder = Path(name)
        with LocalCluster.start(folder / "cluster", nodes=nodes, progress=progress) as cluster:
            for subject_name in subjects:
                try:
                    subject = make_subject(subject_name, cluster, folder, protocol)
                except Unavailable as why:
                    report.absent[subject_name] = str(why)
                    continue
                try:
                    for work in wanted:
                        if work not in PEER_WORKS.get(subject_name, WORKS):
                            continue
                        _turn(report, work, Floor(subject, scale, progress), progress)
                finally:
                    subject.close()
    return report


def _turn(report: Report, work: str, floor: Floor, progress: Progress) -> None:
    progress(f"{work} on {floor.subject.name}")
    try:
        found = WORKS[work](floor)
    except (
        Unavailable,
        TooSlow,
        TimeoutError,
        KafkaException,
    ) as why:  # the others' figures are wanted all the same
        report.absent[f"{floor.subject.name} {work}"] = str(why)
        return
    for outcome in filter(lambda o: o.figures, found):
        progress("  " + "  ".join(f"{name} {number(value)}" for name, value in outcome.figures.items()))
    report.outcomes += found
