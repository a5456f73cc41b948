"""An hour without a carrier: nobody is forgotten, nobody is rung twice, and its return is no second outage."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import pytest

from streams.control.modes import Modes
from tests.property.outage.town import Plan, Town

HOUR_S = 3_600
BEFORE_S, DRAIN_S = 1_200, 1_800
AWAY_S = (BEFORE_S, BEFORE_S + HOUR_S)
LAST_S = AWAY_S[1] + DRAIN_S
CAP = 3.0
# One reminder in two seconds; with the attempts that follow an unanswered call about three requests in four seconds.
PLAN = Plan((LAST_S - 60) // 2, 60, LAST_S, AWAY_S, CAP)


@pytest.fixture(scope="module")
def town() -> Town:
    """A town that has lived through it: the hour before is shortened, and four hours later all is over."""
    town = Town(PLAN)
    town.live(LAST_S + 4 * HOUR_S)
    print(f"seed {PLAN.seed}: {dict(town.steps)}")
    return town


def normal(town: Town) -> float:
    """Requests a second before the carrier went away, once second attempts are part of them."""
    return town.rate(300, BEFORE_S)


def by_user(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        found[record["user"]].append(record)
    return found


def test_everybody_hears_once_or_reads_an_sms(town: Town) -> None:
    """Each reminder ends; who did not hear it reads it, and nobody reads it twice."""
    facts = by_user([f for f in town.facts if f["type"] in ("ANSWERED", "MISSED", "GAVE_UP")])
    follow_ups = by_user([s for s in town.sms if s["kind"] == "follow_up"])
    unknown = {e["user"] for e in town.evidence if e["state"] == "UNKNOWN"}
    users = {f["user"] for f in town.facts if f["type"] == "SCHEDULED"}
    assert len(users) == PLAN.reminders
    for user in sorted(users):
        kinds = Counter(f["type"] for f in facts[user])
        heard, read = kinds["ANSWERED"], len(follow_ups[user])
        assert (heard, read) in ((1, 0), (0, 1)) or ((heard, read) == (1, 1) and user in unknown), (
            user,
            kinds,
            read,
        )
    ends = Counter(f["type"] for mine in facts.values() for f in mine)
    print(f"ends: {dict(ends)}")
    # Two reminders in three were due in an hour that was longer than their grace.
    assert ends["MISSED"] > 0.6 * HOUR_S / 2


def test_what_was_late_was_missed_and_what_was_not_was_called(town: Town) -> None:
    """Due long before the return: MISSED, with an SMS. Due shortly before it: called."""
    grace_s = town.tenant.late_grace_s
    acted_upon = {
        e["user"] for e in town.evidence if e["state"] == "UNKNOWN"
    }  # its 503 came after the call was made
    long_gone, recent = [], []
    for fact in town.facts:
        if fact["type"] in ("MISSED", "ANSWERED", "GAVE_UP"):
            due_s = (fact["due_at"] - town.began_ms) / 1000
            if fact["type"] == "ANSWERED" and fact["user"] in acted_upon:
                continue
            if BEFORE_S + 60 < due_s < AWAY_S[1] - grace_s - 60:
                long_gone.append(fact["type"])
            elif AWAY_S[1] - 300 < due_s < AWAY_S[1]:
                recent.append(fact["type"])
    assert set(long_gone) <= {"MISSED", "GAVE_UP"}  # a probe that was answered 503 ends NOT_PLACED
    assert Counter(long_gone)["MISSED"] > 0.9 * len(long_gone)
    assert Counter(recent)["ANSWERED"] > 0.5 * len(recent)


def test_no_try_is_rung_twice(town: Town) -> None:
    """At most one call a K, whatever came of the reply."""
    assert max(town.carrier.accepted().values()) == 1


def test_a_carrier_that_is_away_is_asked_by_probes_only(town: Town) -> None:
    """A few requests a minute, where the present load is fifty."""
    asked = town.rate(AWAY_S[0] + 60, AWAY_S[1]) * 60
    print(f"requests a minute: {normal(town) * 60:.0f} before, {asked:.1f} while away")
    assert asked < 10
    assert asked > 0.5  # or its return would not be seen


def test_its_return_is_no_stampede(town: Town) -> None:
    """Never above the cap. The busiest minute has three times the normal load, and a quarter of an hour later it is
    nearly normal again."""
    peak_s = town.busiest(AWAY_S[1], LAST_S, 1.0)
    peak_minute = town.busiest(AWAY_S[1], LAST_S, 60.0)
    print(
        f"requests a second: {normal(town):.2f} before; after: busiest second {peak_s:.0f}, minute {peak_minute:.2f}"
    )
    assert peak_s <= CAP
    assert peak_minute <= 3.3 * normal(town) < CAP
    assert town.rate(AWAY_S[1] + 900, LAST_S) <= 1.3 * normal(town)


def test_who_is_due_after_the_return_is_called_in_time(town: Town) -> None:
    """The drain does not delay the present: a first try that is due a minute after the return goes out at once."""
    late_s = town.lateness_s(AWAY_S[1] + 120)
    assert len(late_s) > 500
    print(
        f"lateness of those: p50 {late_s[len(late_s) // 2]:.3f} s, p99 {late_s[len(late_s) * 99 // 100]:.3f} s"
    )
    assert late_s[len(late_s) * 99 // 100] < 5


def test_tries_are_few(town: Town) -> None:
    """Waiting for a carrier costs no tries: most reminders have one or two an attempt."""
    tries = Counter(max(d["try"] for d in mine) for mine in by_user(town.due).values())
    print(f"reminders by their greatest try: {dict(sorted(tries.items()))}")
    assert max(tries) <= 8
    assert sum(n for t, n in tries.items() if t <= 2) > 0.9 * PLAN.reminders


@pytest.mark.long
def test_what_the_controllers_are_for() -> None:
    """The figures of streams/decisions: without the breaker most users of the outage are lost to UNKNOWN; without the
    budget those who are due after it wait behind its backlog."""
    off = Modes(breaker="off", budget="off", timeout="off", concurrency="off")
    for minutes in (10, 60):
        figures = {
            name: _figures(name, minutes, modes)
            for name, modes in (("all off", off), ("no budget", Modes(budget="off")), ("defaults", Modes()))
        }
        assert figures["defaults"]["unknown"] < figures["all off"]["unknown"] / 10
        assert figures["defaults"]["greatest try"] < figures["all off"]["greatest try"]
    assert figures["defaults"]["p99 lateness s"] < figures["no budget"]["p99 lateness s"] / 10


def _figures(name: str, minutes: int, modes: Modes) -> dict[str, float]:
    away_s = (BEFORE_S, BEFORE_S + 60 * minutes)
    last_s = away_s[1] + DRAIN_S
    town = Town(replace(PLAN, reminders=(last_s - 60) // 2, last_s=last_s, away_s=away_s, modes=modes))
    town.live(last_s + HOUR_S)
    late_s = town.lateness_s(away_s[1] + 120)
    figures = {
        "requests a second, away": town.rate(away_s[0] + 60, away_s[1]),
        "unknown": sum(e["state"] == "UNKNOWN" for e in town.evidence),
        "not placed": sum(f["type"] == "GAVE_UP" and f["reason"] == "not_placed" for f in town.facts),
        "not sent": sum(e["state"] == "NOT_SENT" for e in town.evidence),
        "greatest try": max(due["try"] for due in town.due),
        "p99 lateness s": late_s[len(late_s) * 99 // 100],
    }
    print(f"away {minutes} min, {name}: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
    return figures
