"""Timers that are enqueued while others fire: each some seconds before it is due."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from infra.bench.timers.floor import now_ms
from infra.bench.timers.load import Load
from infra.bench.timers.subject import Subject

AHEAD_MS = 4_000
EVERY_S = 0.1


class Feed:
    """Enqueues a load in due order, in a thread of its own, until its end or `stop`."""

    def __init__(self, subject: Subject, load: Load) -> None:
        self._subject, self._load = subject, load
        self._sent = 0
        self._failed: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feed {load.name}", daemon=True)
        self._thread.start()

    def finish(self) -> Load:
        """Wait until all of it is enqueued. Raises what the enqueueing raised."""
        self._thread.join()
        if self._failed is not None:
            raise self._failed
        return self._load.first(self._sent)

    def stop(self) -> Load:
        """Enqueue no more; what was enqueued until now. Raises as `finish`."""
        self.abandon()
        return self.finish()

    def abandon(self) -> None:
        """Enqueue no more, and let nobody know what failed. Raises nothing."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        due_at, sent = self._load.due_at, 0
        try:
            while sent < len(due_at) and not self._stop.is_set():
                until = now_ms() + AHEAD_MS
                ready = sent
                while ready < len(due_at) and due_at[ready] <= until:
                    ready += 1
                self._subject.enqueue(self._load, range(sent, ready))
                sent = self._sent = ready
                self._stop.wait(EVERY_S)
        except BaseException as error:
            # Told in the thread that waits: a load that was not fed is not lost timers.
            self._failed = error


@contextmanager
def feeding(subject: Subject, load: Load) -> Iterator[Feed]:
    """A feed that has ended when the block has, however that ended."""
    feed = Feed(subject, load)
    try:
        yield feed
    finally:
        feed.abandon()
