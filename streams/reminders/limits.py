"""Who is held back: numbers that the tenant does not call, a flood of texts, a day's worth of reminders.

    not_allowed   the number's country or type is none that the tenant calls (`allowed_countries`,
                  `allowed_number_types`); looked up once a user and kept in the profile
    flood         more than `flood_sms_per_minute` in one minute of the time at which they were received, so that a
                  backlog which is read at once is no flood
    user_cap      more than `reminders_per_user_per_day` occurrences accepted in one UTC day, ours

Each is the outcome REFUSED with that reason, not charged. The user is told once per `TELL_AGAIN_MS`, not once an SMS:
who sends a flood, or from a number that is not theirs, must not make us send one. Words of opting out and in and HELP
are never held back and never counted.

The counts are fields of the user's profile: exact, and no larger for a larger flood.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.records import Request
from streams import ids
from streams.phone_numbers import NumberKind, kind_of
from streams.reminders.turn import Turn
from streams.tenants import ANY, Tenant
from streams.topology import DAY_MS

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
# By reason; caps are told again on the next day.
TELL_AGAIN_MS = {"flood": HOUR_MS, "not_allowed": 7 * DAY_MS}
# An SMS to such a number may cost as much as a call.
NEVER_TEXTED = frozenset({"premium_rate", "shared_cost"})


class _Worked(NamedTuple):
    """What was worked out of one tenant's record: the countries, and by a number's kind (as text) if it is called."""

    tenant: Tenant
    countries: frozenset[str]
    verdicts: dict[str, bool]


# By tenant. A timer asks for a verdict each time it fires.
_worked: dict[str, _Worked] = {}


def is_held_back(turn: Turn, request: Request) -> bool:
    """Refuse an SMS of a flood, or from a number that the tenant does not call; was it refused?"""
    if not may_call(turn):
        refuse(turn, request, "not_allowed")
    elif _floods(turn, request["received_at"]):
        refuse(turn, request, "flood")
    else:
        return False
    return True


def may_call(turn: Turn) -> bool:
    """Is the user's number of a country and a type that the tenant calls?"""
    tenant = turn.tenant
    if ANY in tenant.allowed_number_types and ANY in (tenant.allowed_countries or ()):
        return True  # without looking it up
    verdicts, kind = _work_out(tenant).verdicts, _kind(turn)
    verdict = verdicts.get(kind)
    if verdict is None:
        verdict = verdicts[kind] = calls(tenant, NumberKind.parse(kind))
    return verdict


def calls(tenant: Tenant, kind: NumberKind) -> bool:
    """Does the tenant call numbers of that kind?"""
    types, countries = tenant.allowed_number_types, countries_of(tenant)
    return (ANY in types or kind.type in types) and (ANY in countries or kind.country in countries)


def countries_of(tenant: Tenant) -> frozenset[str]:
    """The countries that the tenant calls: those it names, else its own and those of its numbers."""
    return _work_out(tenant).countries


def _work_out(tenant: Tenant) -> _Worked:
    held = _worked.get(tenant.id)
    if held is None or held.tenant is not tenant:
        countries = tenant.allowed_countries
        if countries is None:
            countries = (tenant.country, *(kind_of(number).country for number in tenant.numbers))
        held = _worked[tenant.id] = _Worked(tenant, frozenset(countries), {})
    return held


def _kind(turn: Turn) -> str:
    """The kind of the user's number, as text; looked up once and kept in the profile."""
    known = turn.profile["number_kind"]
    if known is None:
        known = turn.profile["number_kind"] = str(kind_of(ids.user_number(turn.user)))
        turn.profile_changed = True
    return known


def _floods(turn: Turn, received_at: int) -> bool:
    """Count an SMS; is it one too many of its minute? One of an earlier minute is not counted: only a backlog that is
    read out of order looks like that."""
    limit = turn.tenant.flood_sms_per_minute
    if limit is None:
        return False
    profile, minute_at = turn.profile, received_at - received_at % MINUTE_MS
    if profile["minute_at"] is None or minute_at > profile["minute_at"]:
        profile["minute_at"], profile["sms_in_minute"] = minute_at, 0
    elif minute_at < profile["minute_at"]:
        return False
    if profile["sms_in_minute"] >= limit:
        return True
    profile["sms_in_minute"] += 1
    turn.profile_changed = True
    return False


def day_is_full(turn: Turn) -> bool:
    """Has the user had as many reminders accepted today as the tenant lets them?"""
    limit = turn.tenant.reminders_per_user_per_day
    profile = turn.profile
    return limit is not None and profile["day_at"] == _day_at(turn) and profile["reminders_in_day"] >= limit


def count_reminder(turn: Turn) -> None:
    """An occurrence was accepted."""
    if turn.tenant.reminders_per_user_per_day is None:
        return
    profile, today = turn.profile, _day_at(turn)
    if profile["day_at"] != today:
        profile["day_at"], profile["reminders_in_day"] = today, 0
    profile["reminders_in_day"] += 1
    turn.profile_changed = True


def _day_at(turn: Turn) -> int:
    return turn.now_ms - turn.now_ms % DAY_MS


def refuse(turn: Turn, request: Request, reason: str) -> None:
    """REFUSED, not charged; `reason` is also the name of the template. Told once in a while."""
    turn.outcome(request["message_sid"], "REFUSED", charged=False, reason=reason)
    if may_tell(turn, reason):
        turn.reply(request, reason)


def may_tell(turn: Turn, reason: str) -> bool:
    """Is it time to tell the user of a refusal? If so, it counts as told."""
    profile = turn.profile
    told_at, pause_ms = profile["told"].get(reason), TELL_AGAIN_MS.get(reason)
    if told_at is not None:
        same_day = told_at >= _day_at(turn)
        if same_day if pause_ms is None else turn.now_ms - told_at < pause_ms:
            return False
    if reason == "not_allowed" and NumberKind.parse(_kind(turn)).type in NEVER_TEXTED:
        return False
    profile["told"][reason] = turn.now_ms
    turn.profile_changed = True
    return True
