"""The oracle of the worst cases. It shares no code with what it judges; this page is all that it believes.

It is given a *history*: what users sent, what the carrier knows to have happened (its ground truth: which calls it was
asked for, what was heard on them, what was ended), and every committed record of the topics with the time at which the
broker appended it. Carrier and broker are witnesses that the pipeline cannot talk to; they stand on one machine, so
their clocks can be compared.

Names: O is an occurrence, `(reminder_id, due_at)`. K is one intended call, `(reminder_id, due_at, attempt, try)`; it
stands in the URL that the carrier was given (`k=`), so a call at the carrier is of the K that its own URL says,
whatever the pipeline believes. A sid is the carrier's name for one call.

What must hold, and why that is enough:

    one call a K       no two calls at the carrier carry the same K
    one hearing an O   at most one call of an O ever played words that hold its subject. The words may come twice in one
                       call (the carrier asks the fallback URL); two calls are two hearings, even of half a sentence
    claim before call  K has a committed CLAIMED, appended before the carrier made the call: else a crash just after
                       the request would have left no trace of it
    never early        no call was made before the `fire_at` that `reminders.due` names for its K
    one outcome        each SMS has exactly one outcome fact or one dead letter, and no SMS has one that was not sent
    an end in writing  each K in `reminders.due` is ended in `calls.events`: NOT_SENT, NOT_PLACED, refused without a
                       sid, or an end of every sid; each call of the carrier is known there by its sid; each O that
                       was scheduled or fired has ANSWERED, GAVE_UP, MISSED or CANCELLED (a history is told to its end);
                       each reply ends SENT, DELIVERED or FAILED and reached the carrier at most once
    UNKNOWN is short   from the first CLAIMED of a K that was UNKNOWN to the first record that tells what it was
                       (NOT_SENT, NOT_PLACED, FAILED, or anything with a sid): at most T_resolve and 30 s
    charges are right  charge ids are unique, and they are exactly `sms:{sid}` of the texts that cost and `answered:{O}`
                       of each O with an ANSWERED in `calls.events`. ANSWERED itself must be true: the carrier saw that
                       call picked up; and whatever was heard must be ANSWERED

What is *missing* may still come, what is *wrong* never becomes right; who asks waits for the first and judges the
second.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Event = dict[str, Any]
Occurrence = tuple[str, int]
Key = tuple[str, int, int, int]

OUTCOMES = {"SCHEDULED", "COMMAND_DONE", "ASKED_BACK", "REFUSED", "OPTED_OUT", "OPTED_IN"}
ENDS_OF_O = {"ANSWERED", "GAVE_UP", "MISSED", "CANCELLED", "EXPIRED"}
ENDS_OF_A_CALL = {"COMPLETED", "CANCELED", "FAILED", "NO_ANSWER", "BUSY"}
ENDS_WITHOUT_A_CALL = {"NOT_SENT", "NOT_PLACED", "FAILED"}
ENDS_OF_A_REPLY = {"SENT", "DELIVERED", "FAILED"}
RESOLVE_SLACK_MS = 30_000


@dataclass(frozen=True, slots=True)
class Row:
    """A committed record: its topic, when the broker appended it (epoch ms), and its decoded value."""

    topic: str
    appended_at: int
    value: Event


@dataclass(frozen=True)
class History:
    """Everything about some users. `sent`: message sid → does it cost? `truth`: the carrier's events, in order."""

    sent: Mapping[str, bool]
    truth: Sequence[Event]
    rows: Sequence[Row]
    resolve_ms: int
    now_ms: int


@dataclass(frozen=True)
class Verdict:
    """What was counted, and every sentence that should not be true."""

    case: str
    sms: int
    calls: int
    keys: int  # K that were due
    most_calls: int  # of one K
    heard: int  # O of which something was heard
    most_heard: int  # calls in which one O was heard
    charges: int
    charges_due: int
    unknown: int  # K that were UNKNOWN at some time
    unknown_max_s: float
    early: int
    lost: int  # what has no end
    wrong: Sequence[str] = field(default_factory=tuple)
    missing: Sequence[str] = field(default_factory=tuple)

    @property
    def holds(self) -> bool:
        return not self.wrong and not self.missing


