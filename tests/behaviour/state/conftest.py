"""Every implementation of `State` that there is; each test of this folder runs on all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streams.runtime.processor import DictState, State
from streams.runtime.store import Proof
from streams.runtime.view import StateView
from tests.unit.runtime.stores import open_store

Make = Callable[[], State]


@pytest.fixture(params=["dictionary", "view with pending writes", "view of what was stored"])
def reopened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[State | None], State]]:
    """`state = reopened(None)` begins; `state = reopened(state)` goes on: for the stored kind, after a commit."""
    if request.param == "dictionary":
        yield lambda state: state or DictState()
        return
    store = open_store(tmp_path / "0.lmdb")

    def again(state: State | None) -> State:
        if isinstance(state, StateView) and request.param == "view of what was stored":
            store.write(state.changes(), Proof("cluster", "topic", 1, 1))
            return StateView(store)
        return state or StateView(store)

    yield again
    store.close()
