"""What a processor may rely on, whatever stands behind `State`."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.runtime.processor import State
from tests.unit.runtime.stores import EPOCH, epoch

Reopened = Callable[[State | None], State]


def test_what_was_put_is_got(reopened: Reopened) -> None:
    """Values come back equal; an unknown key is None."""
    state = reopened(None)
    state.put("a", EPOCH, epoch(1, 5))
    state = reopened(state)
    assert state.get("a") == epoch(1, 5)
    assert state.get("b") is None


def test_the_last_put_counts(reopened: Reopened) -> None:
    """A key has one value, also across a commit."""
    state = reopened(None)
    state.put("a", EPOCH, epoch(1))
    state.put("a", EPOCH, epoch(2))
    state = reopened(state)
    assert state.get("a") == epoch(2)
    state.put("a", EPOCH, epoch(3))
    assert state.get("a") == epoch(3)


def test_what_was_deleted_is_gone(reopened: Reopened) -> None:
    """From `get` and from `scan`; deleting what is not there does nothing; a key may come back."""
    state = reopened(None)
    state.put("a", EPOCH, epoch(1))
    state = reopened(state)
    state.delete("a")
    state.delete("a")
    state.delete("never")
    assert state.get("a") is None
    assert list(state.scan("")) == []
    state = reopened(state)
    assert state.get("a") is None
    state.put("a", EPOCH, epoch(2))
    assert state.get("a") == epoch(2)


def test_pages_are_a_scan_in_parts(reopened: Reopened) -> None:
    """Each goes on behind the last key of the one before; what this transaction wrote or deleted is seen; the last is
    short."""
    state = reopened(None)
    for number in range(7):
        state.put(f"a|{number}", EPOCH, epoch(number))
    state.put("b|0", EPOCH, epoch(99))
    state = reopened(state)
    state.delete("a|1")
    state.delete("a|2")
    state.put("a|31", EPOCH, epoch(31))
    state.put("a|7", EPOCH, epoch(7))
    whole = list(state.scan("a|"))
    assert [key for key, _ in whole] == ["a|0", "a|3", "a|31", "a|4", "a|5", "a|6", "a|7"]
    for limit in (1, 2, 3, 7, 9):
        pages, after = [], ""
        while page := state.page("a|", after, limit):
            assert len(page) <= limit
            pages += page
            after = page[-1][0]
        assert pages == whole
    assert state.page("b|", "a|9", 5) == [("b|0", epoch(99))]
    assert state.page("a|", "b|0", 5) == []


def test_values_are_copies(reopened: Reopened) -> None:
    """Changing what was put, got or scanned changes nothing until it is put again."""
    state = reopened(None)
    value = epoch(1)
    state.put("a", EPOCH, value)
    value["epoch"] = 99
    state = reopened(state)
    got = state.get("a")
    assert got == epoch(1)
    got["epoch"] = 99
    for _, scanned in state.scan("a"):
        scanned["epoch"] = 99
    assert state.get("a") == epoch(1)


def test_nested_values_are_copies(reopened: Reopened) -> None:
    """A list inside a value is a copy as well."""
    state = reopened(None)
    state.put("p", "ProfileState", profile := _profile())
    state = reopened(state)
    changed = state.get("p")
    assert changed is not None
    lists = [name for name, value in changed.items() if isinstance(value, list)]
    assert lists, "the test needs a record with a list"
    for name in lists:
        changed[name].append("x")
    assert state.get("p") == profile


def _profile() -> dict[str, object]:
    from schemas import catalog

    fields = catalog.current()["ProfileState"].schema["fields"]
    return {field["name"]: _any_value(field["type"]) for field in fields}


def _any_value(kind: object) -> object:
    if isinstance(kind, list):
        return None if "null" in kind else _any_value(kind[0])
    if isinstance(kind, dict):
        empty: dict[str, object] = {"array": [], "map": {}}
        return empty.get(kind["type"]) if kind["type"] in empty else _any_value(kind["type"])
    return {"string": "s", "long": 1, "int": 1, "boolean": False, "double": 1.0, "null": None}[str(kind)]


def test_scan_gives_a_prefix_in_key_order(reopened: Reopened) -> None:
    """Only keys that start with the prefix, in the order of their code points."""
    state = reopened(None)
    keys = ["a|2", "a|10", "a", "a|", "b|1", "a|é", "a|😀", "A|1"]
    for number, key in enumerate(keys):
        state.put(key, EPOCH, epoch(number))
    state = reopened(state)
    state.put("a|3", EPOCH, epoch(100))
    state.delete("a|10")
    assert [key for key, _ in state.scan("a|")] == ["a|", "a|2", "a|3", "a|é", "a|😀"]


def test_a_scan_is_a_snapshot(reopened: Reopened) -> None:
    """Putting and deleting while scanning neither disturbs the scan nor shows in it."""
    state = reopened(None)
    for number in range(3):
        state.put(f"k{number}", EPOCH, epoch(number))
    state = reopened(state)
    seen = []
    for key, _ in state.scan("k"):
        seen.append(key)
        state.delete(key)
        state.put(f"k9{key}", EPOCH, epoch(9))
    assert seen == ["k0", "k1", "k2"]


_steps = st.lists(
    st.tuples(st.sampled_from(["put", "delete", "commit"]), st.sampled_from("abcd"), st.integers(0, 9))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(steps=_steps)
def test_any_history_reads_like_a_dictionary(reopened: Reopened, steps: list[tuple[str, str, int]]) -> None:
    """A plain dictionary is the oracle, in any order of puts, deletes and commits."""
    state = reopened(None)
    for key in "abcd":
        state.delete(key)
    expected: dict[str, int] = {}
    for step, key, number in steps:
        if step == "put":
            state.put(key, EPOCH, epoch(number))
            expected[key] = number
        elif step == "delete":
            state.delete(key)
            expected.pop(key, None)
        else:
            state = reopened(state)
    assert [(key, value["epoch"]) for key, value in state.scan("")] == sorted(expected.items())
    for key in "abcd":
        found = state.get(key)
        assert (found and found["epoch"]) == expected.get(key)
