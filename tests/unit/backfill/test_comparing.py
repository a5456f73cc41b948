"""One comparison of the carrier's list with the log, both in memory: what is lost is injected, and nothing else."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field

import pytest

from connectors.backfill import Comparison, Lost, comparing
from streams.once.carrier import CarrierMessage, CarrierUnavailableError

OURS, THEIRS = "+14155550100", "+14155550200"
TENANTS = {OURS: "acme", THEIRS: "globex"}
SINCE_MS, UNTIL_MS, MARGIN_MS = 1_000_000, 2_000_000, 10_000


def sms(sid: str, at: int, to: str = OURS, from_: str = "+14155550101") -> CarrierMessage:
    return CarrierMessage(sid, to, from_, "received", at, "list")


@dataclass
class ListedInbox:
    """The carrier's list; `breaks_at` is the sid at which it goes away."""

    messages: list[CarrierMessage]
    breaks_at: str | None = None

    async def received(self, to: str, since_ms: int) -> AsyncIterator[CarrierMessage]:
        mine = [m for m in self.messages if m.to == to and m.created_at >= since_ms]
        for message in sorted(mine, key=lambda m: -m.created_at):
            if message.sid == self.breaks_at:
                raise CarrierUnavailableError("HTTP 500")
            yield message
            await asyncio.sleep(0)


@dataclass
class ListedLog:
    """`sms.inbound`: (sid, when it was appended)."""

    records: list[tuple[str, int]] = field(default_factory=list)
    refuses: str | None = None
    looked_since: list[int] = field(default_factory=list)
    asked_for: list[int] = field(default_factory=list)

    def known(self, sids: Collection[str], since_ms: int) -> set[str]:
        self.looked_since.append(since_ms)
        self.asked_for.append(len(sids))
        return {sid for sid, at in self.records if at >= since_ms and sid in sids}

    def append(self, messages: Sequence[CarrierMessage], confirmed: Callable[[CarrierMessage], None]) -> None:
        for message in messages:
            if message.sid == self.refuses:
                raise TimeoutError("not acknowledged")
            self.records.append((message.sid, UNTIL_MS))
            confirmed(message)

    def unusable(self, message: CarrierMessage) -> str | None:
        return None if message.from_.startswith("+") else "no number"


@dataclass
class Told:
    found: list[Lost] = field(default_factory=list)
    listed: list[int] = field(default_factory=list)

    def lost(self, lost: Lost) -> None:
        self.found.append(lost)

    def progress(self, comparison: Comparison, numbers_left: int) -> None:  # noqa: ARG002  # the caller's
        self.listed.append(comparison.listed)


def compare(
    inbox: ListedInbox, log: ListedLog, *, dry_run: bool = False, stop: Callable[[], bool] = lambda: False
) -> tuple[Comparison, list[Lost]]:
    """The comparison, and what was told of it."""
    comparison, told = Comparison(SINCE_MS, UNTIL_MS), Told()
    asyncio.run(
        comparing.compare(
            inbox, log, TENANTS, comparison, told, margin_ms=MARGIN_MS, dry_run=dry_run, stop=stop
        )
    )
    return comparison, told.found


def test_exactly_what_is_missing_is_injected_oldest_first() -> None:
    """Of both tenants, in the order in which the carrier received it; then nothing is missing any more."""
    inbox = ListedInbox(
        [sms("a", 1_500_000), sms("b", 1_400_000), sms("c", 1_300_000, THEIRS), sms("d", 1_600_000)]
    )
    log = ListedLog([("a", 1_500_100)])
    comparison, found = compare(inbox, log)
    assert [(f.message.sid, f.tenant, f.action) for f in found] == [
        ("c", "globex", "injected"),
        ("b", "acme", "injected"),
        ("d", "acme", "injected"),
    ]
    assert (comparison.listed, comparison.known, comparison.lost, comparison.injected) == (4, 1, 3, 3)
    again, found = compare(inbox, log)
    assert (again.known, again.lost, found) == (4, 0, [])


def test_what_is_younger_than_the_span_is_left_to_its_webhook() -> None:
    """The webhook may be on its way; what is older than the span is not looked at."""
    inbox = ListedInbox([sms("young", UNTIL_MS), sms("old", SINCE_MS - 1), sms("mine", UNTIL_MS - 1)])
    log = ListedLog()
    comparison, _ = compare(inbox, log)
    assert [sid for sid, _ in log.records] == ["mine"]
    assert (comparison.listed, comparison.young) == (2, 1)


