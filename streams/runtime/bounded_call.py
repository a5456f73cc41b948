"""A call into the client library that must not outlast its deadline, although it may never return.

`send_offsets_to_transaction` ignores its timeout while the group coordinator is down, and does not always notice that
it is back (librdkafka issues 5456 and 5511, open as of 2.16). A member would stand still for ever, alive to every
probe. So the call runs on a thread of its own; when it does not come back the thread and its producer are abandoned,
and the result counts as unknown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from streams.runtime.errors import UnknownResult

Call = Callable[[], object]
Meanwhile = Callable[[], bool]  # does one short thing; is there more?


class BoundedCalls:
    """Runs calls one at a time on a thread that is kept: handing over costs some 30 us, starting a thread more."""

    def __init__(self, name: str, deadline_s: float) -> None:
        self._name = name
        self._deadline_s = deadline_s
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._answers: SimpleQueue[BaseException | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def __call__(self, call: Call, meanwhile: Meanwhile = lambda: False) -> None:
        """Run `call`, raise what it raises; UnknownResult when it has not returned by the deadline.

        Until it returns, `meanwhile` is called here, as often as it says that there is more to do. It must be short,
        and must not raise: the call goes on whatever becomes of it.
        """
        if self._thread is None:
            self._thread = threading.Thread(
                target=_serve, args=(self._calls, self._answers), name=self._name, daemon=True
            )
            self._thread.start()
        self._calls.put(call)
        end_s = time.monotonic() + self._deadline_s
        while self._answers.empty() and meanwhile():
            if time.monotonic() > end_s:
                break
        try:
            error = self._answers.get(timeout=max(0.0, end_s - time.monotonic()))
        except Empty:
            self._abandon()
            raise UnknownResult(f"{self._name} has not returned for {self._deadline_s:.0f} s") from None
        if error is not None:
            raise error

    def _abandon(self) -> None:
        """The thread may hang for ever: it keeps its queues, and the next call gets others."""
        self._calls.put(None)
        self._calls, self._answers, self._thread = SimpleQueue(), SimpleQueue(), None

    def close(self) -> None:
        """Let the thread end."""
        self._calls.put(None)
        self._thread = None


def _serve(calls: SimpleQueue[Call | None], answers: SimpleQueue[BaseException | None]) -> None:
    while (call := calls.get()) is not None:
        try:
            call()
        except BaseException as error:
            answers.put(error)
        else:
            answers.put(None)
        del call  # or the thread would keep an abandoned producer alive
