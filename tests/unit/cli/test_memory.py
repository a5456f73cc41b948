"""What a burst has left free goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# In a process of its own: a heap with holes would take the blocks without growing.
BURST = """
import sys, time
from infra.run import memory

memory.LOOK_EVERY_S = 0.01
before = memory.anonymous_bytes()
with memory.GiveBack():
    blocks = [bytes([n % 256]) * 100_000 for n in range(1_000)]
    assert memory.anonymous_bytes() > before + 80_000_000
    kept = blocks[::50]
    del blocks
    end = time.monotonic() + 10
    while memory.anonymous_bytes() > before + 30_000_000:
        if time.monotonic() > end:
            sys.exit(f"still {memory.anonymous_bytes() - before} bytes")
        time.sleep(0.01)
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc keeps it, and only glibc gives it back"
)
def test_what_was_freed_below_what_is_kept_is_given_back() -> None:
    """The heap cannot shrink from its end while the last block is in use; a trim returns the pages between."""
    done = subprocess.run(
        [sys.executable, "-c", BURST], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
