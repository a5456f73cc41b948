"""What a process costs, from Linux' /proc (man 5 proc), and what a folder takes on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds since the process started; resident bytes, those of mapped files apart; bytes of its state on disk.

    Of several processes: the sums.
    """

    cpu_s: float
    anon_bytes: int
    file_bytes: int
    disk_bytes: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.cpu_s + other.cpu_s,
            self.anon_bytes + other.anon_bytes,
            self.file_bytes + other.file_bytes,
            self.disk_bytes + other.disk_bytes,
        )


NOTHING = Cost(0.0, 0, 0)


def cpu_s(pid: int) -> float:
    """User and system time, all threads. Raises OSError when the process is gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def of_process(pid: int) -> Cost:
    """Raises OSError when the process is gone."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )

    def kilobytes(name: str) -> int:
        return int(status[name].split()[0]) * 1024

    return Cost(cpu_s(pid), kilobytes("RssAnon"), kilobytes("RssFile") + kilobytes("RssShmem"))


def disk_bytes(folder: Path) -> int:
    """Blocks in use, not lengths: a store may keep sparse files. Files that vanish meanwhile count nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).lstat().st_blocks * 512
            except FileNotFoundError:
                continue
    return total
