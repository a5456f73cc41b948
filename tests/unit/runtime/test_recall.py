"""Values that were decoded a moment ago."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.recall import MOST, Recall

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5)
NESTED = st.recursive(
    PLAIN, lambda item: st.lists(item, max_size=3) | st.dictionaries(st.text(max_size=3), item, max_size=3)
)


@given(st.dictionaries(st.text(max_size=3), NESTED, max_size=4))
def test_what_is_recalled_is_a_copy(record: dict[str, Any]) -> None:
    """However deep: a step that changes what it got, and is aborted, leaves no trace."""
    decode = Recall(lambda _: ("Name", deepcopy(record)))
    for _ in range(3):
        name, found = decode(b"bytes")
        assert (name, found) == ("Name", record)
        _spoil(found)


def _spoil(item: Any) -> None:
    if isinstance(item, dict):
        for each in item.values():
            _spoil(each)
        item["spoilt"] = True
    elif isinstance(item, list):
        for each in item:
            _spoil(each)
        item.append("spoilt")


def test_the_same_bytes_are_decoded_once_and_memory_is_bounded() -> None:
    """Other bytes are other values; beyond the bound all are decoded anew."""
    asked: list[bytes] = []

    def decode(value: bytes) -> tuple[str, dict[str, Any]]:
        asked.append(value)
        return "Name", {"value": value}

    remembering = Recall(decode)
    values = [b"%d" % number for number in range(MOST)]
    for value in values * 2:
        assert remembering(value) == ("Name", {"value": value})
    assert asked == values
    remembering(b"one more")
    remembering(values[0])
    assert asked == [*values, b"one more", values[0]]
