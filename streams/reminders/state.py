"""The state of the timer stream, per partition. Keys, values, and who removes them:

    p|{user}                              ProfileState    an opt-out: never; else once no reminder is left,
                                                          35 d after its last change, 400 d if the user set a
                                                          zone or confirmed (the two last by at most a week more)
    r|{user}|{reminder_id}                ReminderState   the present occurrence of a reminder
                                                          removed at once if it never fired, else 8 d after its end
    e|{user}|{reminder_id}|{due_at}       ReminderState   an occurrence that fired and that a snooze replaced
                                                          removed 8 d after its end
    c|{tenant}                            TallyState      never: one a tenant, see conservation.py
    k|{tenant}                            SpendState      never: one a tenant that has caps, see caps.py
    m|{reminder_id}                       SeenState       an SMS that has no `r|` record (any more): that it was
                                                          read; removed after 35 d

{user} is `{tenant}|{E.164 number}`, {due_at} epoch ms; `scan("r|{user}|")` gives one user's reminders. Removal is
by the record's own `wake_at`, like every other timer. `status` of a ReminderState and what its timer means:

    UNCONFIRMED  kept until the user says YES      wake_at = due_at: EXPIRED
    WAITING      a try is to start at fire_at      wake_at = fire_at, or when it was set if that is later: fire
    OUT          a try is out (reminders.due)      wake_at = fired_at + 8 d: no evidence ever came, MISSED
    HEARD        ANSWERED; were the words told?    wake_at = 30 s after the call's end: words by SMS
    ENDED        remembered for late evidence      wake_at = end + 8 d: forget

`sids` and `marks` fold the evidence of the present try only: of other tries nothing but ANSWERED can matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from schemas.records import ProfileState, ReminderState, SeenState
from streams.runtime.processor import State
from streams.topology import DAY_MS

UNCONFIRMED, WAITING, OUT, HEARD, ENDED = "UNCONFIRMED", "WAITING", "OUT", "HEARD", "ENDED"
LIVE = frozenset({UNCONFIRMED, WAITING, OUT})  # what `list` shows and `cancel` finds

SEEN_MS = 35 * DAY_MS
ENDED_MS = 8 * DAY_MS  # longer than a gate is kept (7 d)
NO_EVIDENCE_MS = 8 * DAY_MS


def profile_key(user: str) -> str:
    return f"p|{user}"


def reminder_key(user: str, reminder_id: str) -> str:
    return f"r|{user}|{reminder_id}"


def replaced_key(user: str, reminder_id: str, due_at: int) -> str:
    return f"e|{user}|{reminder_id}|{due_at}"


def seen_key(reminder_id: str) -> str:
    """`reminder_id`: ids.reminder_id of the SMS, whether it asked for a reminder or not."""
    return f"m|{reminder_id}"


def load_profile(state: State, user: str) -> ProfileState:
    """The user's profile; that of a stranger when there is none."""
    found = state.get(f"p|{user}")
    if found is None:
        return ProfileState(
            zone=None,
            zone_at=None,
            confirmed=False,
            next_number=1,
            opt_words=[],
            number_kind=None,
            minute_at=None,
            sms_in_minute=0,
            day_at=None,
            reminders_in_day=0,
            told={},
            wake_at=None,
        )
    return cast(ProfileState, found)


def save_profile(state: State, user: str, profile: ProfileState) -> None:
    state.put(f"p|{user}", "ProfileState", profile)


def new_occurrence(
    reminder_id: str, tenant: str, user: str, our_number: str, number: int, subject: str, due_at: int
) -> ReminderState:
    """The first attempt of an occurrence, to start when it is due (epoch ms)."""
    return {
        "reminder_id": reminder_id,
        "tenant": tenant,
        "user": user,
        "from": our_number,
        "number": number,
        "subject": subject,
        "status": WAITING,
        "due_at": due_at,
        "fire_at": due_at,
        "expires_at": None,
        "attempt": 1,
        "try": 1,
        "fired_at": None,
        "answered": False,
        "called_off": False,
        "cancel_sid": None,
        "superseded": False,
        "sids": {},
        "marks": [],
        "pressed": [],
        "wake_at": due_at,
    }


def load(state: State, key: str) -> ReminderState | None:
    return cast("ReminderState | None", state.get(key))


def save(state: State, key: str, reminder: ReminderState) -> None:
    state.put(key, "ReminderState", reminder)


def reminders_of(state: State, user: str) -> Iterator[tuple[str, ReminderState]]:
    """The user's reminders with their keys, ended ones that are still remembered too."""
    return _scan(state, f"r|{user}|")


def _scan(state: State, prefix: str) -> Iterator[tuple[str, ReminderState]]:
    for key, value in state.scan(prefix):
        yield key, cast(ReminderState, value)


def last_rung(state: State, user: str) -> tuple[str, ReminderState] | None:
    """The reminder that fired last and its key, whatever became of it since; None when none is remembered."""
    fired = [
        r for prefix in ("r", "e") for _, r in _scan(state, f"{prefix}|{user}|") if r["fired_at"] is not None
    ]
    for last in sorted(fired, key=lambda r: (r["fired_at"], r["number"]), reverse=True):
        key = reminder_key(user, last["reminder_id"])
        found = load(
            state, key
        )  # a replaced occurrence tells of a reminder that may have been cancelled since
        if found is not None:
            return key, found
    return None


def find_occurrence(
    state: State, user: str, reminder_id: str, due_at: int
) -> tuple[str, ReminderState] | None:
    """The occurrence and its key, present or replaced; None when it is not, or no longer, known."""
    key = reminder_key(user, reminder_id)
    found = load(state, key)
    if found is None or found["due_at"] != due_at:
        key = replaced_key(user, reminder_id, due_at)
        found = load(state, key)
    return (key, found) if found is not None else None


def is_seen(state: State, user: str, reminder_id: str) -> bool:
    """Was this SMS read before? A reminder that is there says so by itself: one record less for each."""
    return state.get(f"r|{user}|{reminder_id}") is not None or state.get(f"m|{reminder_id}") is not None


def save_seen(state: State, reminder_id: str, now_ms: int) -> None:
    state.put(seen_key(reminder_id), "SeenState", SeenState(wake_at=now_ms + SEEN_MS))


def forget(state: State, key: str, reminder: ReminderState, now_ms: int) -> None:
    """Remove an occurrence. Its SMS stays known, for it may still be delivered again."""
    state.delete(key)
    if key.startswith("r|"):
        save_seen(state, reminder["reminder_id"], now_ms)
