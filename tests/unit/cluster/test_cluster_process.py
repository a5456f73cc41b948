"""Child processes: they stop when told, die when they must, and do not outlive their owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.cluster.errors import ChildFailed
from infra.cluster.identity import ProcessIdentity
from infra.cluster.process import ChildProcess, tail
from tests.waiting import until

DEADLINE_S = 20.0

STUBBORN = "trap '' TERM; sleep 600 & echo $!; wait"  # neither the shell nor its child heeds SIGTERM

# Goes on for a second after SIGTERM, and writes down each one.
PATIENT = "trap 'echo asked' TERM; echo ready; for i in $(seq 20); do sleep 0.05; done"

OWNER = """
import sys
from pathlib import Path
from infra.cluster.process import ChildProcess
child = ChildProcess.spawn(["sleep", "600"], name="sleeper", log=Path(sys.argv[1]), detached=sys.argv[2] == "yes")
print(child.pid, child.guardian_pid, flush=True)
sys.stdin.read()
"""


def test_it_runs_in_a_session_of_its_own_and_stops_on_sigterm(tmp_path: Path) -> None:
    """Ctrl-C in our terminal cannot reach it; SIGTERM ends it, the exit code says so; stop can be repeated."""
    child = ChildProcess.spawn(["sleep", "600"], name="sleeper", log=tmp_path / "log")
    assert child.running
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    assert child.stop(DEADLINE_S) == 128 + signal.SIGTERM
    assert child.stop(DEADLINE_S) == 128 + signal.SIGTERM


def test_one_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    """After the deadline comes SIGKILL, for the whole group."""
    child = ChildProcess.spawn(["sh", "-c", STUBBORN], name="stubborn", log=tmp_path / "log")
    until(lambda: child.tail().isdigit(), "the shell starts")
    grandchild = ProcessIdentity.of(int(child.tail()))
    assert grandchild.alive
    assert child.stop(0.2) == 128 + signal.SIGKILL
    until(lambda: not grandchild.alive, "the child of the child ends")


def test_one_that_was_asked_to_stop_is_not_asked_again(tmp_path: Path) -> None:
    """Owners ask all and then wait for each; a second SIGTERM ends a stage of ours at once, with work in hand."""
    child = ChildProcess.spawn(["sh", "-c", PATIENT], name="patient", log=tmp_path / "log")
    until(lambda: child.tail() == "ready", "the shell starts")
    child.terminate()
    until(lambda: "asked" in child.tail(), "it hears of it")
    assert child.stop(DEADLINE_S) == 0
    assert child.tail().count("asked") == 1


def test_exit_code_and_output_are_kept(tmp_path: Path) -> None:
    """Both streams end in the log, the code is the command's own, stdin is empty."""
    command = ["sh", "-c", "read line || echo no input; echo error >&2; exit 7"]
    child = ChildProcess.spawn(command, name="shell", log=tmp_path / "deep" / "log", env={"PATH": os.defpath})
    assert child.wait(DEADLINE_S) == 7
    assert child.tail().split("\n") == ["no input", "error"]
    child.stop()


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The failure is an exception in the owner, not a line in a log."""
    with pytest.raises(ChildFailed, match="no-such-command"):
        ChildProcess.spawn(["no-such-command"], name="nothing", log=tmp_path / "log")


@pytest.mark.parametrize("detached", ["no", "yes"])
def test_kill_9_of_the_owner(tmp_path: Path, detached: str) -> None:
    """A child ends with its owner, whatever ended that; a detached one runs on, and its guardian still takes orders."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "log"), detached],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        child, guardian = (ProcessIdentity.of(int(pid)) for pid in owner.stdout.readline().split())
        assert child.alive
        owner.kill()
    if detached == "yes":
        assert child.alive
        assert guardian.signal(signal.SIGTERM)
    until(lambda: not any(process.alive for process in (child, guardian)), "child and guardian end")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_kill_9_of_the_guardian_leaves_no_child(tmp_path: Path) -> None:
    """Whoever kills everything that looks like Python leaves no broker behind either."""
    child = ChildProcess.spawn(["sleep", "600"], name="sleeper", log=tmp_path / "log")
    identity = ProcessIdentity.of(child.pid)
    os.kill(child.guardian_pid, signal.SIGKILL)
    until(lambda: not identity.alive, "the child ends with its guardian")
    child.stop()


def test_a_pid_alone_is_not_an_identity() -> None:
    """A process that has the pid, but not the start, is neither alive nor signalled."""
    me = ProcessIdentity.of(os.getpid())
    assert me.alive
    other = ProcessIdentity(os.getpid(), "another start")
    assert not other.alive
    assert not other.signal(signal.SIGKILL)


def test_a_zombie_is_not_alive() -> None:
    """A process that has ended and was not waited for yet does not run."""
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not ProcessIdentity.of(process.pid).alive


def test_tail_is_bounded(tmp_path: Path) -> None:
    """The last lines only, of a log of any size, or of none."""
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_text("".join(f"line {n}\n" for n in range(100_000)))
    assert tail(log, 2) == "line 99998\nline 99999"
