"""Records as JSON for people: faithful, plain, and never failing."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import catalog
from schemas.render import iso_time, to_json
from tests.unit.schemas.arbitrary import records
from tests.unit.schemas.test_codec import CHARGE, DUE


@pytest.mark.parametrize(
    ("epoch_ms", "shown"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_790_000_000_007, "2026-09-21T14:13:20.007Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, 253_402_300_800_000),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_times(epoch_ms: int, shown: object) -> None:
    """ISO 8601 in UTC to the millisecond; what has no date is shown as it is."""
    assert iso_time(epoch_ms) == shown


def test_a_reminder_due() -> None:
    """Times, also those that may be null, are read at a glance; numbers stay numbers."""
    shown = to_json("ReminderDue", DUE)
    assert shown["due_at"] == shown["quiet_until"] == "2026-09-21T14:13:20.000Z"
    assert shown["quiet_from"] is None
    assert shown["try"] == 2
    assert list(shown) == list(DUE)


@pytest.mark.parametrize(("amount", "shown"), [("1E+2", "100"), ("0.000001", "0.000001"), ("-0.50", "-0.50")])
def test_money_is_plain(amount: str, shown: str) -> None:
    """Never in exponents, never through a float."""
    assert to_json("Charge", {**CHARGE, "amount": Decimal(amount)})["amount"] == shown


def test_bytes_are_base64() -> None:
    """As the interface says of `ringback cat`."""
    assert to_json("DeadLetter", {"value": b"\x00\xff", "key": None}) == {"value": "AP8=", "key": None}


@given(
    st.sampled_from(sorted(catalog.current())).flatmap(
        lambda name: records(catalog.current()[name].schema).map(lambda record: (name, record))
    )
)
def test_any_record_is_strict_json(named: tuple[str, dict[str, Any]]) -> None:
    """Whatever stands in a record, showing it does not fail, loses no field, and parses anywhere (no NaN)."""
    name, record = named
    shown = json.loads(json.dumps(to_json(name, record), allow_nan=False))
    assert shown.keys() == record.keys()
