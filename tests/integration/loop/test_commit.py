"""What one healthy member does: everything of a turn is committed together, or not at all."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from schemas import codec
from streams.runtime.clock import SystemClock
from streams.runtime.effects import Done
from streams.runtime.errors import Misconfigured
from tests.integration.loop.counting import event, stage_called
from tests.integration.loop.line import Line, seen
from tests.waiting import until

pytestmark = pytest.mark.integration


def test_outputs_state_and_offsets_are_committed_together(protocol_line: Line) -> None:
    """Every input is counted once, in order; the state is the fold of the inputs; nothing is left to be read."""
    line = protocol_line
    line.count(200)
    running = line.start()
    line.check_exactly_once()
    stored = {task.partition: task.changelog_offset for task in running.loop.partitions}
    for number in range(line.partitions):
        last = max((f.offset for f in line.committed(line.changelog) if f.partition == number), default=-1)
        assert stored[number] == last + 1
    running.stop()
    assert running.failure is None
    again = line.start()
    line.count(10, start=200)
    line.check_exactly_once()
    again.stop()


def test_an_aborted_transaction_is_done_again_and_leaves_no_trace(protocol_line: Line) -> None:
    """The broker refuses a generation of the past: abort, rejoin, rewind; outputs and state are exactly once."""
    line = protocol_line
    running = line.start()
    membership = running.loop._membership
    stale = generation_before(membership.metadata)
    membership.metadata = stale
    line.count(100)
    line.check_exactly_once()
    assert running.alive
    assert membership.metadata != stale
    running.stop()


def generation_before(metadata: object) -> bytes:
    """Group metadata as librdkafka writes it: a magic of seven bytes, the generation (int32), names."""
    assert isinstance(metadata, bytes)
    generation = int.from_bytes(metadata[7:11], "little")
    return metadata[:7] + (generation - 1).to_bytes(4, "little") + metadata[11:]


class Patient:
    """Hands that answer when the test says so, and note what was committed when an effect was released."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.committed_at_release: list[int] = []
        self.waiting: list[tuple[Any, Done]] = []

    def submit(self, effect: Any, done: Done) -> None:
        self.committed_at_release.append(len(self._line.outputs()))
        self.waiting.append((effect, done))

    def close(self, deadline_s: float) -> None: ...


def test_an_effect_is_released_only_after_its_transaction_has_committed(line: Line) -> None:
    """COUNT and DO share a transaction; when the effect is released, the output of COUNT can be read."""
    hands = Patient(line)
    line.produce(event("COUNT", "u", "e1"), event("DO", "u", "e2"))
    running = line.start(hands=hands)
    until(lambda: hands.waiting, "the effect is released")
    assert hands.committed_at_release == [1]
    hands.waiting[0][1]("fine")
    assert seen(line.await_outputs(2), "DONE") == ["e2"]
    running.stop()


def test_stopping_waits_for_effects_that_are_out(line: Line) -> None:
    """SIGTERM during an effect: its answer still enters a transaction; records that came later wait for the next."""
    hands = Patient(line)
    running = line.start(hands=hands)
    line.produce(event("DO", "u", "e1"))
    until(lambda: hands.waiting, "the effect is released")
    drain, draining = running.loop._drain, threading.Event()

    def watched() -> None:
        draining.set()
        drain()

    running.loop._drain = watched  # type: ignore[method-assign]
    running.loop.stop()
    assert draining.wait(10)  # a poll that had begun may still take a record
    line.produce(event("COUNT", "u", "e2"))
    threading.Timer(0.2, hands.waiting[0][1], ["fine"]).start()
    running.stop()
    outputs = line.outputs()
    assert (seen(outputs, "DONE"), seen(outputs, "COUNTED")) == (["e1"], [])
    assert hands.committed_at_release == [0]


def test_an_answer_for_a_partition_that_was_given_up_becomes_plain_evidence(line: Line) -> None:
    """It enters no transaction of the next tenure, and it is not lost."""
    hands = Patient(line)
    running = line.start(hands=hands)
    line.produce(event("DO", "u", "e1"))
    until(lambda: hands.waiting, "the effect is released")
    other = line.start("b", hands=hands)
    running.until_owns(1)
    hands.waiting[0][1]("fine")
    assert seen(line.await_outputs(1), "LATE") == ["e1"]
    other.stop()


def test_timers_are_never_early_and_at_most_milliseconds_late(line: Line) -> None:
    """Forty timers spread over two seconds on a warm loop: none early, the median within 15 ms, in due order."""
    running = line.start()
    line.count(20)
    line.await_outputs(20)
    start = SystemClock().now_ms() + 500
    line.produce(*(event("WAKE", "u", f"w{n:02}", due_at=start + 50 * n) for n in range(40)))
    woken = [value for value in line.await_outputs(60) if value["type"] == "WOKEN"]
    late = sorted(value["at"] - value["due_at"] for value in woken)
    assert [value["event_id"] for value in woken] == [f"w{n:02}" for n in range(40)]
    assert late[0] >= 0
    assert late[len(late) // 2] <= 15, late
    assert not [key for key in line.state() if key.startswith("timer|")]
    running.stop()


def test_a_timer_transaction_carries_offsets(line: Line) -> None:
    """Only offsets fence: a turn that only fired a timer commits the positions of its partition again."""
    running = line.start()
    sent: list[int] = []
    transactions = running.loop._transactions
    plain = transactions.send_offsets

    def noting(offsets: Any, metadata: object) -> None:
        kept = list(offsets)
        sent.append(min(tp.offset for tp in kept))
        plain(kept, metadata)

    transactions.send_offsets = noting  # type: ignore[method-assign, assignment]
    line.produce(event("WAKE", "u", "w", due_at=SystemClock().now_ms() + 300))
    line.await_outputs(1)
    assert len(sent) == 2, "one transaction for the record, one for the timer"
    assert min(sent) >= 0
    running.stop()


def test_sigterm_ends_with_everything_committed(line: Line) -> None:
    """Exit code 0 within the deadline, in the middle of a stream; the next member goes on where it was."""
    child = line.child()
    line.count(300)
    until(lambda: len(line.outputs()) > 0, "it is at work")
    started = time.monotonic()
    child.send(signal.SIGTERM)
    assert child.died() == 0
    assert time.monotonic() - started < 5
    line.child()
    line.check_exactly_once()


def test_missing_topics_are_named(line: Line) -> None:
    """A stage whose topics are not there does not join, and says which are missing."""
    line.stage = stage_called(f"{line.name}-nowhere")
    running = line.run(line.loop())
    until(lambda: running.failure, "it gives up")
    assert isinstance(running.failure, Misconfigured)
    assert f"{line.name}-nowhere.in" in str(running.failure)


def test_golden_outputs_are_plain_avro(line: Line) -> None:
    """What the loop writes is read by the codec alone: no framing of its own."""
    line.count(1)
    running = line.start()
    line.await_outputs(1)
    raw = line.committed(f"{line.name}.out")[0].value
    assert codec.decode(raw or b"", expected="ReminderEvent").record["number"] == 1
    running.stop()
