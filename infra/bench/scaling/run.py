"""The whole run: everything is started, texts come in, members come and go, everything ends, and is judged."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from connectors.kafka import topics
from infra.bench.reporting import Progress
from infra.bench.scaling.fleet import RESOLVE_S, Fleet
from infra.bench.scaling.samples import Sample, Sampler, sampling
from infra.bench.scaling.shape import Change, Shape, changes, members_text
from infra.bench.scaling.spans import Figures, Span, measure
from infra.bench.scaling.texts import TENANTS, texting
from infra.bench.timers.waiting import until
from infra.cli.tenants import apply_tenants
from infra.cluster import LocalCluster
from infra.oracle import Event, History, Records, Verdict, judge
from streams.topology import STAGES

READY_S = 120.0
# A change has been overcome when for so many looks no stage was further behind, and its group has the members.
CALM_LAG_S, CALM_LOOKS, CALM_S = 2.0, 3, 120.0
SETTLE_S, SETTLE_POLL_S = 90.0, 1.0
# Each asks every member over HTTP: more often, and on two cores the asking is what is measured.
POLL_S = 0.25
# First markers on fresh partitions, brokers whose hot code is not compiled yet, and calls that are yet to fall due.
WARM_LEAST_S, WARM_UP_S = 20.0, 90.0


@dataclass(frozen=True, slots=True)
class Result:
    """`spans` with the figures of each, in order; `samples`: the lag, second by second; times in epoch ms."""

    shape: Shape
    nodes: int
    spans: Sequence[Span]
    figures: Sequence[Figures]
    samples: Sequence[Sample]
    verdict: Verdict
    unseen: Sequence[str]  # why looks at the lag failed
    began_ms: int  # the first SMS

    @property
    def fine(self) -> bool:
        return self.verdict.holds and self.verdict.sms > 0


class Run:
    """One run on a cluster whose topics of the map are empty, or not there yet."""

    def __init__(self, cluster: LocalCluster, folder: Path, shape: Shape, progress: Progress) -> None:
        self._cluster, self._folder, self._shape, self._say = cluster, folder, shape, progress
        self._spans: list[Span] = []

    def run(self, nodes: int) -> Result:
        """Raises ClusterError (a process failed), TimeoutError (a change was not overcome, or the run does not end),
        KafkaException."""
        shape = self._shape
        with Fleet(self._cluster, self._folder, shape.protocol) as fleet:
            self._start(fleet)
            config = fleet.settings.kafka_config()
            with closing(Records(config)) as records, sampling(config) as sampler:
                began_ms = now_ms()
                with texting(config, shape) as texts:
                    self._warm_up(fleet, sampler)
                    self._hold(fleet)
                    for change in changes(shape):
                        self._change(fleet, sampler, change)
                        self._hold(fleet)
                    sent = texts.stop()
                verdict, truth = self._settle(fleet, records, sent)
                rows, samples, unseen = records.rows(), list(sampler.samples), list(sampler.failed)
        figures = measure(self._spans, rows, truth, samples)
        return Result(shape, nodes, self._spans, figures, samples, verdict, unseen, began_ms)

    def _start(self, fleet: Fleet) -> None:
        self._say("starting the carrier, the gateway, and one member of each stage")
        topics.apply(topics.admin_client(fleet.settings.kafka_config()))
        apply_tenants(fleet.settings, TENANTS)
        fleet.start_doors()
        fleet.scale(list(STAGES), self._shape.counts[0])
        until(
            lambda: fleet.doors_ready() and fleet.ready(),
            f"not everything is ready within {READY_S:.0f} s",
            READY_S,
            POLL_S,
        )

    def _warm_up(self, fleet: Fleet, sampler: Sampler) -> None:
        self._say("warm-up, until no stage is behind")
        began_ms, counts = now_ms(), fleet.counts()
        time.sleep(min(WARM_LEAST_S, 2 * self._shape.due_s[1]))
        until(
            lambda: sampler.calm(counts, CALM_LAG_S, CALM_LOOKS) and fleet.ready(),
            f"this rate is too much for this machine: still behind after {WARM_UP_S:.0f} s: {sampler.last()}",
            WARM_UP_S,
            POLL_S,
        )
        self._spans.append(Span("warm-up", counts, began_ms, now_ms()))

    def _hold(self, fleet: Fleet) -> None:
        began_ms = now_ms()
        name = f"{members_text(fleet.counts())} members"
        self._say(f"{name}: {self._shape.hold_s:g} s")
        time.sleep(self._shape.hold_s)
        self._spans.append(Span(name, fleet.counts(), began_ms, now_ms()))

    def _change(self, fleet: Fleet, sampler: Sampler, change: Change) -> None:
        began_ms, looks = now_ms(), len(sampler.samples)
        fleet.scale(change.stages, change.after)
        until(fleet.ready, f"{change.name}: not all are ready within {READY_S:.0f} s", READY_S, POLL_S)
        ready_s = (now_ms() - began_ms) / 1000
        counts = fleet.counts()
        until(
            lambda: (
                len(sampler.samples) >= looks + CALM_LOOKS
                and sampler.calm(counts, CALM_LAG_S, CALM_LOOKS)
                and fleet.ready()
            ),
            f"{change.name}: some stage is behind, or its group has not these members: {sampler.last()}",
            CALM_S,
            POLL_S,
        )
        self._spans.append(Span(change.name, counts, began_ms, now_ms(), ready_s))
        worst = max((max(s.lag_s.values(), default=0.0) for s in sampler.samples[looks:]), default=0.0)
        self._say(
            f"{change.name}: ready after {ready_s:.1f} s; no stage was ever more than {worst:.1f} s behind"
        )

    def _settle(
        self, fleet: Fleet, records: Records, sent: Mapping[str, bool]
    ) -> tuple[Verdict, list[Event]]:
        """Wait until everything has its end in writing, and judge it."""
        self._say(f"{len(sent):,} SMS sent; waiting until each has its end")
        began_ms = now_ms()
        end_s = time.monotonic() + SETTLE_S
        while True:
            fleet.ready()  # raises when one has ended
            # The carrier last: it knows of every call before a topic does, and what it alone knows is waited for.
            rows, truth = records.rows(), read_truth(fleet.truth_file)
            resolve_ms = round(float(RESOLVE_S) * 1000)
            verdict = judge("scaling", History(sent, truth, rows, resolve_ms, now_ms()))
            if not verdict.missing or time.monotonic() > end_s:
                break
            time.sleep(SETTLE_POLL_S)
        self._spans.append(Span("to the end", fleet.counts(), began_ms, now_ms()))
        return verdict, truth


def read_truth(file: Path) -> list[Event]:
    """The carrier's ground truth, so far; a line that is being written is left for later."""
    return [json.loads(line) for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def now_ms() -> int:
    return time.time_ns() // 1_000_000
