"""Failpoints strike where they are armed: once, at the named time, in the thread that is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from streams.runtime.failpoints import failpoint
for number in range(4):
    print(number, flush=True)
    failpoint("here")
    failpoint("elsewhere")
"""


def started(spec: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RINGBACK_FAILPOINTS": spec},
        cwd=Path(__file__).parents[3],
    )


@pytest.mark.parametrize(("spec", "printed"), [("here", "0\n"), ("other=1,here=3", "0\n1\n2\n")])
def test_killed_at_the_named_time(spec: str, printed: str) -> None:
    """The process is gone before its next line, without any clean-up."""
    process = started(spec)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert said == printed


def test_paused_until_it_is_told_to_go_on() -> None:
    """SIGSTOP at the second time; after SIGCONT it goes on from there, and is not stopped again."""
    process = started("here=2:stop")
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "it ran through"
    process.send_signal(signal.SIGCONT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said == "0\n1\n2\n3\n"


def test_what_is_not_armed_does_nothing() -> None:
    """Nor what is armed for a time that does not come."""
    process = started("elsewhere=9")
    assert process.communicate(timeout=30)[0] == "0\n1\n2\n3\n"
    assert process.returncode == 0