def judge(case: str, history: History) -> Verdict:
    """The verdict on `history` as it is now."""
    book = _Book(history)
    wrong = [
        *book.calls_wrong(),
        *book.hearings_wrong(),
        *book.early(),
        *book.outcomes_wrong(),
        *book.unknown_too_long(),
        *book.charges_wrong(),
        *book.replies_wrong(),
    ]
    lost = [*book.without_outcome(), *book.without_end()]
    return Verdict(
        case,
        sms=len(history.sent),
        calls=len(book.created),
        keys=len(book.due),
        most_calls=max(Counter(book.key_of.values()).values(), default=0),
        heard=len(book.heard),
        most_heard=max((len(sids) for sids in book.heard.values()), default=0),
        charges=len(book.charges),
        charges_due=len(book.charges_due()),
        unknown=len(book.unknown_ms()),
        unknown_max_s=max(book.unknown_ms().values(), default=0) / 1000,
        early=len(list(book.early())),
        lost=len(lost),
        wrong=tuple(wrong),
        missing=(*lost, *book.charges_missing()),
    )


class _Book:
    """One history, sorted."""

    def __init__(self, history: History) -> None:
        self._h = history
        self.facts = self._of("reminders.events")
        self.evidence: dict[Key, list[Row]] = defaultdict(list)
        for row in self._of("calls.events"):
            self.evidence[_k(row.value)].append(row)
        self.due = {_k(row.value): row.value for row in self._of("reminders.due")}
        self.charges = [row.value["charge_id"] for row in self._of("billing.charges")]
        self.created = [event for event in history.truth if event["type"] == "call.created"]
        self.key_of: dict[str, Key] = {event["sid"]: _k_of_url(event["url"]) for event in self.created}
        self.heard = self._heard()

    def _of(self, topic: str) -> list[Row]:
        return [row for row in self._h.rows if row.topic == topic]

    def _heard(self) -> dict[Occurrence, set[str]]:
        heard: dict[Occurrence, set[str]] = defaultdict(set)
        subjects = {key[:2]: due["subject"] for key, due in self.due.items()}
        for event in self._h.truth:
            if event["type"] == "call.heard" and not event["error"] and event["sid"] in self.key_of:
                occurrence = self.key_of[event["sid"]][:2]
                if subjects.get(occurrence, "your reminder").lower() in event["text"].lower():
                    heard[occurrence].add(event["sid"])
        return heard

    def calls_wrong(self) -> Iterator[str]:
        for key, n in Counter(self.key_of.values()).items():
            if n > 1:
                yield f"{n} calls of one K {key}"
        for event in self.created:
            key = self.key_of[event["sid"]]
            claims = [row.appended_at for row in self.evidence[key] if row.value["state"] == "CLAIMED"]
            if not claims or min(claims) > event["at"]:
                yield f"call {event['sid']} of {key} before its claim"

    def hearings_wrong(self) -> Iterator[str]:
        answered = self._answered()
        for occurrence, sids in self.heard.items():
            if len(sids) > 1:
                yield f"{occurrence} heard in {len(sids)} calls"
            if occurrence not in answered:
                yield f"{occurrence} heard, and not known as ANSWERED"
        picked_up = {event["sid"] for event in self._h.truth if event["type"] == "call.answered"}
        for occurrence, sids in answered.items():
            for sid in sids - picked_up:
                yield f"{occurrence} is ANSWERED by {sid}, which nobody picked up"

    def _answered(self) -> dict[Occurrence, set[str]]:
        answered: dict[Occurrence, set[str]] = defaultdict(set)
        for key, rows in self.evidence.items():
            for row in rows:
                if row.value["state"] == "ANSWERED":
                    answered[key[:2]].add(row.value["call_sid"])
        return answered

    def early(self) -> Iterator[str]:
        for event in self.created:
            key = self.key_of[event["sid"]]
            fire_at = self.due[key]["fire_at"] if key in self.due else key[1]
            if event["at"] < max(fire_at, key[1]):
                yield f"call {event['sid']} was {fire_at - event['at']} ms early"

    def _outcomes(self) -> Counter[str]:
        found = Counter(
            row.value["message_sid"]
            for row in self.facts
            if row.value["type"] in OUTCOMES and row.value["message_sid"]
        )
        for row in self._of("dead.letters"):
            found.update(sid for sid in self._h.sent if sid.encode() in (row.value["value"] or b""))
        return found

    def outcomes_wrong(self) -> Iterator[str]:
        for sid, n in self._outcomes().items():
            if n > 1:
                yield f"{n} outcomes of SMS {sid}"
            if sid not in self._h.sent:
                yield f"an outcome of SMS {sid}, which nobody sent"
        copies = Counter(row.value["event_id"] for row in self.facts)
        yield from (f"fact {event_id} written {n} times" for event_id, n in copies.items() if n > 1)

    def without_outcome(self) -> Iterator[str]:
        yield from (f"no outcome of SMS {sid}" for sid in sorted(set(self._h.sent) - set(self._outcomes())))

    def without_end(self) -> Iterator[str]:
        for key in self.due:
            if not self._is_ended(self.evidence[key]):
                states = [row.value["state"] for row in self.evidence[key]]
                yield f"no end of K {key}: {states}"
        known = {row.value["call_sid"] for rows in self.evidence.values() for row in rows}
        yield from (
            f"call {event['sid']} is not known" for event in self.created if event["sid"] not in known
        )
        ended = {_o(row.value) for row in self.facts if row.value["type"] in ENDS_OF_O}
        scheduled = {_o(row.value) for row in self.facts if row.value["type"] == "SCHEDULED"}
        begun = {key[:2] for key in self.due} | scheduled
        yield from (f"no end of O {occurrence}" for occurrence in sorted(begun - ended))
        replied: dict[str, set[str]] = defaultdict(set)
        for row in self._of("sms.events"):
            replied[row.value["reply_id"]].add(row.value["state"])
        for row in self._of("sms.outbound"):
            if not replied[row.value["reply_id"]] & ENDS_OF_A_REPLY:
                yield f"no end of reply {row.value['reply_id']}: {sorted(replied[row.value['reply_id']])}"

    @staticmethod
    def _is_ended(rows: Sequence[Row]) -> bool:
        sids: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            if row.value["call_sid"]:
                sids[row.value["call_sid"]].add(row.value["state"])
        if sids:
            return all(states & ENDS_OF_A_CALL for states in sids.values())
        return any(row.value["state"] in ENDS_WITHOUT_A_CALL for row in rows)

    def replies_wrong(self) -> Iterator[str]:
        wanted = {
            row.value["reply_id"]: (row.value["to"], row.value["body"]) for row in self._of("sms.outbound")
        }
        allowed = Counter(wanted.values())
        sent = Counter((e["to"], e["body"]) for e in self._h.truth if e["type"] == "message.created")
        for (to, _), n in (sent - allowed).items():
            yield f"{n} SMS to {to} more than there are replies"

    def unknown_ms(self) -> dict[Key, int]:
        """K that was UNKNOWN → how long after its first claim it was known what it was."""
        found: dict[Key, int] = {}
        for key, rows in self.evidence.items():
            unknown = [row.appended_at for row in rows if row.value["state"] == "UNKNOWN"]
            if not unknown:
                continue
            since = min(
                [row.appended_at for row in rows if row.value["state"] == "CLAIMED"], default=min(unknown)
            )
            told = [
                row.appended_at
                for row in rows
                if row.value["call_sid"] or row.value["state"] in ENDS_WITHOUT_A_CALL
            ]
            found[key] = max(0, min(told, default=self._h.now_ms) - since)
        return found

    def unknown_too_long(self) -> Iterator[str]:
        for key, ms in self.unknown_ms().items():
            if ms > self._h.resolve_ms + RESOLVE_SLACK_MS:
                yield f"K {key} was UNKNOWN for {ms / 1000:.1f} s"

    def charges_due(self) -> set[str]:
        texts = {f"sms:{sid}" for sid, costs in self._h.sent.items() if costs}
        return texts | {f"answered:{reminder}:{due_at}" for reminder, due_at in self._answered()}

    def charges_wrong(self) -> Iterator[str]:
        yield from (f"{charge} {n} times" for charge, n in Counter(self.charges).items() if n > 1)
        yield from (f"{charge} is not due" for charge in sorted(set(self.charges) - self.charges_due()))

    def charges_missing(self) -> Iterator[str]:
        yield from (f"no charge {charge}" for charge in sorted(self.charges_due() - set(self.charges)))


def _k(value: Event) -> Key:
    return value["reminder_id"], value["due_at"], value["attempt"], value["try"]


def _o(value: Event) -> Occurrence:
    return value["reminder_id"], value["due_at"]


def _k_of_url(url: str) -> Key:
    reminder, due_at, attempt, try_ = parse_qs(urlsplit(url).query)["k"][0].split(".")
    return reminder, int(due_at), int(attempt), int(try_)