def test_the_log_is_read_from_before_the_oldest_sms() -> None:
    """The carrier's clock may be ahead of the broker's: the margin decides."""
    log = ListedLog([("within", 1_500_000 - MARGIN_MS), ("before", 1_500_000 - MARGIN_MS - 1)])
    comparison, found = compare(ListedInbox([sms("within", 1_500_000), sms("before", 1_500_000)]), log)
    assert log.looked_since == [1_500_000 - MARGIN_MS]
    assert [f.message.sid for f in found] == ["before"]
    assert comparison.known == 1


def test_a_dry_run_writes_nothing() -> None:
    """It tells what is lost."""
    log = ListedLog()
    comparison, found = compare(ListedInbox([sms("a", 1_500_000)]), log, dry_run=True)
    assert [f.action for f in found] == ["lost"]
    assert (log.records, comparison.lost, comparison.injected) == ([], 1, 0)


def test_an_sms_that_no_stage_could_read_is_told_and_left_out() -> None:
    """It would be a dead letter at each round."""
    log = ListedLog()
    comparison, [found] = compare(ListedInbox([sms("short", 1_500_000, from_="12345")]), log)
    assert (found.action, found.reason, log.records) == ("unusable", "no number", [])
    assert (comparison.lost, comparison.unusable, comparison.injected) == (1, 1, 0)


def test_a_carrier_that_goes_away_leaves_nothing_half_done() -> None:
    """Two of three SMS were listed: none is injected, and the next run injects all of them."""
    messages = [sms("a", 1_500_000), sms("b", 1_400_000), sms("c", 1_300_000)]
    log = ListedLog()
    with pytest.raises(CarrierUnavailableError):
        compare(ListedInbox(messages, breaks_at="c"), log)
    assert log.records == []
    compare(ListedInbox(messages), log)
    assert [sid for sid, _ in log.records] == ["c", "b", "a"]


def test_a_log_that_goes_away_between_two_is_made_up_for_by_the_next_run() -> None:
    """What was confirmed is not written again."""
    messages = [sms("a", 1_500_000), sms("b", 1_400_000), sms("c", 1_300_000)]
    log = ListedLog(refuses="b")
    with pytest.raises(TimeoutError):
        compare(ListedInbox(messages), log)
    log.refuses = None
    compare(ListedInbox(messages), log)
    assert sorted(sid for sid, _ in log.records) == ["a", "b", "c"]


def test_a_stop_ends_it_without_writing() -> None:
    """SIGTERM while the carrier lists: out, quickly."""
    log = ListedLog()
    compare(ListedInbox([sms("a", 1_500_000), sms("b", 1_400_000)]), log, stop=lambda: True)
    assert log.records == []


def test_long_work_shows_that_it_moves() -> None:
    """Every thousand SMS, not only when the list of a number has ended."""
    comparison, told = Comparison(SINCE_MS, UNTIL_MS), Told()
    inbox = ListedInbox([sms(f"s{n}", 1_500_000 + n) for n in range(2_500)])
    asyncio.run(comparing.compare(inbox, ListedLog(), TENANTS, comparison, told, margin_ms=MARGIN_MS))
    assert {1_000, 2_000, 2_500} <= set(told.listed)


@pytest.mark.parametrize("seed", range(20))
def test_batches_change_nothing_but_memory(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is lost of however many SMS, in batches of three: the same is injected, never more than three held."""
    chance = random.Random(seed)
    messages = [
        sms(f"s{n}", chance.randrange(SINCE_MS, UNTIL_MS), chance.choice((OURS, THEIRS)))
        for n in range(chance.randrange(40))
    ]
    log = ListedLog([(m.sid, m.created_at) for m in messages if chance.random() < 0.5])
    lost = {m.sid for m in messages} - {sid for sid, _ in log.records}
    monkeypatch.setattr(comparing, "BATCH", 3)
    comparison, found = compare(ListedInbox(messages), log)
    assert sorted(f.message.sid for f in found) == sorted(lost)
    assert len(log.records) == len(messages)
    assert comparison.listed == comparison.known + comparison.lost
    assert max(log.asked_for, default=0) <= 3
