"""What metrics cost the timer stream: the production loop with them and without, in turn, on the same records.

Both sides run `reminders` as a member does, with a group and a store of its own each time, over one backlog of
requests that lies in the broker. *Off* is a sink that does nothing and books that nobody keeps; *on* is what
`ringback run` has, and a scraper that asks for the page every second, fifteen times as often as usual. What is
compared is the CPU of this process from the first commit to the last, client threads included: on a shared machine
that says more than the time that passed. The figure is the median of the pairs' ratios. Beside it stands what the sink
itself took on the *on* side, by the clock of the threads that called it: it has no noise, and leaves out what the
counting does to everything else.
"""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from confluent_kafka.cimpl import NewTopic

from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.metrics import Books, LoopMetrics, PrometheusMetrics
from schemas.registry import Codec
from streams import ids
from streams.phrases.read import read
from streams.reminders.processor import Reminders
from streams.runtime.clock import SystemClock
from streams.runtime.effects import NoHands
from streams.runtime.loop import Loop, LoopSettings
from streams.runtime.telemetry import NoTelemetry, Telemetry
from streams.runtime.wire import Wire
from streams.tenants import Tenant, TenantTable
from streams.topology import REMINDERS, REQUESTS

BAR = 0.03
TENANTS = [
    Tenant(id=f"tenant-{n}", numbers=(f"+1415555{n:04d}",), confirm_first_contact=False) for n in range(20)
]
TEXT = "Remind me to buy milk in 2 hours"
SCRAPE_S = 1.0
DONE_S = 300.0
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Row:
    """Microseconds of CPU a record, medians over the runs; `cost` is the median of the pairs' ratios, less one.
    `sink_us`: of `on_us`, what was spent in the sink and its page."""

    name: str
    pairs: int
    records: int
    off_us: float
    on_us: float
    cost: float
    sink_us: float
    costs: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Watched:
    """Hands on to `inner` what a stage called reminders would tell; notes this process's CPU at commits."""

    def __init__(self, inner: Telemetry, records: int) -> None:
        self._inner, self._wanted = inner, records
        self._began: tuple[int, float] | None = None
        self._records = 0
        self.us_a_record = self.sink_us = 0.0
        self.sink_s = 0.0  # since the first commit
        self.done = threading.Event()

    def committed(self, _stage: str, partition: int, records: int, dead: int) -> None:
        began_s = time.thread_time()
        self._inner.committed(REMINDERS.name, partition, records, dead)
        self.sink_s += time.thread_time() - began_s
        self._records += records
        if self._began is None:
            self._began, self.sink_s = (self._records, time.process_time()), 0.0
        elif self._records >= self._wanted and not self.done.is_set():
            first, cpu_s = self._began
            self.us_a_record = (time.process_time() - cpu_s) * 1e6 / (self._records - first)
            self.sink_us = self.sink_s * 1e6 / (self._records - first)
            self.done.set()

    def counted(self, _stage: str, partition: int, key: str, counters: Mapping[str, Any]) -> None:
        began_s = time.thread_time()
        self._inner.counted(REMINDERS.name, partition, key, counters)
        self.sink_s += time.thread_time() - began_s

    def aborted(self, _stage: str) -> None:
        self._inner.aborted(REMINDERS.name)

    def held(self, _stage: str, partition: int, held: bool) -> None:
        self._inner.held(REMINDERS.name, partition, held)

    def audited(self, _stage: str, partition: int, differences: Sequence[str]) -> None:
        self._inner.audited(REMINDERS.name, partition, differences)

    def observed(self, metric: str, value: float) -> None:
        self._inner.observed(metric, value)

    def happened(self, metric: str) -> None:
        self._inner.happened(metric)

    def unresolved(self, _stage: str, partition: int, key: str, since_ms: int | None) -> None:
        self._inner.unresolved(REMINDERS.name, partition, key, since_ms)

    def gone(self, _stage: str, partition: int) -> None:
        self._inner.gone(REMINDERS.name, partition)

    def standby_lag(self, _stage: str, partition: int, records: int) -> None:
        self._inner.standby_lag(REMINDERS.name, partition, records)


