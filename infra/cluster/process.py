"""A child process that does not outlive its owner, writes to a log file, and stops cleanly or not at all politely.

Used for brokers, Valkey, the schema registry, and by `ringback up` for the stages.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.cluster.errors import ChildFailed

LOG_KEPT_BYTES = 16 * 1024 * 1024  # a longer log is moved aside at the next start, so two of these at most
SPAWN_DEADLINE_S = 30.0  # from fork to exec; seconds only on a machine that swaps
KILL_DEADLINE_S = 10.0  # SIGKILL works at once unless the kernel waits for a disk
TAIL_BYTES = 64 * 1024

_GUARDIAN = Path(__file__).with_name("guardian.py")
_DETACHED: list[
    subprocess.Popen[bytes]
] = []  # kept, as a Popen that is dropped warns of a child that runs on


class ChildProcess:
    """One running command with its guardian (guardian.py).

    The guardian ends the command when this process is gone, however that happened, unless it was spawned
    `detached`. Ctrl-C in the terminal does not reach the command: its owner decides when it stops.
    """

    def __init__(self, name: str, pid: int, guardian: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.pid = pid
        self.log = log
        self._guardian = guardian
        self._asked = False  # to stop

    @classmethod
    def spawn(
        cls,
        command: Sequence[str | Path],
        *,
        name: str,
        log: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        grace_s: float = 10.0,
        detached: bool = False,
        kept_fds: Sequence[int] = (),
    ) -> ChildProcess:
        """Start `command` with stdout and stderr appended to `log`, stdin empty.

        `env` replaces the environment. `grace_s` is what the command gets between SIGTERM and SIGKILL when its
        owner is gone. `kept_fds` stay open in the guardian as long as it lives (locks that it shall hold).
        Raises ChildFailed when the command cannot be executed.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if log.stat().st_size > LOG_KEPT_BYTES:
                log.replace(log.with_name(log.name + ".1"))
        options = [*(["--detached"] if detached else []), "--grace-s", str(grace_s)]
        with log.open("ab") as output:
            guardian = subprocess.Popen(
                [sys.executable, "-I", "-S", _GUARDIAN, *options, "--", *map(str, command)],
                stdin=subprocess.DEVNULL if detached else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=cwd,
                env=env,
                start_new_session=True,
                pass_fds=tuple(kept_fds),
            )
        try:
            report = _read_report(guardian)
        except BaseException:
            guardian.kill()
            _finish(guardian)
            raise
        if not report.isdigit():
            _finish(guardian)
            reason = report.removeprefix("error: ") or f"its guardian ended with {guardian.returncode}"
            raise ChildFailed(f"{name} could not be started: {reason}")
        if detached:
            _DETACHED.append(guardian)
        return cls(name, int(report), guardian, log)

    @property
    def guardian_pid(self) -> int:
        """The process that waits for the command; signal this one, as it cannot be mistaken for another."""
        return self._guardian.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; then its exit code, or 128 + signal number."""
        return self._guardian.poll()

    @property
    def running(self) -> bool:
        return self.returncode is None

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait until it has ended. Returns its exit code, or None when it still runs after `timeout_s`."""
        try:
            return self._guardian.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM to its whole group) and return at once."""
        self._asked = True
        self._guardian.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to its whole group; returns when it is gone."""
        self._guardian.send_signal(signal.SIGUSR1)
        if self.wait(KILL_DEADLINE_S) is None:
            raise ChildFailed(f"{self.name} (pid {self.pid}) does not end on SIGKILL: is its disk stuck?")
        _finish(self._guardian)

    def stop(self, timeout_s: float = 10.0) -> int:
        """SIGTERM, wait up to `timeout_s`, then SIGKILL. Returns the exit code; safe to call again.

        After `terminate` no second SIGTERM is sent: programs (ours too) take that one for impatience, and drop
        what they have in hand.
        """
        if not self._asked:
            self.terminate()
        if self.wait(timeout_s) is None:
            self.kill()
        return _finish(self._guardian)

    def tail(self, lines: int = 30) -> str:
        """The last `lines` of its log, for an error message."""
        return tail(self.log, lines)


def tail(log: Path, lines: int = 30) -> str:
    """The last `lines` lines of a log file, at most 64 KiB; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _finish(guardian: subprocess.Popen[bytes]) -> int:
    """Wait for a guardian that is ending, and let go of the pipe to it."""
    code = guardian.wait()
    if guardian.stdin is not None:
        guardian.stdin.close()
    return code


def _read_report(guardian: subprocess.Popen[bytes]) -> str:
    """The guardian's one line: the child's pid or an error; empty when the guardian itself failed."""
    assert guardian.stdout is not None
    deadline = time.monotonic() + SPAWN_DEADLINE_S
    report = b""
    with guardian.stdout as stream:
        while not report.endswith(b"\n"):
            ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise ChildFailed(
                    f"no child process within {SPAWN_DEADLINE_S:.0f} s: is the machine swapping?"
                )
            chunk = os.read(stream.fileno(), 4096)
            if not chunk:
                break
            report += chunk
    return report.decode(errors="replace").strip()
