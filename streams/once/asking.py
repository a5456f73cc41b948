"""When the carrier's list is asked about a request whose outcome is unknown."""

from __future__ import annotations

# After the claim; the last question comes `resolve_ms` (T_resolve) after it, the earlier ones where they fit.
ASKS_MS = (5_000, 30_000)
# The carrier's clock and ours differ: what was made no earlier than this before the claim can be ours.
CLOCK_SLACK_MS = 5_000


def next_ask_ms(since_ms: int, resolve_ms: int, now_ms: int) -> int:
    """The time of the next question about a claim of `since_ms`.

    When all have been asked, it is a little later: should an answer get lost, the question comes again.
    """
    asks = [since_ms + after for after in (*(a for a in ASKS_MS if a < resolve_ms), resolve_ms)]
    return next((at for at in asks if at > now_ms), now_ms + ASKS_MS[0])
