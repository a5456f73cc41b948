"""Said again and again, told once in a while."""

from __future__ import annotations

import logging

import pytest

from connectors.repeats import QUIET_S, OnceInAWhile, Repeats


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_each_thing_once_until_it_is_quiet_time_over() -> None:
    clock = Clock()
    told = Repeats(clock)
    assert [told.says("away"), told.says("away"), told.says("slow")] == [True, False, True]
    clock.now_s += QUIET_S - 0.1
    assert not told.says("away")
    clock.now_s += 0.1
    assert told.says("away")


def test_a_message_is_the_same_whatever_is_put_into_it(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    client = logging.getLogger("a client")
    once = OnceInAWhile(clock)
    client.addFilter(once)
    try:
        for node in (1, 2, 3):
            client.error("node %d is away", node)
            client.error("node %d has no leader", node)
            client.error({"not": "hashable"})
        clock.now_s += QUIET_S
        client.error("node %d is away", 4)
    finally:
        client.removeFilter(once)
    assert [record.getMessage() for record in caplog.records] == [
        "node 1 is away",
        "node 1 has no leader",
        "{'not': 'hashable'}",
        "node 4 is away",
    ]
