"""What a record is called in `trace`: how an unknown outcome was resolved must be told in words."""

from __future__ import annotations

from typing import Any

import pytest

from infra.cli.steps import describe


def call(state: str, reason: str | None, sid: str | None = None) -> str:
    event: dict[str, Any] = {"state": state, "attempt": 1, "try": 2, "call_sid": sid, "reason": reason}
    return describe("CallEvent", event, 0)


@pytest.mark.parametrize(
    ("state", "reason", "sid", "says"),
    [
        (
            "UNKNOWN",
            "owner_lost",
            None,
            "call UNKNOWN, attempt 1.2 (its owner was replaced with the request out)",
        ),
        ("PLACED", "found_at_carrier", "CA1", "call PLACED, attempt 1.2 CA1 (found in the carrier's list)"),
        (
            "NO_ANSWER",
            "asked_carrier",
            "CA1",
            "call NO_ANSWER, attempt 1.2 CA1 (no callback, the carrier was asked)",
        ),
        ("NOT_PLACED", "not_found_at_carrier", None, "attempt 1.2 (not in the carrier's list to the last)"),
        (
            "NOT_PLACED",
            "carrier_could_not_be_asked",
            None,
            "attempt 1.2 (the carrier could not be asked in time)",
        ),
        ("FAILED", "21211: not a number", None, "call FAILED, attempt 1.2 (21211: not a number)"),
        ("PLACED", None, "CA1", "call PLACED, attempt 1.2 CA1"),
    ],
)
def test_how_a_call_was_resolved_is_told(state: str, reason: str | None, sid: str | None, says: str) -> None:
    """A reason of ours in words; one of the carrier's, or none, as it is."""
    assert call(state, reason, sid).endswith(says)


def test_how_a_reply_was_resolved_is_told() -> None:
    """The same for SMS."""
    event = {"state": "FAILED", "try": 1, "reason": "not_found_at_carrier"}
    assert describe("SmsEvent", event, 0) == "reply FAILED, try 1 (not in the carrier's list to the last)"
