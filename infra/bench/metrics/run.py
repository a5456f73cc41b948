"""What metrics cost the timer stream: the production loop, which tells them for one stretch of its backlog and keeps
them to itself for the next, in turn, in one run.

The loop runs `reminders` as a member does. *On* it tells what `ringback run` is told, and a scraper asks for the page
once a stretch, which is about a second: fifteen times as often as usual. *Off* it tells a sink that does nothing.
What is compared is the CPU of this process, client threads included, from one stretch's last commit to the next
one's: on a shared machine that says more than the time that passed. Each stretch with metrics is held against the
mean of its two neighbours without, so that what drifts (caches, neighbours, a growing store) drops out; the figure is
the median.

Runs on and off as a whole, which came before, differed by -16 % to +32 %: noise far wider than the bar.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from confluent_kafka.cimpl import NewTopic

from connectors.kafka import topics
from connectors.kafka.clients import KafkaClients
from connectors.metrics import Books, LoopMetrics, PrometheusMetrics
from infra.bench.metrics.telling_in_turn import TellingInTurn
from infra.bench.reporting import Progress
from schemas.registry import Codec
from streams import ids
from streams.phrases.read import read
from streams.reminders.processor import Reminders
from streams.runtime.clock import SystemClock
from streams.runtime.effects import NoHands
from streams.runtime.loop import Loop, LoopSettings
from streams.runtime.wire import Wire
from streams.tenants import Tenant, TenantTable
from streams.topology import REMINDERS, REQUESTS

BAR = 0.03
TENANTS = [
    Tenant(id=f"tenant-{n}", numbers=(f"+1415555{n:04d}",), confirm_first_contact=False) for n in range(20)
]
TEXT = "Remind me to buy milk in 2 hours"
DONE_S = 600.0
PARTITIONS = 4
WARM_UP = 2  # stretches that are not counted: broker, files, interpreter
# name → (records a stretch, most records a transaction): a second of work each.
SHAPES = {"full transactions": (5_000, 1_000), "one record each": (400, 1)}


@dataclass(frozen=True, slots=True)
class Row:
    """Microseconds of CPU a record, medians over the stretches. `cost`: what metrics add, as a part of `off_us`, the
    median over the stretches with metrics; `quartiles` of the same."""

    name: str
    stretches: int
    records: int
    off_us: float
    on_us: float
    cost: float
    quartiles: tuple[float, float]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(bootstrap: str, folder: Path, stretches: int, progress: Progress) -> list[Row]:
    """A backlog in full transactions, and one record a transaction, where what a commit tells weighs most. `stretches`:
    how many with metrics; there is one more without. Raises TimeoutError."""
    clients = KafkaClients(bootstrap)
    topics.apply(clients.admin(), PARTITIONS)
    in_all = WARM_UP + 2 * stretches + 1
    # The last stretch may begin late, by as much as a transaction of each partition holds.
    needed = max(in_all * records + 2 * PARTITIONS * batch for records, batch in SHAPES.values())
    progress(f"writing {needed:,} requests")
    _fill(clients, needed)
    rows = []
    for name, (records, max_batch) in SHAPES.items():
        progress(f"{name}: {in_all} stretches of {records:,} records")
        took_us = _run(clients, folder / name.split()[0], in_all, records, max_batch)[WARM_UP:]
        rows.append(_row(name, records, took_us))
    return rows


def _row(name: str, records: int, took_us: Sequence[float]) -> Row:
    """`took_us`: a record's CPU in each stretch, off and on in turn, the first and the last off."""
    off, on = took_us[::2], took_us[1::2]
    costs = [
        2 * with_ / (before + after) - 1 for with_, before, after in zip(on, off[:-1], off[1:], strict=True)
    ]
    low, middle, high = statistics.quantiles(costs, n=4)
    return Row(
        name,
        len(on),
        records,
        round(statistics.median(off), 2),
        round(statistics.median(on), 2),
        round(middle, 4),
        (round(low, 4), round(high, 4)),
    )


def _run(clients: KafkaClients, folder: Path, stretches: int, records: int, max_batch: int) -> list[float]:
    """One run of the loop over the backlog: CPU a record of each stretch, us. Raises TimeoutError."""
    name = f"bench-{folder.name}"
    stage = replace(REMINDERS, name=name)
    assert stage.changelog is not None
    changelog = NewTopic(stage.changelog.name, PARTITIONS, config=stage.changelog.config())
    admin = clients.admin()  # its futures end with it
    for made in admin.create_topics([changelog]).values():
        made.result(10)
    metrics = PrometheusMetrics()
    clock = SystemClock(metrics=metrics)
    books = Books(metrics, clock.now_ms)
    metrics.before_page(books.show)
    telling = TellingInTurn(LoopMetrics(metrics, books, REMINDERS.name), REMINDERS.name, records, stretches)
    scraper = threading.Thread(target=_scrape, args=(metrics, telling), daemon=True)
    scraper.start()
    tenants = TenantTable(TENANTS)
    loop = Loop(
        stage,
        lambda _: Reminders(tenants),
        clients=clients,
        codec=Wire(None),
        clock=clock,
        hands=NoHands(),
        telemetry=telling,
        settings=LoopSettings(name, folder, max_batch=max_batch),
    )
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    try:
        if not telling.done.wait(DONE_S):
            raise TimeoutError(f"{stretches * records} records were not committed within {DONE_S:.0f} s")
    finally:
        loop.stop()
        thread.join()
        telling.finish()
        scraper.join()
    return telling.took_us


def _scrape(metrics: PrometheusMetrics, telling: TellingInTurn) -> None:
    while telling.wait_for_on():
        metrics.page("application/openmetrics-text")


def _fill(clients: KafkaClients, records: int) -> None:
    """So many requests, each of a user of its own. Raises TimeoutError."""
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
        if number % 10_000 == 0:  # the client's queue has room for ten times as many
            producer.flush(60)
    if left := producer.flush(60):
        raise TimeoutError(f"{left} records were not acknowledged")


def table(rows: list[Row]) -> str:
    """Medians over the stretches."""
    head = f"{'CPU a record, us':20}{'records':>9}{'stretches':>11}{'off':>10}{'on':>10}"
    lines = [f"{head}{'cost':>8}   half of the stretches"]
    for row in rows:
        low, high = row.quartiles
        verdict = "" if row.cost <= BAR else f"  above {BAR:.0%}"
        lines.append(
            f"{row.name:20}{row.records:9,}{row.stretches:11}{row.off_us:10.1f}{row.on_us:10.1f}"
            f"{row.cost:+8.1%}   {low:+.1%} to {high:+.1%}{verdict}"
        )
    return "\n".join(lines)
