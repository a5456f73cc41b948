"""Forms as they go to the carrier."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from hypothesis import given
from hypothesis import strategies as st

from connectors.carrier.form import encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_it_is_what_urllib_writes(pairs: list[tuple[str, str]]) -> None:
    """Byte for byte, any text, so that whoever reads forms reads ours."""
    assert encode(pairs) == urlencode(pairs).encode()
    assert parse_qsl(encode(pairs).decode(), keep_blank_values=True) == pairs
