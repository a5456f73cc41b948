"""The thread of Faust's consumer, as a process that is to end meets it."""

from __future__ import annotations

import subprocess
import sys

HANGS = """
import threading
from connectors.views.consumer import Daemon, ConsumerThread

runs = threading.Event()

class Service:
    def _start_thread(self):
        runs.set()
        threading.Event().wait()

assert ConsumerThread.Worker is Daemon
Daemon(Service()).start()
assert runs.wait(10)
"""


def test_a_client_that_hangs_keeps_no_process_from_ending() -> None:
    """Faust's own threads do: the interpreter waits for them."""
    done = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
