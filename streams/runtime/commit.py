"""Steps 3 to 6 of the loop: one Kafka transaction, then one local one."""

from __future__ import annotations

from collections.abc import Sequence

from streams.runtime.batch import Work
from streams.runtime.bounded_call import Meanwhile
from streams.runtime.errors import Rewind
from streams.runtime.failpoints import failpoint
from streams.runtime.takeover import Takeovers
from streams.runtime.transactions import Transactions
from streams.topology import Stage


class Commit:
    """Commits the works of one turn together. The order of the calls is the guarantee: see README.md."""

    def __init__(self, stage: Stage, transactions: Transactions, takeovers: Takeovers) -> None:
        self._changelog = stage.changelog.name if stage.changelog else ""
        self._transactions = transactions
        self._takeovers = takeovers

    def __call__(
        self, works: Sequence[Work], group_metadata: object, meanwhile: Meanwhile = lambda: False
    ) -> None:
        """Returning means committed and stored. Raises Rewind (aborted), UnknownResult, Fenced.

        `meanwhile`: what can be done until the broker has answered, as Transactions.commit has it.
        """
        failpoint("loop.2-stepped")
        self._transactions.begin()
        try:
            for work in works:
                self._produce(work)
            failpoint("loop.3-produced")
            # In every transaction, also one that only fires timers: the offsets are what the broker fences by.
            offsets = [offset for work in works for offset in work.offsets()]
            self._transactions.send_offsets(offsets, group_metadata)
            failpoint("loop.4-offsets")
            self._transactions.commit(meanwhile)
        except Rewind:
            self._transactions.abort()
            raise
        failpoint("loop.5-committed")
        for work in works:
            self._store(work)
        failpoint("loop.6-stored")

    def _produce(self, work: Work) -> None:
        produce, changelog, partition = self._transactions.produce, self._changelog, work.task.partition
        for topic, key, value, headers in work.sends:
            produce(topic, key, value, headers)
        if not work.changes:
            return

        def delivered(offset: int) -> None:
            work.changelog_offset = offset + 1

        *others, last = work.changes
        for name, state, _ in others:
            produce(changelog, name.encode(), state, (), partition)
        produce(changelog, last.key.encode(), last.value, (), partition, delivered)

    def _store(self, work: Work) -> None:
        task = work.task
        if task.store and work.changes:
            # Unknown when the record was acknowledged as a copy (DUPLICATE_SEQUENCE_NUMBER): then the store says
            # less than it holds, and the next takeover replays a little more.
            task.changelog_offset = work.changelog_offset or task.changelog_offset
            task.store.write(work.changes, self._takeovers.proof(task.changelog_offset))
