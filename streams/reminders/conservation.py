"""Nothing is lost: every occurrence that was accepted stands in exactly one class, counted per tenant.

    accepted = pending + fired + cancelled + expired + dead

What is counted is the occurrence (a reminder and its due instant), because that is what a call is made for:

    accepted    scheduled, or kept until the user confirms (UNCONFIRMED). A snooze of an occurrence that has fired
                accepts another one; a snooze of one that has not moves it, and it stays the one that was accepted
    pending     waits for its first call: UNCONFIRMED, or WAITING and never fired
    fired       stands in `reminders.due` at least once. That is final here, whatever becomes of it: answered, retried,
                given up, called off while it was out, missed by a retry. A second try or attempt counts nothing
    cancelled   ended by the user's cancel, or by its time while opted out, before it ever fired
    expired     its time passed before it ever fired: never confirmed, or MISSED beyond the grace
    dead        its timer was set aside as a dead letter before it ever fired; cancel and snooze still find it
    open        of those that fired: not ENDED yet. So a retry that is lost is missed here as well

Beside them `refused` counts SMS whose outcome was REFUSED; no sum and no audit asks for it.

The counters are a record of the state (`c|{tenant}`), moved by the step that moves the occurrence, in the same
transaction and the same changelog: a crash, an abort or a takeover takes both back or neither. `fold` counts the
store anew, from what the occurrences look like and not from how they came there, and `differences` compares: what a
step forgot to count, and what a store has lost, shows as a difference.

Of the sum only `pending`, `dead` and `open` can be counted in the store, where cancelled and expired occurrences
are deleted at once; those that ended stand in `reminders.events`, and the sum ties them to what is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from schemas.records import ReminderState, TallyState
from streams.reminders.state import ENDED
from streams.runtime.processor import State

Move = Mapping[str, int]

PREFIXES: Final = ("c|", "e|", "r|")  # of the keys that an audit looks at

COUNTED: Final = ("pending", "dead", "open")  # what the store can be asked for
EMPTY: Final[TallyState] = {
    "accepted": 0,
    "pending": 0,
    "fired": 0,
    "cancelled": 0,
    "expired": 0,
    "dead": 0,
    "open": 0,
    "refused": 0,
    "sms_charged": 0,
    "answered": 0,
}


def _move(**amounts: int) -> Move:
    return {**cast(Move, EMPTY), **amounts}


ACCEPTED: Final = _move(accepted=1, pending=1)
FIRED: Final = _move(pending=-1, fired=1, open=1)
CANCELLED: Final = _move(pending=-1, cancelled=1)
EXPIRED: Final = _move(pending=-1, expired=1)
REFUSED: Final = _move(refused=1)
SMS_CHARGED: Final = _move(sms_charged=1)
ANSWERED: Final = _move(answered=1)
CLOSED: Final = _move(open=-1)
SET_ASIDE: Final = _move(pending=-1, dead=1)
REVIVED: Final = _move(pending=1, dead=-1)


def move(state: State, tenant: str, amounts: Move) -> None:
    """Count a move of one occurrence of `tenant`, in the transaction that makes it."""
    state.add(f"c|{tenant}", "TallyState", amounts)


def open_books(state: State) -> None:
    """Tell the counters of a partition that was taken over."""
    for key, _ in state.scan("c|"):
        state.add(key, "TallyState", cast(Move, EMPTY))


def note_set_aside(state: State, key: str, value: Mapping[str, Any]) -> None:
    """The timer at `key` became a dead letter."""
    if key.startswith("r|") and value["fired_at"] is None:
        move(state, value["tenant"], SET_ASIDE)


def ended(reminder: ReminderState, how: Move) -> Iterable[Move]:
    """The moves of an occurrence that ends: `how` (CANCELLED, EXPIRED) counts if it never fired."""
    if reminder["fired_at"] is not None:
        return () if reminder["status"] == ENDED else (CLOSED,)
    return (REVIVED, how) if is_dead(reminder) else (how,)


def is_dead(reminder: ReminderState) -> bool:
    """Was the timer of its first call set aside? Then nothing but the user brings it back."""
    return reminder["fired_at"] is None and reminder["wake_at"] is None


def fold(values: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, TallyState]:
    """By tenant, what the occurrences among `values` (keys and decoded values of one store) come to.

    Only COUNTED is filled in. All values may be handed over: those that are no occurrence are passed over.
    """
    tallies: dict[str, TallyState] = {}
    for key, value in values:
        _add(tallies, key, value)
    return tallies


def _add(tallies: dict[str, TallyState], key: str, value: Mapping[str, Any]) -> None:
    if not key.startswith(("r|", "e|")):
        return
    reminder = cast(ReminderState, value)
    tally = tallies.get(reminder["tenant"])
    if tally is None:
        tally = tallies[reminder["tenant"]] = EMPTY.copy()
    if reminder["fired_at"] is None:
        tally["dead" if reminder["wake_at"] is None else "pending"] += 1
    elif reminder["status"] != ENDED:
        tally["open"] += 1


def audit(values: Iterable[tuple[str, Mapping[str, Any]]], slice_: int = 200) -> Iterator[list[str] | None]:
    """Hold the counters in a store against a fold of it, a slice at a time, so that a million delay nobody.

    `values` are all under PREFIXES, as of one instant. Yields None after each `slice_` of them (about a millisecond
    and a half) and in the end the `differences`.
    """
    running: dict[str, TallyState] = {}
    found: dict[str, TallyState] = {}
    for count, (key, value) in enumerate(values, 1):
        if key.startswith("c|"):
            running[key.removeprefix("c|")] = cast(TallyState, value)
        else:
            _add(found, key, value)
        if count % slice_ == 0:
            yield None
    yield differences(running, found)


def unaccounted(tally: TallyState) -> int:
    """Accepted less all classes: 0, or the books are wrong."""
    return tally["accepted"] - sum(
        tally[name] for name in ("pending", "fired", "cancelled", "expired", "dead")
    )


def differences(running: Mapping[str, TallyState], found: Mapping[str, TallyState]) -> list[str]:
    """One sentence for each way in which the counters `running` contradict themselves or the fold of their store.

    Names the tenant and the numbers, so that it may be logged. Empty: they agree.
    """
    wrong = []
    for tenant in sorted({*running, *found}):
        tally, store = running.get(tenant, EMPTY), found.get(tenant, EMPTY)
        if lost := unaccounted(tally):
            wrong.append(f"tenant {tenant}: {lost} of {tally['accepted']} accepted are in no class")
        for name in COUNTED:
            counted, kept = cast(Mapping[str, int], tally)[name], cast(Mapping[str, int], store)[name]
            if counted != kept:
                wrong.append(f"tenant {tenant}: {counted} counted as {name}, {kept} in the store")
    return wrong
