"""Which engine holds a partition's reminders: insert, read, pop in wake order, start again, RAM, disk.

Each engine runs in a process of its own, so that its memory is its own. Keys and values have the sizes of a reminder's;
values do not compress. CPU time, not wall time: some engines work in threads of their own, and that counts.

    python -m infra.bench stores                   all that are installed, one after the other
    python -m infra.bench.stores ENGINE NUMBER     one engine, figures as JSON
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from infra.bench.stores.engines import ENGINES, Put
from infra.bench.timers import cost

BATCH = 1_000
VALUE_BYTES = 230
POPPED = 100_000
READ = 20_000
DAY_MS = 86_400_000


def compare(number: int) -> dict[str, dict[str, float]]:
    """Figures of each engine by name, see `measure`. An engine that is not installed is left out."""
    found = {}
    for name in ENGINES:
        command = [sys.executable, "-m", "infra.bench.stores", name, str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found[name] = json.loads(done.stdout)
        elif "ModuleNotFoundError" not in done.stderr:
            raise RuntimeError(f"{name}: {done.stderr}")
    return found


def measure(name: str, number: int) -> dict[str, float]:
    """us of CPU per operation, ms to open again and name the next timer, bytes of anonymous RAM and disk per key."""
    chance = random.Random(1)
    noise = chance.randbytes(VALUE_BYTES * 2_048)
    batches = [
        [_put(n, noise, chance) for n in range(start, min(number, start + BATCH))]
        for start in range(0, number, BATCH)
    ]
    figures = {}
    with tempfile.TemporaryDirectory(prefix="stores-") as text:
        folder = Path(text)
        engine = ENGINES[name](folder)
        before, begin = cost.of_process(os.getpid()).anon_bytes, time.process_time()
        for batch in batches:
            engine.write(batch, ())
        figures["insert_us"] = (time.process_time() - begin) / number * 1e6
        figures["ram_bytes"] = (cost.of_process(os.getpid()).anon_bytes - before) / number
        wanted = [chance.choice(chance.choice(batches)).key for _ in range(READ)]
        begin = time.process_time()
        for key in wanted:
            engine.get(key)
        figures["read_us"] = (time.process_time() - begin) / READ * 1e6
        begin = time.process_time()
        for key in wanted:
            engine.get(b"m|" + key)
        figures["miss_us"] = (time.process_time() - begin) / READ * 1e6
        engine.close()
        start_s = time.perf_counter()
        engine = ENGINES[name](folder)
        engine.due(1)
        figures["open_ms"] = (time.perf_counter() - start_s) * 1000
        figures["disk_bytes"] = cost.disk_bytes(folder) / number
        popped, begin = 0, time.process_time()
        while popped < min(number, POPPED):
            due = engine.due(BATCH)
            engine.write((), due)
            popped += len(due)
        figures["pop_us"] = (time.process_time() - begin) / popped * 1e6
        engine.close()
    return {name: round(value, 2) for name, value in figures.items()}


TITLES = {
    "insert_us": "insert, us of CPU",
    "read_us": "read, us of CPU",
    "miss_us": "read of a key that is not there, us of CPU",
    "pop_us": "pop in due order, us of CPU",
    "open_ms": "open again and name the next timer, ms",
    "ram_bytes": "anonymous RAM a key, B",
    "disk_bytes": "disk a key, B",
}


def table(found: dict[str, dict[str, float]], number: int) -> str:
    """Of what `compare` found for `number` keys: a row a figure, a column an engine."""
    lines = [
        f"{number:,} keys, values of {VALUE_BYTES} B".ljust(44) + "".join(f"{name:>12}" for name in found)
    ]
    for key, title in TITLES.items():
        lines.append(f"{title:44}" + "".join(f"{figures[key]:12,.2f}" for figures in found.values()))
    missing = [name for name in ENGINES if name not in found]
    return "\n".join(lines + [f"{name}: not installed (extra bench)" for name in missing])


def _put(number: int, noise: bytes, chance: random.Random) -> Put:
    scattered = number * 2_654_435_761 % 2**32
    key = f"r|tenant{number % 10}|+1555{scattered % 10**7:07}|{scattered:08x}-aaaa-5bbb-8ccc-{number:012x}"
    start = number % 2_047 * VALUE_BYTES
    return Put(key.encode(), noise[start : start + VALUE_BYTES], chance.randrange(DAY_MS))
