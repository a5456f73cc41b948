"""One hop: from `poll` returning one record to the commit of its transaction returning.

Both loops get one record at a time, the next when the last is committed, so nothing is batched away. They take
turns, and a run's figure is held against the run beside it: the machine is shared, and its mood changes by the
minute. Decoding and encoding are left out on both sides; the records have the same sizes.
"""

from __future__ import annotations

import statistics
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.cimpl import NewTopic

from connectors.kafka.clients import KafkaClients
from infra.bench.hop.bare import Bare, Feed
from infra.bench.hop.ours import VALUE, Ours
from streams.topology import DAY_MS, DEAD_LETTERS, Stage, Topic

BAR = 1.3
WARM_UP_HOPS = 200


@dataclass(frozen=True, slots=True)
class Figures:
    """Milliseconds; medians over the runs."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class HopResult:
    name: str
    bare: Figures
    ours: Figures

    @property
    def ratio(self) -> float:
        return self.ours.p50_ms / self.bare.p50_ms

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": round(self.ratio, 3)}


def measure(bootstrap: str, folder: Path, runs: int, hops: int) -> list[HopResult]:
    """Both kinds of stage against the bare loop, on topics of their own."""
    clients = KafkaClients(bootstrap)
    return [
        _measure("stateless", clients, folder, runs, hops, stateful=False),
        _measure("stateful", clients, folder, runs, hops, stateful=True),
        # Like against like: the bare loop has one producer, and waits for the markers of its last transaction.
        _measure("stateful, one producer", clients, folder, runs, hops, stateful=True, producers=1),
    ]


def _measure(
    label: str,
    clients: KafkaClients,
    folder: Path,
    runs: int,
    hops: int,
    *,
    stateful: bool,
    producers: int = 2,
) -> HopResult:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    inputs = {who: Topic(f"{name}.{who}.in", "user", "Value", DAY_MS) for who in ("bare", "ours")}
    out = Topic(f"{name}.out", "user", "Value", DAY_MS)
    stage = Stage(name, (inputs["ours"],), (out,), "forwards", stateful=stateful, tables=())
    _make_topics(clients, [*inputs.values(), out, *([stage.changelog] if stage.changelog else [])])
    writes = [(out.name, VALUE)]
    if stage.changelog:
        writes.append((stage.changelog.name, VALUE))
    producer = clients.plain_producer()
    bare = Bare(clients, f"{name}.bare", inputs["bare"].name, writes)
    ours = Ours(clients, stage, folder / name, producers)
    took: dict[str, list[list[float]]] = {"bare": [], "ours": []}
    try:
        for run in range(runs + 1):
            for who, loop in (("bare", bare), ("ours", ours)):
                figures = loop.run(hops if run else WARM_UP_HOPS, _feeding(producer, inputs[who].name))
                if run:
                    took[who].append(figures)
    finally:
        ours.close()
        bare.close()
    return HopResult(label, _figures(took["bare"]), _figures(took["ours"]))


def _figures(runs: list[list[float]]) -> Figures:
    return Figures(
        round(statistics.median(statistics.median(run) for run in runs), 3),
        round(statistics.median(statistics.quantiles(run, n=100)[98] for run in runs), 3),
    )


def _feeding(producer: Producer, topic: str) -> Feed:
    def feed() -> None:
        producer.produce(topic, VALUE, b"key", partition=0)
        producer.poll(0)

    return feed


def _make_topics(clients: KafkaClients, wanted: list[Topic]) -> None:
    """One partition each, made anew; the dead letters' topic may be there."""
    admin = clients.admin()
    if DEAD_LETTERS.name not in admin.list_topics(timeout=10).topics:
        wanted = [*wanted, DEAD_LETTERS]
    for future in admin.create_topics([NewTopic(t.name, 1, config=t.config()) for t in wanted]).values():
        future.result(30)


def table(results: list[HopResult], runs: int, hops: int) -> str:
    """Medians over the runs, milliseconds."""
    lines = [f"one hop, medians of {runs} alternating runs of {hops} records, ms"]
    lines.append(f"{'':28}{'bare p50':>9}{'p99':>8}{'loop p50':>10}{'p99':>8}{'ratio':>8}")
    for result in results:
        bare, ours = result.bare, result.ours
        verdict = "" if result.ratio <= BAR else f"  above {BAR}"
        lines.append(
            f"{result.name:28}{bare.p50_ms:9.2f}{bare.p99_ms:8.2f}"
            f"{ours.p50_ms:10.2f}{ours.p99_ms:8.2f}{result.ratio:7.2f}x{verdict}"
        )
    return "\n".join(lines)
