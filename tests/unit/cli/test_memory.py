"""What a burst has left free goes back to the system."""

from __future__ import annotations

import platform
import time

import pytest

from infra.run import memory
from infra.run.memory import GiveBack, anonymous_bytes


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc keeps it, and only glibc gives it back"
)
def test_what_was_freed_below_what_is_kept_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heap cannot shrink from its end while the last block is in use; a trim returns the pages between."""
    monkeypatch.setattr(memory, "LOOK_EVERY_S", 0.01)
    before = anonymous_bytes()
    with GiveBack():
        blocks = [bytes([n % 256]) * 100_000 for n in range(1_000)]
        assert anonymous_bytes() > before + 80_000_000
        kept = blocks[::50]
        del blocks
        deadline = time.monotonic() + 10
        while anonymous_bytes() > before + 30_000_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert anonymous_bytes() < before + 30_000_000
    assert len(kept) == 20
