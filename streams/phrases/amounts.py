"""Numbers and durations: "5", "twenty five", "an hour and a half", "1h30", "2 1/2 hours"."""

from __future__ import annotations

from fractions import Fraction

from streams.phrases.tokens import Tokens
from streams.phrases.vocabulary import Vocabulary

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_DAYS = {"day": 1, "week": 7, "fortnight": 14}
_MONTHS = {"month": 1, "year": 12}
_LETTER_UNITS = frozenset("smhdwy")
Duration = tuple[int, int, int]  # seconds, days, months
_HALF = Fraction(1, 2)
_MAX_PARTS = 6  # "1 day, 2 hours and 5 minutes"; a bound keeps a text of nothing but lengths linear


def whole(t: Tokens, v: Vocabulary, i: int) -> tuple[int, int] | None:
    """A whole number in digits or words at i, and where it ends."""
    value = t.integer(i)
    if value is not None:
        return value, i + 1
    word = t.words[i]
    value = v.number.get(word)
    if value is None:
        return None
    end = i + 1
    if 20 <= value <= 90:
        skip = end + 1 if t.words[end] == "-" else end
        unit = v.number.get(t.words[skip])
        if unit is not None and 0 < unit < 10 and t.words[skip] not in ("couple", "few"):
            return value + unit, skip + 1
    return value, end


def _quantity(t: Tokens, v: Vocabulary, i: int) -> tuple[Fraction, int] | None:
    """A number of units at i: whole, decimal, fraction, "a", "a couple of", "half an"."""
    words = t.words
    if words[i] in v.half:
        end = i + 1
        if words[end] in v.article:
            end += 1
        return _HALF, end
    if words[i] in v.quarter:  # "quarter of an hour", "quarter hour"
        return Fraction(1, 4), _of_an(t, v, i + 1)
    if words[i] in v.article:
        if words[i + 1] in v.half:
            return _HALF, i + 2
        if words[i + 1] in v.quarter:
            return Fraction(1, 4), _of_an(t, v, i + 2)
        if words[i + 1] in ("couple", "few"):
            return Fraction(v.number[words[i + 1]]), i + 3 if words[i + 2] == "of" else i + 2
        return Fraction(1), i + 1
    found = whole(t, v, i)
    if found is None:
        return None
    value, end = Fraction(found[0]), found[1]
    if words[i] == "couple" and words[end] == "of":
        return value, end + 1
    if value == 3 and words[end] == "quarters":
        return Fraction(3, 4), _of_an(t, v, end + 1)
    return _fraction_after(t, v, value, end)


def _fraction_after(t: Tokens, v: Vocabulary, value: Fraction, end: int) -> tuple[Fraction, int]:
    """What may follow the whole part: ".5", "½", " 1/2", "/2", " and a half"."""
    words = t.words
    if words[end] in (".", ",") and t.glued(end) and t.glued(end + 1):
        decimals = t.integer(end + 1, 2)
        if decimals is not None:
            return value + Fraction(decimals, 10 ** len(words[end + 1])), end + 2
    if words[end] == "½":
        return value + _HALF, end + 1
    if words[end] == "/" and words[end + 1] in ("2", "4") and value in (1, 3):
        return value / int(words[end + 1]), end + 2
    if words[end] in ("1", "3") and words[end + 1] == "/" and words[end + 2] in ("2", "4"):
        return value + Fraction(int(words[end]), int(words[end + 2])), end + 3
    if (
        words[end] == "and"
        and words[end + 1] == "a"
        and words[end + 2] in v.half
        and words[end + 3] in v.unit
    ):
        return value + _HALF, end + 3
    return value, end


def _of_an(t: Tokens, v: Vocabulary, i: int) -> int:
    if t.words[i] == "of":
        i += 1
    return i + 1 if t.words[i] in v.article else i


def duration(t: Tokens, v: Vocabulary, i: int) -> tuple[Duration, int] | None:
    """A duration at i as (seconds, days, months) and where it ends; None if there is none.

    Seconds, minutes and hours are exact, days and longer count on the calendar. A fraction of a calendar unit
    becomes exact seconds ("a day and a half" is 36 hours), for months there is none.
    """
    words = t.words
    seconds, days, months = Fraction(0), 0, 0
    end, seen = i, False
    last = ""
    for _ in range(_MAX_PARTS):
        at = end
        if seen:
            if words[at] in ("and", ",", "&", "n", "+"):
                at += 1
                if words[at] == "and":
                    at += 1
            if last == "hour" and (minutes := t.integer(at, 2)) is not None and words[at + 1] not in v.unit:
                if at == end and minutes < 60 and (t.glued(at) or words[at + 1] in ("", "to")):
                    seconds += minutes * 60  # "1h30", "1h 30"
                    end += 1
                break
            if words[end] == "and" and words[end + 1] in v.half | {"a"}:
                half_at = end + 2 if words[end + 1] == "a" else end + 1
                following = words[half_at + 1]
                if words[half_at] in v.half and following not in v.unit and following not in v.article:
                    seconds += SECONDS.get(last, 0) * _HALF  # "an hour and a half"
                    end = half_at + 1
                    break
        quantity = _quantity(t, v, at)
        if quantity is None:
            break
        amount, unit_at = quantity
        if words[unit_at] == "more" or (words[unit_at] == "-" and words[unit_at + 1] in v.unit):
            unit_at += 1
        unit = v.unit.get(words[unit_at])
        if unit is None or unit_at >= t.count:
            break
        if words[unit_at] in _LETTER_UNITS and words[unit_at - 1] in v.article:
            break
        if unit == "fortnight" or (unit in _DAYS and amount.denominator == 1):
            days += int(amount * _DAYS[unit])
        elif unit in _MONTHS:
            if (amount * _MONTHS[unit]).denominator != 1:
                break
            months += int(amount * _MONTHS[unit])
        else:
            seconds += amount * SECONDS[unit]
        end, seen, last = unit_at + 1, True, unit
        if words[end] == "." and t.glued(end) and len(words[end - 1]) <= 4 and words[end + 1]:
            end += 1  # "10 min. about"
    if not seen:
        return None
    return (round(seconds), days, months), end
