"""Members come, go, freeze and come back."""

from __future__ import annotations

import signal
import threading
import time
from functools import partial

import pytest

from connectors.kafka.clients import SESSION_TIMEOUT_MS
from streams.runtime.bounded_call import Meanwhile
from streams.runtime.errors import UnknownResult
from streams.runtime.loop import Loop
from streams.runtime.transactions import Transactions
from tests.integration.loop.line import Line
from tests.waiting import until

pytestmark = pytest.mark.integration


def test_a_second_member_under_load(protocol_line: Line) -> None:
    """Partitions move while records flow and come back when the member leaves: exactly once, and none is split."""
    line = protocol_line
    first = line.start("a", max_batch=10)
    stop = threading.Event()

    def load() -> None:
        number = 0
        while not stop.is_set():
            line.count(20, start=number)
            number += 20
            stop.wait(0.05)  # a pace that one member keeps up with

    producing = threading.Thread(target=load)
    producing.start()
    try:
        second = line.start("b", max_batch=10)
        until(lambda: first.owned() and second.owned(), "each has its part")
        assert not first.owned() & second.owned()
    finally:
        stop.set()
        producing.join()
    line.check_exactly_once()
    assert first.alive
    assert second.alive


def test_who_is_stopped_tells_the_others(line: Line) -> None:
    """The partitions of a stopped member move at the others' next heartbeat, not when its session ends. Until then its
    loop moved all the time, and the other's still does."""
    leaving, staying = line.start("a"), line.start("b")
    until(lambda: leaving.owned() and staying.owned(), "each has its part")
    assert leaving.loop.still_s < 1
    began_s = time.monotonic()
    leaving.stop()
    staying.until_owns(line.partitions)
    took_s = time.monotonic() - began_s
    assert took_s < SESSION_TIMEOUT_MS / 1000 / 2, f"handing over took {took_s:.1f} s"
    assert staying.loop.still_s < 1
    until(lambda: leaving.loop.still_s > 1, "a loop that has ended stands still")


def test_a_zombie_commits_nothing(protocol_line: Line) -> None:
    """Frozen in the middle of a stream, past its session; another takes over; thawed, its open transaction and what
    it had polled must not be committed: exactly once."""
    line = protocol_line
    line.count(400)
    zombie = line.child("z")
    until(lambda: line.committed(f"{line.name}.out"), "it is at work")
    zombie.send(signal.SIGSTOP)
    line.count(100, start=400)
    heir = line.start("h")
    heir.until_owns(line.partitions)
    line.check_exactly_once()
    zombie.send(signal.SIGCONT)
    line.count(100, start=500)
    line.check_exactly_once()
    # It comes back as a member like any other.
    until(lambda: len(heir.owned()) == 1, "the thawed member has its part again")
    line.count(100, start=600)
    line.check_exactly_once()


def test_partitions_are_taken_over_again_and_again(line: Line) -> None:
    """The changelog's reader takes the same partitions up many times, stores and all."""
    line.count(50)
    running = line.start("a")
    line.check_exactly_once()
    loop = running.loop
    for round_ in range(5):
        tenures = {task.tenure for task in loop.partitions}
        lose_the_answer(loop._transactions)
        line.count(10, start=50 + 10 * round_)
        line.check_exactly_once()
        until(partial(anew, loop, tenures), "all are taken over again")
    assert running.alive


def anew(loop: Loop, tenures: set[int]) -> bool:
    """Has every partition begun another stay since?"""
    return loop.ready and tenures.isdisjoint(task.tenure for task in loop.partitions)


def lose_the_answer(transactions: Transactions) -> None:
    """The next commit happens, and its answer is lost: what a timeout of the call looks like."""
    commit = transactions.commit

    def once(meanwhile: Meanwhile = lambda: False) -> None:
        transactions.commit = commit  # type: ignore[method-assign]
        commit(meanwhile)
        raise UnknownResult("the answer was lost")

    transactions.commit = once  # type: ignore[method-assign]
