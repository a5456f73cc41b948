"""Days and parts of days: "tomorrow", "next tuesday", "Nov 25", "11/25/2026", "the 25th", "this evening"."""

from __future__ import annotations

from streams.phrases.clocks import Fields, Reading
from streams.phrases.tokens import Tokens
from streams.phrases.vocabulary import Vocabulary

_ORDINAL_ENDINGS = frozenset(("st", "nd", "rd", "th"))
_FOLLOWS_ORDINAL = frozenset((*",.!?;)-:", ""))


def date(t: Tokens, v: Vocabulary, i: int, *, introduced: bool) -> Reading | None:
    """The day (or part of a day) that is named at i."""
    word = t.words[i]
    if word in v.day:
        return {"in_days": v.day[word]}, i + 1, False
    if word in v.part_today:
        return {"in_days": 0, "day_part": v.part_today[word]}, i + 1, False
    if "0" <= word[:1] <= "9":
        return _numeric(t, i, introduced) or _day_month(t, v, i) or _ordinal_day(t, v, i)
    if word in v.weekday:
        # "in the sun", "the friday report": there the word is no day, or not the day meant
        return None if i and t.words[i - 1] in v.determiner else _weekday(t, v, i)
    if word in v.part:
        return _part(t, v, i, introduced)
    if word in v.month:
        return _month_day(t, v, i, introduced)
    if word in v.next or word in v.this:
        return _relative(t, v, i)
    if word in v.ordinal or word in v.last:
        return _day_month(t, v, i) or _ordinal_day(t, v, i)
    return _named(t, v, i, introduced)


def _weekday(t: Tokens, v: Vocabulary, i: int) -> Reading:
    words = t.words
    fields: Fields = {"weekday": v.weekday[words[i]]}
    end = i + 1
    if words[end] == "." and t.glued(end) and len(words[i]) <= 5 and words[end + 1] and not t.glued(end + 1):
        end += 1  # "Fri. 9am"
    if words[end] in v.next and v.unit.get(words[end + 1]) == "week":
        return {**fields, "weeks_ahead": 1}, end + 2, False
    if words[end] == "of" and words[end + 1] in v.next and v.unit.get(words[end + 2]) == "week":
        return {**fields, "weeks_ahead": 1}, end + 3, False
    if words[end] == "week" or (words[end] == "in" and words[end + 1] == "a" and words[end + 2] == "week"):
        return {**fields, "in_days": 7}, end + (1 if words[end] == "week" else 3), False  # "friday week"
    if words[end] in v.this and v.unit.get(words[end + 1]) == "week":
        return {**fields, "weeks_ahead": 0}, end + 2, False
    return fields, end, False


def _part(t: Tokens, v: Vocabulary, i: int, introduced: bool) -> Reading | None:
    part = v.part[t.words[i]]
    end = i + 1
    if part == "noon" and t.words[end] in ("time", "break"):
        end += 1
    soft = part not in ("noon", "midnight") and not introduced
    return {"day_part": part}, end, soft


def _named(t: Tokens, v: Vocabulary, i: int, introduced: bool) -> Reading | None:
    """Short names: "eod", "end of the month", "day after tomorrow", "first thing", holidays."""
    words = t.words
    word = words[i]
    at = i + 1 if word == "the" else i
    if words[at] == "day" and words[at + 1] in ("after", "aftr") and v.day.get(words[at + 2]) == 1:
        return {"in_days": 2}, at + 3, False
    if words[at] in v.weekend and word == "the":
        return {"weekday": 5}, at + 1, not introduced
    if word == "the" and (words[at] in v.ordinal or words[at] in v.last or words[at][:1].isdigit()):
        return _day_month(t, v, at) or _ordinal_day(t, v, at)
    if word == "the" and words[at] in v.part:
        return {"day_part": v.part[words[at]]}, at + 1, not introduced
    if word == "the" and words[at] in v.next | v.this:
        return _relative(t, v, at)
    if words[at] in ("eod", "cob"):
        return {"day_part": "end"}, at + 1, False
    if words[at] == "eow":
        return {"weekday": 4, "day_part": "end"}, at + 1, False
    if words[at] == "eom":
        return {"day": -1}, at + 1, False
    if words[at] == "end" and words[at + 1] == "of":
        of = at + 3 if words[at + 2] in ("the", "this") else at + 2
        if words[of] in v.day:
            return {"in_days": v.day[words[of]], "day_part": "end"}, of + 1, False
        if words[of] in v.next and words[of + 1] == "month":
            return {"in_months": 1, "day": -1}, of + 2, False
        ends: dict[str, Fields] = {
            "day": {"day_part": "end"},
            "week": {"weekday": 4, "day_part": "end"},
            "month": {"day": -1},
            "year": {"month": 12, "day": 31},
        }
        if words[of] in ends:
            return dict(ends[words[of]]), of + 1, False
    if words[at] in v.weekend and introduced:
        return {"weekday": 5}, at + 1, False
    if word in v.holiday:
        month, day = v.holiday[word]
        end = i + 1
        if words[end] == "eve":
            day, end = day - 1, end + 1
        elif words[end] == "day":
            end += 1
        return {"month": month, "day": day}, end, not introduced
    return None


