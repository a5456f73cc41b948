"""What a step sees of its partition's store: a view for the length of one Kafka transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from streams.runtime.dead_letters import MAX_RECORD_BYTES
from streams.runtime.processor import Poison, Value
from streams.runtime.store import MAX_KEY_BYTES, Change, Store

_ADDED: Final = Change("", None, None)  # in the journal: undo an addition, not a write


class StateView:
    """`State` over a store for the length of one Kafka transaction; passes `tests/behaviour/state`.

    Writes stay here, encoded, until the transaction has committed; `undo_to` takes back what a failed step wrote.
    """

    def __init__(self, store: Store, counters: Mapping[str, dict[str, Any]] | None = None) -> None:
        """`counters`: what is known of records that are added to, so that they need not be read."""
        self._store = store
        self._counters = counters or {}
        self._pending: dict[str, Change] = {}
        self._journal: list[tuple[str, Change | None]] = []
        self._sums: dict[str, tuple[str, list[Mapping[str, int]]]] = {}
        # Counters that were added to, as this transaction leaves them and found them; filled by `changes`.
        self.totals: dict[str, dict[str, Any]] = {}
        self.found: dict[str, dict[str, Any]] = {}

    def raw(self, key: str) -> bytes | None:
        """The encoded value of `key` as this transaction sees it."""
        pending = self._pending.get(key)
        return pending.value if pending else self._store.raw(key)

    def holds(self, key: str, value: bytes | None) -> bool:
        """Is `raw(key)` still this value, which was read before?"""
        pending = self._pending.get(key)
        return pending.value == value if pending else self._store.holds(key, value)

    def pending(self, key: str) -> Change | None:
        """What this transaction has written to `key`."""
        return self._pending.get(key)

    def get(self, key: str) -> dict[str, Any] | None:
        found = self.raw(key)
        return self._store.decode(found)[1] if found is not None else None

    def put(self, key: str, name: str, value: Value) -> None:
        encoded = self._store.encode(name, value)
        if len(key) * 4 > MAX_KEY_BYTES and len(key.encode()) > MAX_KEY_BYTES:
            raise Poison("too_large", f"a key of {len(key)} characters is more than the store takes")
        if len(key) * 4 + len(encoded) > MAX_RECORD_BYTES:
            raise Poison("too_large", f"a {name} of {len(encoded)} bytes is more than the changelog takes")
        self._write(Change(key, encoded, value.get("wake_at")))

    def add(self, key: str, name: str, amounts: Mapping[str, int]) -> None:
        sums = self._sums.get(key)
        if sums is None:
            sums = self._sums[key] = (name, [])
        sums[1].append(amounts)
        self._journal.append((key, _ADDED))

    def take(
        self, changes: Iterable[Change], additions: Iterable[tuple[str, str, Mapping[str, int]]]
    ) -> None:
        """Write what a step elsewhere has written. Not to be undone."""
        for change in changes:
            self._pending[change.key] = change
        for key, name, amounts in additions:
            self._sums.setdefault(key, (name, []))[1].append(amounts)

    def delete(self, key: str) -> None:
        if self.raw(key) is not None:
            self._write(Change(key, None, None))

    def _write(self, change: Change) -> None:
        self._journal.append((change.key, self._pending.get(change.key)))
        self._pending[change.key] = change

    def scan(self, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
        merged: dict[str, bytes | None] = dict(self._store.scan(prefix))
        merged.update((key, change.value) for key, change in self._pending.items() if key.startswith(prefix))
        for key in sorted(merged):
            value = merged[key]
            if value is not None:
                yield key, self._store.decode(value)[1]

    def page(self, prefix: str, after: str, limit: int) -> list[tuple[str, dict[str, Any]]]:
        pending = {k: c.value for k, c in self._pending.items() if k.startswith(prefix) and k > after}
        # As many more as this transaction may have deleted of them.
        merged: dict[str, bytes | None] = dict(self._store.scan(prefix, after, limit + len(pending)))
        merged.update(pending)
        present = ((key, merged[key]) for key in sorted(merged))
        page = [(key, value) for key, value in present if value is not None][:limit]
        return [(key, self._store.decode(value)[1]) for key, value in page]

    def mark(self) -> int:
        """A point that `undo_to` can come back to."""
        return len(self._journal)

    def undo_to(self, mark: int) -> None:
        while len(self._journal) > mark:
            key, before = self._journal.pop()
            if before is _ADDED:
                self._sums[key][1].pop()
            elif before:
                self._pending[key] = before
            else:
                del self._pending[key]

    def changes(self) -> list[Change]:
        """What the changelog must carry: the last value of each key written."""
        return [*self._pending.values(), *self._summed()]

    def _summed(self) -> Iterator[Change]:
        for key, (name, added) in self._sums.items():
            if not added:
                continue
            before = self._counters.get(key) or self._store.get(key)
            total = before.copy() if before is not None else dict.fromkeys(added[0], 0)
            for amounts in added:
                for field, amount in amounts.items():
                    if amount:
                        total[field] += amount
            self.totals[key] = total
            self.found[key] = before or {}
            if total != before and (before is not None or any(total.values())):
                yield Change(key, self._store.encode(name, total), None)
