"""Repetition: "every monday", "daily", "every 2 hours", "the last friday of every month" as RFC 5545 rules."""

from __future__ import annotations

from streams.phrases.amounts import SECONDS, whole
from streams.phrases.clocks import Fields, Reading
from streams.phrases.tokens import Tokens
from streams.phrases.vocabulary import Vocabulary

_DAY_CODES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCY = {
    "second": "SECONDLY",
    "minute": "MINUTELY",
    "hour": "HOURLY",
    "day": "DAILY",
    "week": "WEEKLY",
    "month": "MONTHLY",
    "year": "YEARLY",
}
_WORKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
_WEEKEND = "FREQ=WEEKLY;BYDAY=SA,SU"


def recurrence(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    """The repetition named at i. Fields: `rule`, and what else the words fix (weekday, day, part of the day)."""
    words = t.words
    word = words[i]
    if word in v.every:
        return _every(t, v, i + 1)
    if word in v.recurring:
        fields: Fields = {"rule": v.recurring[word]}
        if word == "nightly":
            fields["day_part"] = "night"
        if word == "hourly":
            fields["in_seconds"] = 3600
        # "the daily standup", "my weekly report": a property of the thing, not a wish
        soft = i > 0 and words[i - 1] in v.determiner
        return fields, i + 1, soft
    if word in v.weekday:  # "mon, wed and fri", "monday to friday": several days are a habit
        days, end = _days(t, v, i)
        if len(days) > 1 and "or" not in words[i:end] and words[i - 1 if i else -1] not in v.determiner:
            return {"rule": _weekly(days)}, end, False
        return None
    if word in v.weekday_plural and (i == 0 or words[i - 1] not in v.determiner):
        days, end = _days(t, v, i)
        return {"rule": _weekly(days)}, end, False
    if word in v.weekdays and word != "weekday" and words[i - 1 if i else -1] not in v.determiner:
        return {"rule": _WORKDAYS}, i + 1, False
    if word in ("weekends", "wkends") and words[i - 1 if i else -1] not in v.determiner:
        return {"rule": _WEEKEND}, i + 1, False
    if (word in ("once", "one") and words[i + 1] in ("a", "per", "every")) or word == "once":
        at = i + 2
        unit = v.unit.get(words[at])
        if unit in ("day", "week", "month", "year", "hour") and len(words[at]) > 1:
            return _of_unit(unit, 1), at + 1, False
        return None
    at = i + 1 if word == "the" else i
    if words[at] in v.ordinal or words[at] in v.last or words[at][:1].isdigit():
        return _nth_of_every_month(t, v, at)
    return None


def _weekly(days: list[int], interval: int = 1) -> str:
    step = f";INTERVAL={interval}" if interval > 1 else ""
    return f"FREQ=WEEKLY{step};BYDAY=" + ",".join(_DAY_CODES[day] for day in sorted(set(days)))


def _of_unit(unit: str, interval: int) -> Fields:
    step = f";INTERVAL={interval}" if interval > 1 else ""
    fields: Fields = {"rule": f"FREQ={_FREQUENCY[unit]}{step}"}
    if unit in ("second", "minute", "hour"):
        fields["in_seconds"] = SECONDS[unit] * interval
    return fields


def _days(t: Tokens, v: Vocabulary, i: int) -> tuple[list[int], int]:
    """A list of weekdays at i: "mon, wed and fri", "monday to friday", "tue/thu"."""
    words = t.words
    days: list[int] = []
    end = at = i
    while len(days) < 14:  # a bound keeps a text of nothing but weekdays linear
        day = v.weekday.get(words[at], v.weekday_plural.get(words[at]))
        if day is None:
            break
        if days and end > i and words[end] in ("to", "-", "–", "thru", "through", "till", "until"):
            step = days[-1]
            while step != day:
                step = (step + 1) % 7
                days.append(step)
        else:
            days.append(day)
        end = at + 1
        at = end
        if words[at] in (",", "and", "&", "/", "+", "n", "or", "to", "-", "–", "thru", "through"):
            at += 1
            if words[at] in ("and", "&", "every", "on"):
                at += 1
        elif words[at] not in v.weekday:
            break
    return days, end


def _every(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    words = t.words
    word = words[i]
    if word == "single":
        return _every(t, v, i + 1)
    interval = 1
    at = i
    if word in v.other and (words[i + 1] in v.weekday or words[i + 1] in v.unit):
        interval, at = 2, i + 1
    elif (count := whole(t, v, i)) is not None and words[i] not in v.half:
        interval, at = count
        if t.glued(at) and words[at] in ("rd", "th", "nd", "st"):
            at += 1
        if words[at] == "or":
            return None
    elif word in v.ordinal and (words[i + 1] in v.unit or words[i + 1] in v.weekday):
        interval, at = v.ordinal[word], i + 1
        if words[at] in v.weekday and words[at + 1] in ("of", "in"):
            return _nth_weekday(t, v, i)
    elif word in v.last:
        return _nth_weekday(t, v, i)
    elif word in v.half and words[i + 1] in ("hour", "an"):
        end = i + 2 if words[i + 1] == "hour" else i + 3
        return {"rule": "FREQ=MINUTELY;INTERVAL=30", "in_seconds": 1800}, end, False
    if interval < 1:
        return None
    if words[i][:1].isdigit() and at == i + 2 and interval <= 5 and words[at] in v.weekday:
        return _nth_weekday(t, v, i)
    word = words[at]
    if word in v.weekday:
        days, end = _days(t, v, at)
        if interval <= 2:
            return {"rule": _weekly(days, interval)}, end, False
        return _nth_weekday(t, v, i)
    if word in v.weekday_plural:
        days, end = _days(t, v, at)
        return {"rule": _weekly(days, interval)}, end, False
    if word in v.weekdays:
        return {"rule": _WORKDAYS}, at + 1, False
    if word in v.weekend:
        return {"rule": _WEEKEND}, at + 1, False
    if word in v.part and interval <= 2:
        step = ";INTERVAL=2" if interval == 2 else ""
        return {"rule": f"FREQ=DAILY{step}", "day_part": v.part[word]}, at + 1, False
    if word in v.month:
        return {"rule": "FREQ=YEARLY"}, i, False  # the date itself follows as its own expression
    if interval > 1 and word not in v.unit and at > i and word not in v.ordinal:
        if t.words[i + 1] in ("st", "nd", "rd", "th") and interval <= 31:
            return {"rule": "FREQ=MONTHLY", "day": interval}, _of_the_month(t, at), False
        return None
    if word in v.quarter:
        return {"rule": "FREQ=MONTHLY;INTERVAL=3"}, at + 1, False
    unit = v.unit.get(word)
    if unit == "fortnight":
        return {"rule": "FREQ=WEEKLY;INTERVAL=2"}, at + 1, False
    if unit is None:
        first = words[i + 1] == "st" and interval == 1
        return ({"rule": "FREQ=MONTHLY", "day": 1}, _of_the_month(t, at), False) if first else None
    return _of_unit(unit, interval), at + 1, False


def _of_the_month(t: Tokens, i: int) -> int:
    words = t.words
    if words[i] == "of" and words[i + 1] in ("the", "each", "every") and words[i + 2] == "month":
        return i + 3
    return i


def _nth_weekday(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    """ "first monday of the month", from its ordinal on."""
    words = t.words
    if words[i] in v.last:
        nth, at = -1, i + 1
    elif words[i] in v.ordinal:
        nth, at = v.ordinal[words[i]], i + 1
    else:
        number = t.integer(i, 1)
        if number is None or words[i + 1] not in ("st", "nd", "rd", "th"):
            return None
        nth, at = number, i + 2
    if nth > 5:
        return None
    if words[at] == "day" and nth == -1:
        rule, at = "FREQ=MONTHLY;BYMONTHDAY=-1", at + 1
    elif words[at] in v.weekday:
        rule, at = f"FREQ=MONTHLY;BYDAY={nth}{_DAY_CODES[v.weekday[words[at]]]}", at + 1
    else:
        return None
    if words[at] in ("of", "in"):
        at += 1
        if words[at] in ("the", "each", "every", "a"):
            at += 1
        if words[at] != "month":
            return None
        at += 1
    return {"rule": rule}, at, False


def _nth_of_every_month(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    """ "the first monday of every month", "on the 1st of each month" """
    words = t.words
    for at in range(i + 1, min(i + 5, t.count)):
        if words[at] in v.every and words[at + 1] == "month" and words[at - 1] in ("of", "in", "day"):
            found = _nth_weekday(t, v, i)
            if found is not None:
                return found
            day = t.integer(i, 2) or v.ordinal.get(words[i])
            if day is not None and 1 <= day <= 31:
                return {"rule": "FREQ=MONTHLY", "day": day}, at + 2, False
    return None


def completed(fields: Fields) -> str:
    """The rule with what the other time words fix: the day of the month or the week, the month of the year."""
    rule: str = fields["rule"]
    if "BY" in rule:
        return rule
    if rule.startswith("FREQ=WEEKLY") and "weekday" in fields:
        return f"{rule};BYDAY={_DAY_CODES[fields['weekday']]}"
    if rule.startswith("FREQ=MONTHLY") and "day" in fields and "month" not in fields:
        return f"{rule};BYMONTHDAY={fields['day']}"
    if rule.startswith("FREQ=YEARLY") and "month" in fields and "day" in fields:
        return f"{rule};BYMONTH={fields['month']};BYMONTHDAY={fields['day']}"
    return rule
