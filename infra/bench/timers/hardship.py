"""The works W4 to W6: call-offs that race with the firing, kill -9, cold starts. W7 is in scaling.py."""

from __future__ import annotations

import random
import time
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

from infra.bench.timers.feed import AHEAD_MS, feeding
from infra.bench.timers.floor import COPIES_S, Floor, now_ms, wait_for, wait_while_any
from infra.bench.timers.load import Load, spread
from infra.bench.timers.outcome import Outcome
from infra.bench.timers.subject import Cancelling
from infra.bench.timers.tally import NEVER, Expected, percentile, tally

LATE_S = 60.0
MOVED_MS = 3_000
# Of twenty timers three are cancelled and two moved long before they are due, one either way in its last second.
CANCELLED, MOVED, LAST_SECOND = (0, 1, 2), (3, 4), 5
WIPED_EVERY = 3  # each third kill takes the local state with it
COLD_DUE = 800
IDLE_S = 5.0


def w4(floor: Floor) -> list[Outcome]:
    """Cancel and move: 30 % of the timers, 5 % within their last second. An acknowledged cancel must hold."""
    floor.begin()
    subject = floor.subject
    assert isinstance(subject, Cancelling)
    seconds = max(6, floor.scale.steady_s // 2)
    count = floor.scale.changing_per_s * seconds
    load = spread("w4", count, now_ms() + floor.lead_ms(count * 2), seconds * 1000)
    chosen = {kind: [t for t in range(count) if t % 20 == kind] for kind in range(6)}
    cancelled = sorted(t for kind in CANCELLED for t in chosen[kind])
    moved = sorted(t for kind in MOVED for t in chosen[kind])
    last = chosen[LAST_SECOND]
    with floor.watching() as watch:
        floor.ask(load)
        subject.cancel(load, cancelled)
        subject.move(load, moved, MOVED_MS)
        floor.asked += len(cancelled) + len(moved)
        floor.settle()
        spare_s = floor.in_time(load)
        _in_their_last_second(subject, load, last)
        floor.asked += len(last)
        floor.settle()
        wait_for(watch, count - len(cancelled) - len(last), 1)
        time.sleep(max(0.0, (max(load.due_at) + MOVED_MS - now_ms()) / 1000) + COPIES_S)
        held = subject.cancelled(load)
        instead = dict.fromkeys(held, NEVER)
        instead |= {t: _moved(load, t) for t in moved}
        instead |= {t: _moved(load, t, raced=True) for t in last[1::2]}
        wait_for(watch, count - len(held), LATE_S)
        found = tally(load, watch.fired(), instead)
    broken = len({f.timer for f in watch.fired() if f.load == load.name} & held)
    figures = {
        "called_off_but_fired": float(broken + len(set(cancelled) - held)),
        "moved_p99_ms": percentile(found.lateness_ms, 0.99),
        "cancelled_in_time": float(len(held)),
        "spare_s": spare_s,
    }
    return [Outcome("W4", floor.subject.name, count, figures, found)]


def _moved(load: Load, timer: int, *, raced: bool = False) -> Expected:
    before = load.due_at[timer]
    return Expected(frozenset({before + MOVED_MS}), frozenset({before} if raced else ()))


def _in_their_last_second(subject: Cancelling, load: Load, timers: Sequence[int]) -> None:
    """Every other one is cancelled, the rest moved, each at a random moment of the second before it is due."""
    rng = random.Random(4)
    at = sorted((load.due_at[t] - rng.randrange(1000), t) for t in timers)
    sent = 0
    odd = set(timers[1::2])
    while sent < len(at):
        time.sleep(max(0.0, (at[sent][0] - now_ms()) / 1000))
        now = now_ms()
        ready = [t for moment, t in at[sent:] if moment <= now]
        sent += len(ready)
        subject.cancel(load, [t for t in ready if t not in odd])
        subject.move(load, [t for t in ready if t in odd], MOVED_MS)


def w5(floor: Floor) -> list[Outcome]:
    """`kill -9` at random times, restarted at once, while timers are enqueued and fire; some lose their local state."""
    floor.begin()
    floor.progress(f"  seed {floor.scale.seed}")
    rng = random.Random(floor.scale.seed)
    pauses_s = [rng.uniform(*floor.scale.between_kills_s) for _ in range(floor.scale.kills)]
    seconds = int(sum(pauses_s)) + 8
    load = spread("w5", floor.scale.killed_per_s * seconds, now_ms() + AHEAD_MS + 1000, seconds * 1000)
    kills: list[tuple[float, bool]] = []
    with floor.watching() as watch, feeding(floor.subject, load) as feed:
        time.sleep(max(0.0, (load.due_at[0] - now_ms()) / 1000) + 1.0)
        for number, pause_s in enumerate(pauses_s, 1):
            time.sleep(pause_s)
            wiped = number % WIPED_EVERY == 0
            kills.append((time.time() * 1000, wiped))
            floor.subject.kill()
            if wiped:
                floor.subject.wipe()
            floor.subject.start()
        feed.finish()
        floor.asked += len(load)
        wait_while_any(watch, len(load), LATE_S)
        time.sleep(2 * COPIES_S)
        found = floor.judge(load, watch)
    figures = {"kills": float(len(kills))}
    by_wiped: dict[bool, list[float]] = {False: [], True: []}
    for (_, wiped), silence_s in zip(kills, silences(found.received_ms, kills), strict=True):
        if silence_s is not None:
            by_wiped[wiped].append(silence_s)
    if by_wiped[False]:
        figures |= {"silence_s": percentile(by_wiped[False], 0.5), "silence_max_s": max(by_wiped[False])}
    if by_wiped[True]:
        figures["silence_wiped_max_s"] = max(by_wiped[True])
    return [Outcome("W5", floor.subject.name, len(load), figures, found)]


def silences(received_ms: Sequence[float], kills: Sequence[tuple[float, bool]]) -> list[float | None]:
    """Per kill, the longest time without a record (s) from it on; None where the next kill came before its end.

    Not simply the time to the next record: some were on their way to the reader already.
    """
    times = sorted(received_ms)
    result: list[float | None] = []
    for number, (at_ms, _) in enumerate(kills):
        next_ms = kills[number + 1][0] if number + 1 < len(kills) else float("inf")
        window = [at_ms, *times[bisect_right(times, at_ms) : bisect_right(times, next_ms) + 1]]
        longest = max(((b - a, b) for a, b in pairwise(window)), default=None)
        result.append(longest[0] / 1000 if longest is not None and longest[1] <= next_ms else None)
    return result


def w6(floor: Floor) -> list[Outcome]:
    """Cold starts with many pending: from the start of the process to the first timer that fell due meanwhile."""
    floor.begin(pending=floor.scale.cold)
    subject = floor.subject
    figures: dict[str, float] = {}
    outcomes = []
    for how in ("clean", "killed", "lost_state"):
        load = spread(how.replace("_", ""), COLD_DUE, now_ms() + 4000, 1)
        with floor.watching() as watch:
            floor.ask(load)
            floor.in_time(load)
            if how == "clean":
                subject.stop()
            else:
                subject.kill()
            if how == "lost_state":
                subject.wipe()
            time.sleep(max(0.0, (load.due_at[0] - now_ms()) / 1000) + 0.2)
            if watch.count:
                raise TimeoutError(f"{subject.name} took longer to end than the timers to fall due")
            started_ms = time.time() * 1000
            subject.start()
            wait_for(watch, len(load), LATE_S * 5)
            found = floor.judge(load, watch)
        if not found.received_ms:
            raise TimeoutError(f"{subject.name} fired nothing after a restart ({how})")
        figures[f"{how}_first_fire_s"] = (min(found.received_ms) - started_ms) / 1000
        figures[f"{how}_all_fired_s"] = (max(found.received_ms) - started_ms) / 1000
        outcomes.append(Outcome("W6", subject.name, floor.scale.cold, {}, found))
    time.sleep(IDLE_S)
    before_s, since_s = subject.cpu_s(), time.monotonic()
    time.sleep(IDLE_S)
    figures["cold_cpu_percent"] = 100 * (subject.cpu_s() - before_s) / (time.monotonic() - since_s)
    figures["cold_ram_mb"] = subject.cost().anon_bytes / 1e6
    figures["cold_mapped_mb"] = subject.cost().file_bytes / 1e6
    return [Outcome("W6", subject.name, floor.scale.cold, figures), *outcomes]
