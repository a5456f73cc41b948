"""One comparison: what the carrier says has reached our numbers, less what stands in `sms.inbound`, is written there.

It may be done again, by several at once, and while the gateway writes the very same SMS: `message_sid` is the identity,
the timer stream remembers it for 35 days, and a copy of an SMS has no effect. So nothing here needs a lock or a
transaction; comparing only keeps the log free of copies, and tells the operator how many webhooks were lost.

    the carrier's list ─▶ batch of SMS ─▶ less those whose sid stands in the log ─▶ oldest first into the log

Bounds: `BATCH` SMS in memory (a batch is looked up and written before more is listed), `AT_ONCE` lists at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streams.once.carrier import CarrierMessage

BATCH = 20_000  # at some 600 bytes: 12 MB
PROGRESS_EVERY = 1_000
AT_ONCE = 4  # carriers bound the requests that an account has in flight


class Inbox(Protocol):
    """The carrier's list of what users texted us."""

    def received(self, to: str, since_ms: int) -> AsyncIterator[CarrierMessage]:
        """SMS to our number `to` created at or after `since_ms`, newest first. Raises CarrierUnavailableError."""
        ...


class Log(Protocol):
    """`sms.inbound`. Both block, and raise KafkaException."""

    def known(self, sids: Collection[str], since_ms: int) -> set[str]:
        """Those of `sids` that stand in what was appended since `since_ms`, until now."""
        ...

    def append(self, messages: Sequence[CarrierMessage], confirmed: Callable[[CarrierMessage], None]) -> None:
        """Write them; `confirmed` is told of each that Kafka has."""
        ...

    def unusable(self, message: CarrierMessage) -> str | None:
        """Why no stage could read this SMS; None when it can."""
        ...


@dataclass(frozen=True, slots=True)
class Lost:
    """An SMS that the carrier has and the log had not. `action`: injected, lost (left alone), or unusable."""

    message: CarrierMessage
    tenant: str
    action: str
    reason: str | None = None


@dataclass(slots=True)
class Comparison:
    """What one comparison came to, in SMS. listed = young + known + lost; lost = injected + unusable + left alone."""

    since_ms: int
    until_ms: int
    listed: int = 0
    young: int = 0
    known: int = 0
    lost: int = 0
    injected: int = 0
    unusable: int = 0


class Report(Protocol):
    """Who is told, as it happens."""

    def lost(self, lost: Lost) -> None: ...

    def progress(self, comparison: Comparison, numbers_left: int) -> None: ...


async def compare(
    inbox: Inbox,
    log: Log,
    numbers: Mapping[str, str],
    comparison: Comparison,
    report: Report,
    *,
    margin_ms: int,
    dry_run: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Compare what reached `numbers` (number → tenant) in the span of `comparison`, and fill it in as it goes on.

    An SMS that is younger than the span is left to its webhook. The log is read from `margin_ms` before the oldest SMS
    of a batch: the carrier's clock and the broker's differ. False when `stop` ended it early.

    Raises CarrierUnavailableError, KafkaException: what `comparison` says was injected by then is injected, and doing
    it again injects the rest.
    """
    work = _Work(log, numbers, comparison, report, margin_ms, dry_run)
    waiting = iter(numbers)
    left = len(numbers)

    async def look() -> None:
        nonlocal left
        for number in waiting:  # shared: each number is taken by one of the lookers
            async for message in inbox.received(number, comparison.since_ms):
                await work.take(message)
                if comparison.listed % PROGRESS_EVERY == 0:
                    report.progress(comparison, left)
                if stop():
                    return
            left -= 1
            report.progress(comparison, left)

    lookers = [asyncio.create_task(look()) for _ in range(min(AT_ONCE, len(numbers)))]
    try:
        await asyncio.gather(*lookers)
    finally:
        for looker in lookers:
            looker.cancel()
        await asyncio.gather(*lookers, return_exceptions=True)
    if stop():
        return False
    await work.finish()
    return True


@dataclass(slots=True)
class _Work:
    log: Log
    numbers: Mapping[str, str]
    comparison: Comparison
    report: Report
    margin_ms: int
    dry_run: bool
    _batch: dict[str, CarrierMessage] = field(default_factory=dict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, message: CarrierMessage) -> None:
        async with self._one_at_a_time:  # who lists waits here while a batch is looked up
            self.comparison.listed += 1
            if message.created_at >= self.comparison.until_ms:
                self.comparison.young += 1
                return
            self._batch[message.sid] = message
            if len(self._batch) >= BATCH:
                await self._look_up()

    async def finish(self) -> None:
        async with self._one_at_a_time:
            await self._look_up()

    async def _look_up(self) -> None:
        batch, self._batch = self._batch, {}
        if not batch:
            return
        oldest_ms = min(message.created_at for message in batch.values())
        known = await asyncio.to_thread(self.log.known, batch.keys(), oldest_ms - self.margin_ms)
        self.comparison.known += len(known)
        lost = sorted(
            (m for sid, m in batch.items() if sid not in known), key=lambda m: (m.created_at, m.sid)
        )
        self.comparison.lost += len(lost)
        usable = []
        for message in lost:
            reason = self.log.unusable(message)
            if reason is None:
                usable.append(message)
            else:
                self.comparison.unusable += 1
                self._tell(message, "unusable", reason)
        if self.dry_run:
            for message in usable:
                self._tell(message, "lost")
        elif usable:
            await asyncio.to_thread(self.log.append, usable, self._injected)

    def _injected(self, message: CarrierMessage) -> None:
        self.comparison.injected += 1
        self._tell(message, "injected")

    def _tell(self, message: CarrierMessage, action: str, reason: str | None = None) -> None:
        self.report.lost(Lost(message, self.numbers[message.to], action, reason))
