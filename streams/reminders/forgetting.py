"""Forgetting a user: a profile goes when nothing needs it any more, or the store would grow with every user ever."""

from __future__ import annotations

from typing import cast

from schemas.records import ProfileState
from streams.reminders.profile import kept_until
from streams.reminders.state import ENDED_MS, reminders_of
from streams.runtime.processor import State


def forget_user(state: State, key: str, now_ms: int) -> None:
    """The timer of the profile at `key` (`p|{user}`): its user was not heard of for long.

    A user who has reminders is kept, ended ones that are remembered included, because `next_number` gives no two of
    them the same number. It is looked at again when the last of them may be gone.
    """
    profile = cast(ProfileState, state.get(key))
    last = max((r["wake_at"] or now_ms for _, r in reminders_of(state, key.removeprefix("p|"))), default=None)
    if last is not None:
        profile["wake_at"] = max(last, now_ms) + ENDED_MS + 1
    elif kept_until(profile, now_ms) is None:
        profile["wake_at"] = None
    else:
        state.delete(key)
        return
    state.put(key, "ProfileState", profile)
