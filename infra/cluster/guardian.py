"""Runs one child process and ends it when its owner is gone. Executed as a script, never imported.

Why a process of its own, and not a thread, `atexit` or Linux's parent-death signal in the owner: only another
process survives `kill -9` of the owner, a pipe works on every Unix, and the parent-death signal follows the *thread*
that forked, so a worker thread that ends would take its broker with it. This guardian has one thread, so for the
step from guardian to child that signal is sound, and is used where there is one.

    python -I -S guardian.py [--detached] [--grace-s 10] -- COMMAND ARG…

stdin: the read end of a pipe whose write end only the owner holds; end of file means that the owner is gone.
stdout: one line is written, `PID` of the child or `error: …`, then it is closed. stderr: the child's log.
Signals: SIGTERM or SIGINT is passed on as SIGTERM; SIGUSR1 kills the child at once. When the owner is gone the
child gets SIGTERM, and SIGKILL after the grace: there is nobody left to decide.
Exit code: the child's own, or 128 + the signal that ended it, or 127 when it could not be started.

The child leads a session of its own: Ctrl-C in the terminal reaches neither guardian nor child, and
what the child has forked is signalled with it.
Only the standard library is imported, and of that little: a guardian costs some 15 ms and 9 MB.
"""

import contextlib
import os
import select
import signal
import sys
import time

POLL_S = 1.0  # how often the owner's pid is looked at beside the pipe, which a forked owner keeps open
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _start_child(command: list[str], guardian_pid: int) -> tuple[int, str]:
    """Fork and exec. Returns (pid, "") or (pid, why exec failed); the pid is to be waited for in both cases."""
    read_end, write_end = (
        os.pipe()
    )  # not inheritable: closed by a successful exec, so end of file means success
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            devnull = os.open(os.devnull, os.O_RDONLY)
            os.dup2(devnull, 0)
            os.dup2(2, 1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            if sys.platform == "linux":
                with contextlib.suppress(ImportError, OSError, AttributeError):
                    import ctypes

                    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != guardian_pid:
                    os._exit(127)  # the guardian died between fork and prctl
            os.execvp(command[0], command)
        except BaseException as error:
            os.write(write_end, f"{command[0]}: {error}".encode())
        finally:
            os._exit(127)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as report:
        return pid, report.read().decode(errors="replace")


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def guard(command: list[str], detached: bool, grace_s: float) -> int:
    """Start `command` and return its exit code; see the module's docstring for what ends it early."""
    owner = os.getppid()
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    wanted: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda received, _frame: wanted.append(received))
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    pid, failure = _start_child(command, os.getpid())
    os.write(1, (f"error: {failure}" if failure else str(pid)).encode() + b"\n")
    os.dup2(2, 1)  # closes the report, so that its reader is not kept waiting by a guardian that lives on

    watched = [wake_read] if detached else [wake_read, 0]
    kill_at: float | None = None
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        left_s = POLL_S if kill_at is None else max(0.0, min(POLL_S, kill_at - time.monotonic()))
        ready, _, _ = select.select(watched, [], [], left_s)
        if wake_read in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_read, 512)
        orphaned = not detached and ((0 in ready and not os.read(0, 512)) or os.getppid() != owner)
        if orphaned:
            watched, detached = [wake_read], True  # said once
        if signal.SIGUSR1 in wanted or (kill_at is not None and time.monotonic() >= kill_at):
            _signal_group(pid, signal.SIGKILL)
            kill_at = None
        elif wanted or orphaned:
            _signal_group(pid, signal.SIGTERM)
            if orphaned:
                kill_at = time.monotonic() + grace_s
        wanted.clear()
    _signal_group(pid, signal.SIGKILL)  # whatever the child left behind in its group
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    split = sys.argv.index("--")
    options = sys.argv[1:split]
    grace = float(options[options.index("--grace-s") + 1]) if "--grace-s" in options else 10.0
    sys.exit(guard(sys.argv[split + 1 :], "--detached" in options, grace))
