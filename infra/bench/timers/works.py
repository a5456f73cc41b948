"""The works W1 to W3: enqueue, fire steadily, fire at once. Those that break things are in hardship.py."""

from __future__ import annotations

import statistics
import threading
import time

from infra.bench.timers.floor import FAR_MS, Floor, Step, TooFew, accept, now_ms, wait_for
from infra.bench.timers.load import Load, scattered, spread
from infra.bench.timers.outcome import Outcome
from infra.bench.timers.tally import percentile, tenants_spread

SETTLE_S = 2.0  # flushes and frees that follow a load
LATE_S = 30.0


def w1(floor: Floor) -> list[Outcome]:
    """Enqueue: how fast a backlog of timers becomes durable state, and what a pending one takes.

    Where the input is a log the backlog waits in it when the process starts, so the load generator is not measured.
    """
    outcomes = []
    for count in floor.scale.enqueue:
        floor.begin(pending=0)
        subject = floor.subject
        floor.restart()
        time.sleep(SETTLE_S)
        idle = subject.cost()
        load = scattered(f"w1n{count}", count, now_ms() + FAR_MS, FAR_MS, seed=1)
        floor.asked += count
        if subject.keeps_backlog:
            subject.stop()
            subject.enqueue(load, range(count))
            subject.start()
            steps = accept(subject, floor.asked)
        else:
            asking = threading.Thread(target=subject.enqueue, args=(load, range(count)), daemon=True)
            asking.start()
            steps = accept(subject, floor.asked)
            asking.join()
        wall, cpu = rates(steps, floor.asked - count)
        time.sleep(SETTLE_S)
        full = subject.cost()
        figures = {
            "enqueue_per_s": wall,
            "enqueue_per_cpu_s": cpu,
            "ram_per_pending_bytes": (full.anon_bytes - idle.anon_bytes) / count,
            "mapped_per_pending_bytes": (full.file_bytes - idle.file_bytes) / count,
            "disk_per_pending_bytes": (full.disk_bytes - idle.disk_bytes) / count,
            "idle_ram_mb": idle.anon_bytes / 1e6,
        }
        outcomes.append(Outcome("W1", subject.name, count, figures))
    return outcomes


def rates(steps: list[Step], before: int) -> tuple[float, float]:
    """Timers a second, and a CPU second, from the first commit that held any of them to the last one.

    What happens before the first commit (start of the process, joining the group) is W6's business. Raises TooFew.
    """
    later = [step for step in steps if step.count > before]
    first, last = later[0], later[-1]
    if first is last:
        raise TooFew("everything was accepted in one commit: take more timers")
    count = last.count - first.count
    return count / (last.at_s - first.at_s), count / max(last.cpu_s - first.cpu_s, 0.01)


def w2(floor: Floor) -> list[Outcome]:
    """Steady firing: lateness from due to receipt at a high rate and at a light one."""
    floor.begin()
    scale = floor.scale
    return [
        _steady(floor, "fast", scale.rate_per_s, scale.steady_s, "steady"),
        _steady(floor, "slow", scale.trickle_per_s, scale.trickle_s, "trickle"),
    ]


def _steady(floor: Floor, name: str, per_s: int, seconds: int, key: str) -> Outcome:
    count = per_s * seconds
    load = spread(name, count, now_ms() + floor.lead_ms(count), seconds * 1000)
    outcome = _fire(floor, "W2", load, seconds)
    late = outcome.tally.lateness_ms if outcome.tally else []
    figures = {
        f"{key}_p50_ms": percentile(late, 0.5),
        f"{key}_p99_ms": percentile(late, 0.99),
        f"{key}_max_ms": max(late),
        **outcome.figures,
    }
    return Outcome("W2", outcome.subject, count, figures, outcome.tally)


def w3(floor: Floor) -> list[Outcome]:
    """A burst: everything due in the same millisecond, and within one second, over a thousand tenants."""
    floor.begin()
    return [_burst(floor, "same", 1, "burst"), _burst(floor, "second", 1000, "second")]


def _burst(floor: Floor, name: str, over_ms: int, key: str) -> Outcome:
    count = floor.scale.burst
    load = spread(name, count, now_ms() + floor.lead_ms(count), over_ms)
    outcome = _fire(floor, "W3", load, over_ms // 1000)
    assert outcome.tally is not None
    received = sorted(outcome.tally.received_ms)
    start_ms = min(load.due_at)
    figures = {
        f"{key}_drain_s": (received[-1] - start_ms) / 1000,
        f"{key}_tenants_spread": tenants_spread(outcome.tally.by_tenant_ms),
        f"{key}_median_ms": statistics.median(outcome.tally.lateness_ms),
        **outcome.figures,
    }
    drained = [(at_ms - start_ms, n) for n, at_ms in enumerate(received, 1)]
    return Outcome("W3", outcome.subject, count, figures, outcome.tally, drained)


def _fire(floor: Floor, work: str, load: Load, seconds: int) -> Outcome:
    """Enqueue, wait until it is accepted, and watch it fire."""
    floor.ask(load)
    with floor.watching() as watch:
        spare_s = floor.in_time(load)
        time.sleep(max(0.0, spare_s - 0.1))
        before_s = floor.subject.cpu_s()
        wait_for(watch, len(load), seconds + LATE_S)
        cpu_s = floor.subject.cpu_s() - before_s
        found = floor.judge(load, watch)
    if not found.lateness_ms:
        raise TimeoutError(f"{floor.subject.name} fired nothing of {load.name}")
    figures = {"spare_s": spare_s, "fire_per_cpu_s": len(load) / max(cpu_s, 0.01), "fire_cpu_s": cpu_s}
    return Outcome(work, floor.subject.name, len(load), figures, found)
