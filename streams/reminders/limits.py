"""Who is held back: numbers that the tenant does not call, a flood of texts, a day's worth of reminders.

    not_allowed   the number's country or type is none that the tenant calls (`allowed_countries`,
                  `allowed_number_types`); looked up once a user and kept in the profile
    flood         more than `flood_sms_per_minute` in one minute of the time at which they were received, so that a
                  backlog which is read at once is no flood
    user_cap      more than `reminders_per_user_per_day` occurrences accepted in one UTC day, ours

Each is the outcome REFUSED with that reason, not charged. The user is told once per `TELL_AGAIN_MS`, not once an SMS:
who sends a flood, or from a number that is not theirs, must not make us send one. Words of opting out and in and HELP
are never held back and never counted.

The counts are two rows of the user's profile: exact, and no larger for a larger flood.
"""

from __future__ import annotations

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

# By tenant: the record that the countries were worked out for, and they.
_countries: dict[str, tuple[Tenant, frozenset[str]]] = {}


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
    return calls(tenant, _kind(turn))


def calls(tenant: Tenant, kind: NumberKind) -> bool:
    """Does the tenant call numbers of that kind?"""
    types, countries = tenant.allowed_number_types, countries_of(tenant)
    return (ANY in types or kind.type in types) and (ANY in countries or kind.country in countries)


def countries_of(tenant: Tenant) -> frozenset[str]:
    """The countries that the tenant calls: those it names, else its own and those of its numbers."""
    held = _countries.get(tenant.id)
    if held is None or held[0] is not tenant:
        own = (tenant.country, *(kind_of(number).country for number in tenant.numbers))
        held = _countries[tenant.id] = (tenant, frozenset(tenant.allowed_countries or own))
    return held[1]


def _kind(turn: Turn) -> NumberKind:
    known = turn.profile["number_kind"]
    if known is None:
        known = turn.profile["number_kind"] = str(kind_of(ids.user_number(turn.user)))
        turn.profile_changed = True
    return NumberKind.parse(known)


def _floods(turn: Turn, received_at: int) -> bool:
    """Count an SMS; is it one too many of its minute? One of an earlier minute is not counted: only a backlog that is
    read out of order looks like that."""
    limit = turn.tenant.flood_sms_per_minute
    if limit is None:
        return False
    profile, minute = turn.profile, received_at // MINUTE_MS
    if profile["minute"] is None or minute > profile["minute"]:
        profile["minute"], profile["sms_in_minute"] = minute, 0
    elif minute < profile["minute"]:
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
    return limit is not None and profile["day"] == _day(turn) and profile["reminders_in_day"] >= limit


def count_reminder(turn: Turn) -> None:
    """An occurrence was accepted."""
    if turn.tenant.reminders_per_user_per_day is None:
        return
    profile, today = turn.profile, _day(turn)
    if profile["day"] != today:
        profile["day"], profile["reminders_in_day"] = today, 0
    profile["reminders_in_day"] += 1
    turn.profile_changed = True


def _day(turn: Turn) -> int:
    return turn.now_ms // DAY_MS


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
        same_day = told_at // DAY_MS == _day(turn)
        if same_day if pause_ms is None else turn.now_ms - told_at < pause_ms:
            return False
    if reason == "not_allowed" and _kind(turn).type in NEVER_TEXTED:
        return False
    profile["told"][reason] = turn.now_ms
    turn.profile_changed = True
    return True
