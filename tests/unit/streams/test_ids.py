"""Deterministic names: what other programs can compute too."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from streams import ids

NAMESPACE = uuid.UUID("6b1f9d1e-6c0e-5a38-9a55-52494e474241")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_reminder_is_named_by_the_version_5_uuid_of_its_sms(sid: str) -> None:
    """The standard library is the oracle; the namespace is part of the contract and never changes."""
    assert ids.reminder_id(sid) == str(uuid.uuid5(NAMESPACE, sid))