def _relative(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    """ "next tuesday", "this evening", "next week", "the coming weekend" """
    words = t.words
    following = words[i] in v.next
    at = i + 1
    word = words[at]
    if not following and word in v.next:
        return _relative(t, v, at)
    if word in v.weekday:
        found = _weekday(t, v, at)
        fields = found[0]
        if following and "in_days" not in fields:
            fields["weeks_ahead"] = 1
        return fields, found[1], False
    if word in v.weekend:
        return {"weekday": 5, "weeks_ahead": 1 if following else 0}, at + 1, False
    if word in v.part:
        if following:
            return None
        return {"in_days": 0, "day_part": v.part[word]}, at + 1, False
    if word in v.month and following:
        found_month = _month_day(t, v, at, True)
        return found_month if found_month is not None else None
    unit = v.unit.get(word)
    if unit is None or len(word) == 1:
        return None
    end = at + 1
    if following:
        if unit == "week":
            if words[end] in v.weekday or (words[end] == "on" and words[end + 1] in v.weekday):
                day = end if words[end] in v.weekday else end + 1
                return {"weekday": v.weekday[words[day]], "weeks_ahead": 1}, day + 1, False
            return {"in_days": 7}, end, False
        if unit in ("month", "year"):
            return {"in_months": 1 if unit == "month" else 12}, end, False
        if unit == "hour":
            return {"in_seconds": 3600}, end, False
        return ({"in_days": 1}, end, True) if unit == "day" else None
    if unit == "week" and (words[end] in v.weekday or (words[end] == "on" and words[end + 1] in v.weekday)):
        day = end if words[end] in v.weekday else end + 1
        return {"weekday": v.weekday[words[day]], "weeks_ahead": 0}, day + 1, False
    return None


def _year(t: Tokens, i: int) -> tuple[int | None, int]:
    """A year at i, perhaps after a comma; (None, i) when there is none."""
    at = i + 1 if t.words[i] == "," else i
    if t.words[at] == "of":
        at += 1
    word = t.words[at]
    if len(word) == 4 and word.isdigit() and "1900" < word < "2200" and t.words[at + 1] not in (":", "hrs"):
        return int(word), at + 1
    if t.words[i] in ("'", "’") and len(t.words[i + 1]) == 2 and t.words[i + 1].isdigit():
        return 2000 + int(t.words[i + 1]), i + 2
    return None, i


def _with_year(fields: Fields, t: Tokens, end: int) -> Reading:
    year, end = _year(t, end)
    if year is not None:
        fields["year"] = year
    return fields, end, False


def _month_day(t: Tokens, v: Vocabulary, i: int, introduced: bool) -> Reading | None:
    """ "Nov 25", "november the 25th, 2026", "Nov. 25" """
    words = t.words
    month = v.month[words[i]]
    at = i + 1
    if words[at] in (".", "-", "/") and t.glued(at):
        at += 1
    if words[at] == "the":
        at += 1
    day = t.integer(at, 2)
    if (
        day is not None
        and 1 <= day <= 31
        and words[at + 1] not in (":", "%")
        and words[at + 1] not in v.am_pm
    ):
        end = at + 1
        if words[end] in _ORDINAL_ENDINGS and t.glued(end):
            end += 1
        elif t.glued(end) and words[end].isalpha():
            return None
        return _with_year({"month": month, "day": day}, t, end)
    if words[at] in v.ordinal:
        return _with_year({"month": month, "day": v.ordinal[words[at]]}, t, at + 1)
    year, end = _year(t, at)
    if year is not None and (introduced or words[i] not in ("may", "march")):
        return {"year": year, "month": month, "day": 1}, end, not introduced
    return None


def _day_month(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    """ "25 November 2026", "25th of nov", "last day of the month", "25th of next month" """
    words = t.words
    end = i + 1
    if words[i] in v.last:
        if words[end] != "day" or words[end + 1] != "of":
            return None
        end += 1
        day = -1
    elif words[i] in v.ordinal:
        day = v.ordinal[words[i]]
        if day == 20 and words[end] in v.ordinal:
            return None
        end += 1 if words[end] == "day" else 0
    else:
        number = t.integer(i, 2)
        if number is None or not 1 <= number <= 31 or t.glued(i):
            return None
        day = number
        if words[end] in _ORDINAL_ENDINGS and t.glued(end):
            end += 1
        if words[end] in (".", "-", "/") and t.glued(end):
            end += 1
    of = words[end] == "of"
    if of:
        end += 1
    word = words[end]
    if word in v.month and (of or word not in ("mar", "sun") or day > 0):
        if day == -1:
            day = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[v.month[word] - 1]
        if words[end + 1] == "." and t.glued(end + 1) and words[end + 2]:
            end += 1
        if words[end + 1] in ("-", "/") and t.glued(end + 1) and words[end + 2].isdigit():
            end += 1
        return _with_year({"month": v.month[word], "day": day}, t, end + 1)
    if of:
        if word == "the" or word in v.this or (word in v.article and day == -1):
            return ({"day": day}, end + 2, False) if words[end + 1] == "month" else None
        if word in v.next and words[end + 1] == "month":
            return {"day": day, "in_months": 1}, end + 2, False
    return None


def _ordinal_day(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    """ "25th": the next 25th that comes, unless a noun follows ("the 5th floor")."""
    words = t.words
    day = t.integer(i, 2)
    if day is None:
        day = v.ordinal.get(words[i])
        end = i + 1
        if day is None or words[i] == "second":
            return None
    elif words[i + 1] in _ORDINAL_ENDINGS and t.glued(i + 1):
        end = i + 2
    else:
        return None
    if not 1 <= day <= 31:
        return None
    following = words[end]
    soft = not (following in _FOLLOWS_ORDINAL or following in v.after_number)
    return {"day": day}, end, soft


def _numeric(t: Tokens, i: int, introduced: bool) -> Reading | None:
    """Dates in digits: ISO, 11/25, 11/25/26, 25.11.2026, 11-25."""
    words = t.words
    sign = words[i + 1]
    if sign not in ("-", "/", ".") or not (t.glued(i + 1) and t.glued(i + 2)) or not sign:
        return None
    if t.glued(i) and words[i - 1] not in ("@", "(", ",", ":"):
        return None
    first, second = t.integer(i, 4), t.integer(i + 2, 4)
    if first is None or second is None:
        return None
    third = None
    if words[i + 3] == sign and t.glued(i + 3) and t.glued(i + 4):
        third = t.integer(i + 4, 4)
    end = i + 5 if third is not None else i + 3
    if t.glued(end) and (words[end].isalnum() or words[end] in ("/", "%")) and words[end] != "t":
        return None
    if len(words[i]) == 4:
        if third is None or len(words[i + 2]) > 2 or sign == ".":
            return None
        if words[end] == "t" and t.glued(end) and words[end + 1].isdigit():
            end += 1
        return {"year": first, "month": second, "day": third}, end, False
    if len(words[i]) > 2 or len(words[i + 2]) > 2:
        return None
    if third is not None and len(words[i + 4]) not in (2, 4):
        return None
    if third is None and (sign == "." or (sign == "-" and not introduced) or (first, second) == (24, 7)):
        if sign == "-" and second > 12 and first <= 12:
            return {"month": first, "day": second}, end, False
        # 25.11. is a date in much of the world, 25.11 could be a price
        if sign == "." and words[end] == "." and t.glued(end) and first <= 31 and 1 <= second <= 12:
            return {"month": second, "day": first}, end + 1, False
        return None
    return _ordered(first, second, third, sign), end, third is None and not introduced and second < 10


def _ordered(first: int, second: int, third: int | None, sign: str) -> Fields:
    """Month and day in US order, marked where the other order is possible; a dot is never US."""
    fields: Fields = {"month": first, "day": second}
    if sign == "." or (first > 12 and second <= 12):
        fields = {"month": second, "day": first}
    elif first <= 12 and second <= 12 and first != second:
        fields["numeric_date"] = True
    if third is not None:
        fields["year"] = third if third >= 100 else 2000 + third
    return fields
