"""What an answer of the carrier means for the attempt, also where it comes after the partition was given up."""

from __future__ import annotations

from typing import NamedTuple, cast

from streams.once.carrier import NotSent, Placed, PlaceResult, Refused
from streams.once.carrier_codes import decide
from streams.once.effects import Checking, Enter, Place, Stale
from streams.once.gate import Passed
from streams.runtime.freshness import Look


class Outcome(NamedTuple):
    """What became of a request, in the words of the evidence about calls. `code`: the carrier's, when it said no."""

    state: str
    sid: str | None = None
    reason: str | None = None
    code: int | None = None


def outcome(result: PlaceResult | Stale) -> Outcome:
    match result:
        case Placed(sid):
            return Outcome("PLACED", sid)
        case NotSent(reason):
            return Outcome("NOT_SENT", reason=reason)
        case Refused(code, reason):
            # Refused: the carrier has read the request and done nothing. What is not the user's fault costs no attempt.
            row = decide(code)
            state = "NOT_SENT" if row.keeps_attempt else "FAILED"
            return Outcome(state, reason=f"{code}: {reason}", code=row.code)
        case Stale():
            return Outcome("NOT_SENT", reason="claim_too_old")
        case unknown:
            return Outcome("UNKNOWN", reason=unknown.reason)


def outcome_when_late(effect: object, answer: object) -> tuple[str, str, Outcome] | None:
    """(state key, gate key, outcome) of an answer that came after the partition was given up; None when it tells
    nothing.

    Once our own script has set the gate, nobody but us can post this attempt; if we have not, it ends unsent.
    """
    match effect:
        case Place():
            return effect.state_key, effect.key, outcome(cast("PlaceResult | Stale", answer))
        case Enter() if isinstance(answer, Passed):
            return effect.state_key, effect.key, Outcome("NOT_SENT", reason="partition_given_up")
        case Look(about=Checking(state_key, key)):
            return state_key, key, Outcome("NOT_SENT", reason="partition_given_up")
    return None
