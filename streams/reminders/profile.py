"""What a user's opt-out and opt-in words come to, whatever order they are read in.

One user's SMS may be read from different partitions, so words are put in the order in which they were received;
at the same instant STOP comes after START. The last one is in force, and what was in force at any time can be
asked: a text is refused when it was received while the user was opted out, however late it is read.
"""

from __future__ import annotations

from schemas.records import OptWord, ProfileState
from streams.topology import DAY_MS

KEPT_WORDS = 8  # bound of the history; the eighth last opt-out of a user decides nothing any more

BARE_MS = 35 * DAY_MS  # as long as a message id: no SMS that is older is read, so no word can come between
SETTLED_MS = 400 * DAY_MS  # who asks once a year for the same need not confirm, or say the zone, again
SLACK_MS = 7 * DAY_MS  # the timer moves at most once a week, so that most saves leave the store's order alone


def add_word(profile: ProfileState, received_at: int, out: bool) -> bool:
    """Put a word into its place, in `profile`. Is it the one in force now?"""
    words = profile["opt_words"]
    word = OptWord(at=received_at, out=out)
    if word not in words:
        words = sorted([*words, word], key=_order)[-KEPT_WORDS:]
        profile["opt_words"] = words
    return words[-1] == word


def is_out(profile: ProfileState) -> bool:
    """Is the user opted out, as far as we know?"""
    words = profile["opt_words"]
    return bool(words) and words[-1]["out"]


def was_out(profile: ProfileState, at_ms: int) -> bool:
    """Was the user opted out at that time?"""
    for word in reversed(profile["opt_words"]):
        if word["at"] <= at_ms:
            return word["out"]
    return False


def kept_until(profile: ProfileState, now_ms: int) -> int | None:
    """When a profile that changes now may be forgotten, if its user has no reminders then; None: never.

    An opt-out is never forgotten. What the user set (zone, confirmation) lasts longer than numbers and old words.
    """
    if is_out(profile):
        return None
    least = now_ms + (SETTLED_MS if profile["zone"] or profile["confirmed"] else BARE_MS)
    held = profile["wake_at"]
    return held if held is not None and least <= held <= least + SLACK_MS else least + SLACK_MS


def _order(word: OptWord) -> tuple[int, bool]:
    return word["at"], word["out"]
