"""`python -m tests.unit.runtime.damaged FILE SEED…`: damage a sound store in a way of each seed's own, and read it.

Prints a line a seed: its seed and `sound`, `failed` (StoreFailed) or `BELIEVED`. LMDB maps the file, so a damaged page
may kill the process that reads it; that is why this is one of its own.
"""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

from streams.runtime.errors import StoreFailed
from streams.runtime.view import StateView
from tests.unit.runtime.stores import WRITTEN, open_store

FLIPS = 20


def read_damaged(sound: Path, seed: int) -> str:
    path = sound.with_name(f"{seed}.lmdb")
    shutil.copy(sound, path)
    raw, chance = bytearray(path.read_bytes()), random.Random(seed)
    used = len(raw.rstrip(b"\0"))  # what follows is a hole
    for _ in range(FLIPS):
        raw[chance.randrange(used)] ^= 1 << chance.randrange(8)
    path.write_bytes(raw)
    try:
        store = open_store(path)
    except StoreFailed:
        return "failed"
    try:
        found = dict(StateView(store).scan(""))
    except StoreFailed:
        return "failed"
    finally:
        store.close()
    return "sound" if found in ({}, WRITTEN) else "BELIEVED"


if __name__ == "__main__":
    for text in sys.argv[2:]:
        print(text, read_damaged(Path(sys.argv[1]), int(text)), flush=True)
