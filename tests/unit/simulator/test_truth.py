"""The ground truth loses nothing."""

import asyncio
import json
from pathlib import Path

import pytest

from infra.simulator.truth import TruthLog


def test_the_file_has_what_memory_forgot(tmp_path: Path) -> None:
    """Every event is a line of its own, in order and without gaps, at once and before the log is closed."""
    log = TruthLog(tmp_path / "truth.jsonl", keep=3)
    for number in range(10):
        log.write("call.created", number=number)
    assert [event["number"] for event in log.after(0)] == [7, 8, 9]
    lines = (tmp_path / "truth.jsonl").read_bytes().splitlines()
    assert [(json.loads(line)["seq"], json.loads(line)["number"]) for line in lines] == [
        (number + 1, number) for number in range(10)
    ]
    log.close()


def test_a_file_is_continued(tmp_path: Path) -> None:
    """A simulator that starts again appends."""
    for _ in range(2):
        log = TruthLog(tmp_path / "truth.jsonl", keep=3)
        log.write("started")
        log.close()
    assert len((tmp_path / "truth.jsonl").read_bytes().splitlines()) == 2


def test_after_counts_by_seq_also_when_the_beginning_is_forgotten() -> None:
    """And a type, or the front of one, narrows it."""
    log = TruthLog(None, keep=4)
    for number in range(6):
        log.write("call.created" if number % 2 else "message.created")
    assert [event["seq"] for event in log.after(0)] == [3, 4, 5, 6]
    assert [event["seq"] for event in log.after(4)] == [5, 6]
    assert [event["seq"] for event in log.after(0, "call.")] == [4, 6]
    assert [event["seq"] for event in log.after(0, "message.created", limit=1)] == [3]
    log.forget()
    log.write("reset")
    assert [event["seq"] for event in log.after(2)] == [7]


def test_waiting_finds_what_is_past_and_what_is_to_come() -> None:
    """And gives up in its time."""

    async def run() -> None:
        log = TruthLog(None, keep=10)
        log.write("a", n=1)
        assert (await log.wait(lambda event: event["n"] == 1, 1.0))["seq"] == 1
        waiting = asyncio.create_task(log.wait(lambda event: event["n"] == 2, 5.0))
        await asyncio.sleep(0)
        log.write("a", n=2)
        assert (await waiting)["seq"] == 2
        with pytest.raises(TimeoutError):
            await log.wait(lambda event: event["n"] == 3, 0.01)

    asyncio.run(run())
