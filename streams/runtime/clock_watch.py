"""What one loop does for the clock: brings it the broker's append times, and asks for one when there is none.

Every transaction says when it was appended (its first record's delivery report), every poll says that it is at least
so late. A member without traffic asks: one record without content to the dead letters, in a transaction that is
aborted once it is reported. Nobody who reads committed sees it, and it costs some ten milliseconds, at the start, once
a minute while nothing else is committed, and once a second while the clock is in doubt.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from streams.runtime.clock import Clock, SystemClock
from streams.runtime.errors import Rewind
from streams.runtime.transactions import Transactions
from streams.topology import DEAD_LETTERS

log = logging.getLogger("ringback.loop")

ASK_TIMEOUT_S = 3.0


class ClockWatch:
    """`fires`: may timers fire, as of the last look. A clock that a test moves by hand is always right."""

    def __init__(self, clock: Clock, *, asks: bool) -> None:
        self._clock = clock if isinstance(clock, SystemClock) else None
        self._asks = asks  # a stage without timers has nothing to hold
        self.fires = self._clock is None

    def look(self, messages: Sequence[Message], transactions: Transactions) -> bool:
        """Once a turn, after its poll: may timers fire? Raises UnknownResult, Fenced."""
        clock = self._clock
        if clock is None:
            return True
        for message in reversed(messages):
            # The last record of the poll is enough; an end of partition has no time.
            if message.error() is None:
                kind, append_ms = message.timestamp()
                if kind == TIMESTAMP_LOG_APPEND_TIME:
                    clock.polled(append_ms)
                break
        self.fires = clock.may_fire()
        if self._asks and clock.wants_evidence():
            self._ask(transactions)
            self.fires = clock.may_fire()
        return self.fires

    def sending(self) -> Callable[[Message], None] | None:
        """A record is being sent: what to do with its delivery report."""
        clock = self._clock
        if clock is None:
            return None
        sent_s = clock.monotonic_s()

        def reported(message: Message) -> None:
            kind, append_ms = message.timestamp()
            if kind == TIMESTAMP_LOG_APPEND_TIME:
                clock.appended(append_ms, sent_s)
            elif message.topic() == DEAD_LETTERS.name:  # other topics may well keep their producers' times
                clock.silent()

        return reported

    @staticmethod
    def _ask(transactions: Transactions) -> None:
        try:
            transactions.begin()
            transactions.produce(DEAD_LETTERS.name, None, None)
            transactions.producer.flush(ASK_TIMEOUT_S)
        except Rewind as decision:
            log.warning("the broker was not asked for its time: %s", decision)
        transactions.abort()
