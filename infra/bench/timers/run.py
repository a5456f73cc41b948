"""The whole run: one local cluster, each subject's turn at each work, table and drawing."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from confluent_kafka import KafkaException

from infra.bench.reporting import Progress
from infra.bench.timers import hardship, scaling, works
from infra.bench.timers.bullmq import BullMQ
from infra.bench.timers.floor import Floor, TooFew, TooSlow
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
    "W7": scaling.w7,
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
    return Ringback(cluster.bootstrap_servers, folder, protocol, tight=name == "ringback-tight")


def run(
    wanted: Sequence[str],
    subjects: Sequence[str],
    scale: Scale,
    *,
    nodes: int,
    protocol: str,
    progress: Progress,
    pending: Sequence[int] = (),
    folder: Path | None = None,
) -> Report:
    """Always on a cluster of our own: the works delete topics.

    `pending`: each work once for each of these counts, see `Scale.with_pending`; none: once, as the scale says.
    `folder`: where cluster and members work and leave their logs; none: a temporary one.
    """
    report = Report()
    scales = [scale.with_pending(count) for count in pending] or [scale]
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-timers-")))
        cluster = stack.enter_context(LocalCluster.start(folder / "cluster", nodes=nodes, progress=progress))
        for name in subjects:
            try:
                subject = make_subject(name, cluster, folder, protocol)
            except Unavailable as why:
                report.absent[name] = str(why)
                continue
            with closing(subject):
                for work, size in product(wanted, scales):
                    if work in PEER_WORKS.get(name, WORKS):
                        _turn(report, work, Floor(subject, size, progress), progress, several=len(scales) > 1)
    return report


def _turn(report: Report, work: str, floor: Floor, progress: Progress, *, several: bool) -> None:
    pending = floor.scale.pending
    title = f"{floor.subject.name} {work}" + (f" at {pending:,} pending" if several else "")
    progress(title)
    try:
        found = WORKS[work](floor)
    except (
        Unavailable,
        TooSlow,
        TooFew,
        TimeoutError,
        KafkaException,
    ) as why:  # the others' figures are wanted all the same
        report.absent[title] = str(why)
        return
    for outcome in filter(lambda o: o.figures, found):
        progress("  " + "  ".join(f"{name} {number(value)}" for name, value in outcome.figures.items()))
    report.outcomes += [replace(outcome, pending=pending) for outcome in found]
