"""May a store's file be opened at all? Asked before, because what LMDB maps into memory must not be torn.

The store is written without fsync: Kafka holds the truth, and a process that is killed loses nothing that it gave to
the kernel. A kernel that dies may. So while a store is open a small file beside it holds the id of this boot of the
kernel; found at the next start with another id, what it guards is removed and comes back from the changelog.

A page that was damaged on disk may kill the process that reads it, again at each restart. So the file counts the
openings that ended without a close within seconds; after STRIKES of them in a row the store is removed as well.
"""

from __future__ import annotations

import subprocess
import time
import uuid
from functools import cache
from pathlib import Path

STRIKES = 5
QUICK_S = 10.0


@cache
def boot_id() -> str:
    """Names this run of the kernel. Where it cannot be had each process gets one of its own: safe, and slower."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        pass
    try:
        asked = subprocess.run(
            ["sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, check=True, text=True
        )
        return asked.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return str(uuid.uuid4())


class Trust:
    """The file beside a store while it is open: boot id and strikes."""

    def __init__(self, store: Path) -> None:
        self._file = store.with_name(store.name + "-open")

    def take(self) -> str:
        """Why the store must not be opened; empty when it may. It counts as open from now on. Raises OSError."""
        why_not, strikes = "", 0
        try:
            boot, _, count = self._file.read_text().partition(" ")
            quick = time.time() - self._file.stat().st_mtime < QUICK_S
        except FileNotFoundError:
            pass
        else:
            strikes = int(count) + 1 if quick and count.isdigit() else 0
            if boot != boot_id():
                why_not = "the machine went down while it was open"
            elif strikes >= STRIKES:
                why_not, strikes = f"{strikes} processes died within seconds of opening it", 0
        self._file.write_text(f"{boot_id()} {strikes}")
        return why_not

    def release(self, *, on_disk: bool) -> None:
        """The store was closed; `on_disk`: and all of it would outlive the machine. Raises OSError."""
        if on_disk:
            self._file.unlink(missing_ok=True)
        else:
            self._file.write_text(f"{boot_id()} closed")
