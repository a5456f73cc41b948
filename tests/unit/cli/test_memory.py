"""What a burst has left free goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from infra.generated import ROOT

# In a process of its own: a heap with holes would take the blocks without growing.
BURST = """
from infra.run import memory
from tests.waiting import until

memory.LOOK_EVERY_S = 0.01
before = memory.anonymous_bytes()
with memory.GiveBack():
    blocks = [bytes([n % 256]) * 100_000 for n in range(1_000)]
    assert memory.anonymous_bytes() > before + 80_000_000
    kept = blocks[::50]
    del blocks
    until(
        lambda: memory.anonymous_bytes() <= before + 30_000_000,
        "it is given back",
        patience_s=10,
        more=lambda: f"still {memory.anonymous_bytes() - before} bytes",
    )
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc keeps it, and only glibc gives it back"
)
def test_what_was_freed_below_what_is_kept_is_given_back() -> None:
    """The heap cannot shrink from its end while the last block is in use; a trim returns the pages between."""
    done = subprocess.run(
        [sys.executable, "-c", BURST], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
