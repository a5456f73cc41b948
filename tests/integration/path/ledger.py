"""The oracle of the whole path, and what it holds against what.

Three witnesses that do not share code: the SMS that the test sent, the carrier's ground truth (what really rang, and
what was really said), and the committed records of the topics. They must agree:

    outcomes   every SMS has exactly one outcome fact or dead letter
    calls      at most one call of the carrier for each attempt and try (the `k` in the URL that the call fetched)
    hearings   at most one call in which the words of an occurrence were heard
    ends       every fired occurrence ends: ANSWERED, GAVE_UP, MISSED or CANCELLED
    never early   no call is created before the reminder's due time
    charges    one for each charged SMS, one for each answered occurrence, none twice, none else
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

OUTCOMES = {"SCHEDULED", "COMMAND_DONE", "ASKED_BACK", "REFUSED", "OPTED_OUT", "OPTED_IN"}
ENDS = {"ANSWERED", "GAVE_UP", "MISSED", "CANCELLED"}

Fact = dict[str, Any]


class Ledger:
    """What is known at one moment. `truth` is the simulator's, `sent` the sids that the test produced."""

    def __init__(
        self, sent: Iterable[str], truth: list[dict[str, Any]], records: list[tuple[str, Fact]]
    ) -> None:
        self.sent = set(sent)
        self.truth = truth
        self.facts = [value for topic, value in records if topic == "reminders.events"]
        self.charges = [value for topic, value in records if topic == "billing.charges"]
        self.dead = [value for topic, value in records if topic == "dead.letters"]

    def occurrences(self, *types: str) -> Counter[tuple[str, int]]:
        return Counter((f["reminder_id"], f["due_at"]) for f in self.facts if f["type"] in types)

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(f["message_sid"] for f in self.facts if f["type"] in OUTCOMES and f["message_sid"])

    @property
    def missing(self) -> list[str]:
        """What must still come: outcomes of SMS, ends of reminders, charges."""
        scheduled = {f["reminder_id"] for f in self.facts if f["type"] == "SCHEDULED"}
        ended = {f["reminder_id"] for f in self.facts if f["type"] in ENDS}
        fired = {f["reminder_id"] for f in self.facts if f["type"] == "FIRED"}
        charged = {charge["charge_id"] for charge in self.charges}
        return [
            *(f"outcome of {sid}" for sid in self.sent - set(self.outcomes)),
            *(f"end of {r} ({'fired' if r in fired else 'not fired'})" for r in scheduled - ended),
            *(f"charge {charge_id}" for charge_id in self.expected_charges() - charged),
        ]

    @property
    def settled(self) -> bool:
        """Has every SMS its outcome, everything scheduled its end, everything charged its charge?"""
        return not self.missing

    def expected_charges(self) -> set[str]:
        sms = {f"sms:{f['message_sid']}" for f in self.facts if f["message_sid"] and f["charged"]}
        return sms | {f"answered:{reminder}:{due}" for reminder, due in self.occurrences("ANSWERED")}

    def check(self) -> None:
        """Raises AssertionError with what disagrees."""
        doubled = {sid: n for sid, n in self.outcomes.items() if n != 1}
        assert not doubled, f"SMS with more than one outcome: {doubled}"
        assert set(self.outcomes) == self.sent, "outcomes of SMS that nobody sent, or SMS without outcome"
        assert not self.dead, f"dead letters: {[(d['reason'], d['detail']) for d in self.dead]}"

        created = [event for event in self.truth if event["type"] == "call.created"]
        tries = Counter(_attempt(event["url"]) for event in created)
        assert all(n == 1 for n in tries.values()), f"more than one call of an attempt: {tries}"
        sid_of = {event["sid"]: _occurrence(event["url"]) for event in created}
        heard = Counter(
            sid_of[event["sid"]]
            for event in self.truth
            if event["type"] == "call.heard" and "reminder" in event["text"].lower()
        )
        assert all(n == 1 for n in heard.values()), f"words that were heard more than once: {heard}"
        for event in created:
            due_at = int(_occurrence(event["url"]).split(".")[1])
            assert event["at"] >= due_at, f"called {due_at - event['at']} ms early"

        fired, ended = set(self.occurrences("FIRED")), set(self.occurrences(*ENDS))
        assert fired <= ended, f"without an end: {fired - ended}"
        answered = {f"{reminder}.{due}" for reminder, due in self.occurrences("ANSWERED")}
        assert set(heard) <= answered, "heard, and not known as answered"

        charges = Counter(charge["charge_id"] for charge in self.charges)
        assert all(n == 1 for n in charges.values()), f"charged twice: {charges}"
        assert set(charges) == self.expected_charges(), "charges and facts disagree"


def _attempt(url: str) -> str:
    return parse_qs(urlsplit(url).query)["k"][0]


def _occurrence(url: str) -> str:
    return ".".join(_attempt(url).split(".")[:2])
