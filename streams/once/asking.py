"""When the carrier is asked: about a request whose outcome is unknown, and about a call whose callbacks stay away."""

from __future__ import annotations

from streams.once.effects import Unavailable

# After the claim; the last question comes `resolve_ms` (T_resolve) after it, the earlier ones where they fit.
ASKS_MS = (5_000, 30_000)
# The carrier's clock and ours differ: what was made no earlier than this before the claim can be ours.
CLOCK_SLACK_MS = 5_000
# Behind the ring timeout, by when a call that nobody took has ended: asked for so long after it, then ever again.
FETCHES_MS = (30_000, 60_000, 120_000)
FETCH_EVERY_MS = 300_000
# Reasons in writing of an attempt that was UNKNOWN to the last.
NOT_FOUND, NOT_ASKED = "not_found_at_carrier", "carrier_could_not_be_asked"


def next_ask_ms(since_ms: int, resolve_ms: int, now_ms: int) -> int:
    """The time of the next question about a claim of `since_ms`.

    When all have been asked, it is a little later: should an answer get lost, the question comes again.
    """
    asks = [since_ms + after for after in (*(a for a in ASKS_MS if a < resolve_ms), resolve_ms)]
    return next((at for at in asks if at > now_ms), now_ms + ASKS_MS[0])


def next_fetch_ms(since_ms: int, ring_timeout_ms: int, now_ms: int) -> int:
    """When a call that was asked of the carrier at `since_ms`, and has no end yet, is asked for next.

    The times hang on `since_ms` alone: neither a takeover nor a callback puts them off.
    """
    rung_ms = since_ms + ring_timeout_ms
    early = next((rung_ms + after for after in FETCHES_MS if rung_ms + after > now_ms), None)
    if early is not None:
        return early
    last_ms = rung_ms + FETCHES_MS[-1]
    return last_ms + FETCH_EVERY_MS * ((now_ms - last_ms) // FETCH_EVERY_MS + 1)


def why_not_found(answer: object) -> str:
    """The reason in writing when the last question has found nothing: a carrier that was away has not said no."""
    return NOT_ASKED if isinstance(answer, Unavailable) else NOT_FOUND
