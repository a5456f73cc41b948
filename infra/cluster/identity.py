"""Which process is it really? A pid is given anew; a pid together with the moment of its start is not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessIdentity:
    """A pid and an opaque text that names the start of that process, and on Linux the boot it belongs to."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """The identity of the process that has `pid` now; `started` is empty if there is none."""
        return cls(pid, _started(pid))

    @property
    def alive(self) -> bool:
        """Whether that very process still runs; a zombie does not."""
        return self.started != "" and _started(self.pid) == self.started

    def signal(self, number: signal.Signals) -> bool:
        """Send `number` to that very process. Returns False if it is gone.

        Where the kernel has pidfds (Linux), a pid that is reused between look and signal is not hit either.
        """
        if sys.platform == "linux":
            try:
                fd = os.pidfd_open(self.pid)
            except ProcessLookupError:
                return False
            except OSError:
                fd = -1  # a kernel or sandbox without pidfds
            if fd >= 0:
                try:
                    if not self.alive:
                        return False
                    signal.pidfd_send_signal(fd, number)
                    return True
                except ProcessLookupError:
                    return False
                finally:
                    os.close(fd)
        if not self.alive:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False


_PROC = Path("/proc/self/stat").exists()


def _started(pid: int) -> str:
    """The start of `pid`, empty if there is no such process or it is a zombie."""
    return _started_by_proc(pid) if _PROC else _started_by_ps(pid)


def _started_by_proc(pid: int) -> str:
    """Boot id and clock ticks since boot: proc(5), fields 3 and 22 of stat."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    fields = text[text.rindex(")") + 2 :].split()  # the name in parentheses may hold spaces and parentheses
    state, start_ticks = fields[0], fields[19]
    return "" if state in "ZX" else f"{boot}/{start_ticks}"


def _started_by_ps(pid: int) -> str:
    """What ps says, to the second: macOS and the BSDs."""
    result = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, start = result.stdout.strip().partition(" ")
    return "" if not start or state.startswith("Z") else start.strip()