def measure(
    bootstrap: str, folder: Path, pairs: int, records: int, progress: Callable[[str], None]
) -> list[Row]:
    """A backlog in full transactions, and one record a transaction, where what a commit tells weighs most."""
    clients = KafkaClients(bootstrap)
    admin = clients.admin()
    topics.apply(admin, PARTITIONS)
    _fill(clients, records)
    return [
        _row("full transactions", clients, folder, pairs, records, 1_000, progress),
        _row("one record each", clients, folder, pairs, max(100, records // 40), 1, progress),
    ]


def _row(
    name: str,
    clients: KafkaClients,
    folder: Path,
    pairs: int,
    records: int,
    max_batch: int,
    progress: Callable[[str], None],
) -> Row:
    took: dict[bool, list[float]] = {False: [], True: []}
    sink: list[float] = []
    for pair in range(pairs + 1):
        for on in (pair % 2 == 0, pair % 2 == 1):
            watched = _run(clients, folder, records, max_batch, on=on)
            if pair:  # the first warms up: broker, files, interpreter
                took[on].append(watched.us_a_record)
                sink += [watched.sink_us] if on else []
        if pair:
            progress(f"{name}, pair {pair}: off {took[False][-1]:.1f} us, on {took[True][-1]:.1f} us")
    costs = tuple(round(on / off - 1, 4) for off, on in zip(took[False], took[True], strict=True))
    off_us, on_us = (round(statistics.median(took[on]), 2) for on in (False, True))
    return Row(
        name,
        pairs,
        records,
        off_us,
        on_us,
        round(statistics.median(costs), 4),
        round(statistics.median(sink), 3),
        costs,
    )


def _run(clients: KafkaClients, folder: Path, records: int, max_batch: int, *, on: bool) -> Watched:
    """One run of the loop over the backlog. Raises TimeoutError."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    stage = replace(REMINDERS, name=name)
    assert stage.changelog is not None
    changelog = NewTopic(stage.changelog.name, PARTITIONS, config=stage.changelog.config())
    admin = clients.admin()  # its futures end with it
    for made in admin.create_topics([changelog]).values():
        made.result(10)
    metrics = PrometheusMetrics() if on else None
    clock = SystemClock(metrics=metrics)
    watched = Watched(NoTelemetry(), records)
    ended = threading.Event()
    if metrics is not None:
        books = Books(metrics, clock.now_ms)
        metrics.before_page(books.show)
        watched = Watched(LoopMetrics(metrics, books, REMINDERS.name), records)
        threading.Thread(target=_scrape, args=(metrics, watched, ended), daemon=True).start()
    tenants = TenantTable(TENANTS)
    loop = Loop(
        stage,
        lambda _: Reminders(tenants),
        clients=clients,
        codec=Wire(None),
        clock=clock,
        hands=NoHands(),
        telemetry=watched,
        settings=LoopSettings(name, folder / name, max_batch=max_batch),
    )
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    try:
        if not watched.done.wait(DONE_S):
            raise TimeoutError(f"{records} records were not committed within {DONE_S:.0f} s")
    finally:
        loop.stop()
        thread.join()
        ended.set()
    return watched


def _scrape(metrics: PrometheusMetrics, watched: Watched, ended: threading.Event) -> None:
    while not ended.wait(SCRAPE_S):
        began_s = time.thread_time()
        metrics.page("application/openmetrics-text")
        watched.sink_s += time.thread_time() - began_s


def _fill(clients: KafkaClients, records: int) -> None:
    """So many requests, each of a user of its own."""
    encode = Codec(None).encoder(REQUESTS.name, "Request")
    producer = clients.plain_producer()
    command, now_ms = read(TEXT), time.time_ns() // 1_000_000
    for number in range(records):
        tenant, caller = TENANTS[number % len(TENANTS)], f"+1212{number:07d}"
        user = ids.user_key(tenant.id, caller)
        value = {
            "message_sid": f"SM{number:032x}",
            "tenant": tenant.id,
            "user": user,
            "from": caller,
            "to": tenant.numbers[0],
            "received_at": now_ms,
            "text": TEXT,
            "command": command.name,
            "subject": command.subject,
            "when": command.when.to_record() if command.when is not None else None,
            "number": None,
            "zone": None,
            "accepted_at": now_ms,
        }
        producer.produce(REQUESTS.name, encode(value), user)
        if number % 1_000 == 0:
            producer.poll(0)
    if left := producer.flush(60):
        raise TimeoutError(f"{left} records were not acknowledged")


def table(rows: list[Row]) -> str:
    """Medians over the pairs."""
    head = f"{'CPU a record, us':20}{'records':>9}{'pairs':>7}{'off':>10}{'on':>10}"
    lines = [f"{head}{'cost':>8}{'sink':>8}   cost of each pair"]
    for row in rows:
        each = " ".join(f"{cost:+.1%}" for cost in row.costs)
        verdict = "" if row.cost <= BAR else f"  above {BAR:.0%}"
        lines.append(
            f"{row.name:20}{row.records:9}{row.pairs:7}{row.off_us:10.1f}{row.on_us:10.1f}"
            f"{row.cost:+8.1%}{row.sink_us / row.on_us:8.2%}   {each}{verdict}"
        )
    return "\n".join(lines)
