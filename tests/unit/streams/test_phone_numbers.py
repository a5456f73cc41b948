"""Countries and types of numbers, as the numbering plans have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.phone_numbers import NumberKind, kind_of
from streams.tenants import NUMBER_TYPES


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+14155550101", "US fixed_line_or_mobile"),  # films' numbers are numbers like any other
        ("+442079460101", "GB fixed_line"),
        ("+4915112345678", "DE mobile"),
        ("+19005550101", "US premium_rate"),
        ("+18095550101", "DO fixed_line_or_mobile"),
        ("+80012345678", "001 toll_free"),
        ("+15555550101", "US unknown"),  # of no plan: of the country that the code belongs to first
        ("+999123", "ZZ unknown"),
    ],
)
def test_the_kind_of_a_number(number: str, kind: str) -> None:
    """Country by the whole number, not by its code: +1 809 is not the United States."""
    assert str(kind_of(number)) == kind


@given(st.from_regex(r"\+[1-9][0-9]{1,14}", fullmatch=True))
def test_every_number_has_a_kind_that_a_tenant_can_name(number: str) -> None:
    """And it comes back from its text."""
    kind = kind_of(number)
    assert kind.type in NUMBER_TYPES
    assert NumberKind.parse(str(kind)) == kind
