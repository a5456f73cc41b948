"""Times of day: "6:30 PM", "630pm", "18h30", "half past six", "ten to 6", "noon", "17:00 UTC"."""

from __future__ import annotations

from typing import Any

from streams.phrases.amounts import whole
from streams.phrases.tokens import Tokens
from streams.phrases.vocabulary import Vocabulary
from streams.phrases.zones import zone_after_clock

Fields = dict[str, Any]
# (fields, end, soft): a soft reading stands only where nothing else explains the number, such as "at 5 points"
Reading = tuple[Fields, int, bool]
_HOUR_SIGNS = frozenset(("h", "hrs", "hr", "hours", "hour", "hundred", "u", "uhr"))
_MONEY = frozenset("$€£#%°+*=&~_\\")


def clock(t: Tokens, v: Vocabulary, i: int, *, introduced: bool, dated: bool = False) -> Reading | None:
    """The time of day at i.

    `introduced`: a preposition stands before, so that a bare number may be an hour; `dated`: a day does.
    """
    word = t.words[i]
    if "0" <= word[:1] <= "9":
        found = _digits(t, v, i, introduced, dated)
    elif word in v.number:
        found = _spelled(t, v, i, introduced)
    elif word in v.half or word in v.quarter or word in v.article:
        found = _half_or_quarter(t, v, i)
    else:
        return None
    if found is None:
        return None
    fields, end, soft = found
    if not soft:
        zone = zone_after_clock(t, end)
        if zone is not None:
            fields["zone"], end = zone
        end = _after_range(t, v, end)
    return fields, end, soft


def _meridiem(t: Tokens, v: Vocabulary, i: int) -> tuple[str, int] | None:
    """am or pm at i; the single letters only when glued to the number ("6p") and not the start of a word."""
    word = t.words[i]
    meaning = v.am_pm.get(word)
    if meaning is None:
        return None
    if len(word) == 1:
        if word in "ap" and t.words[i + 1] == "m" and not t.glued(i + 1):
            return meaning, i + 2  # "6 p m"
        if not t.glued(i) or (t.glued(i + 1) and t.words[i + 1].isalnum()):
            return None
    elif word == "am" and not t.glued(i) and t.words[i + 1] in ("i", "not", "going"):
        return None
    return meaning, i + 1


def _with_meridiem(fields: Fields, meridiem: str) -> Fields | None:
    hour: int = fields["hour"]
    if hour > 12:  # "18:30 pm": said twice; "18:30 am" is nonsense
        return fields if meridiem == "pm" and hour < 24 else None
    if hour == 0 and meridiem == "pm":
        return None
    fields["hour"] = hour % 12 + (12 if meridiem == "pm" else 0)
    fields.pop("twelve_hour", None)
    return fields


def _hour(hour: int, minute: int | None = None, *, padded: bool = False) -> Fields | None:
    """Fields of an hour as said; None when there is no such time."""
    if hour == 24 and not minute:
        hour = 0
    elif hour > 23 or (minute is not None and minute > 59):
        return None
    fields: Fields = {"hour": hour, "minute": minute or 0}
    if 1 <= hour <= 12 and not padded:
        fields["twelve_hour"] = True
    return fields


def _digits(t: Tokens, v: Vocabulary, i: int, introduced: bool, dated: bool) -> Reading | None:
    words = t.words
    if t.glued(i) and _part_of_other(t, i):
        return None
    word = words[i]
    value = t.integer(i, 6)
    if value is None:
        return None
    end, minute, second, soft, padded = i + 1, None, None, True, False
    if len(word) <= 2:
        padded = word[0] == "0" and len(word) == 2
        sign = words[end]
        pair = t.integer(end + 1, 2) if len(words[end + 1]) == 2 else None
        if pair is not None and t.glued(end + 1) and (t.glued(end) or sign == ":"):
            if sign in (":", "h", "：") or (
                sign in (".", ";", "-") and _dotted(t, v, end + 2, sign, introduced)
            ):
                minute, end, soft = pair, end + 2, False
                if words[end] == ":" and t.glued(end) and t.glued(end + 1) and len(words[end + 1]) == 2:
                    second = t.integer(end + 1, 2)
                    if second is not None:
                        end += 2
                if words[end] in _HOUR_SIGNS and t.glued(end):
                    end += 1
            elif sign in "./-,":
                return None
        elif sign == "h" and t.glued(end) and introduced and not words[end + 1].isdigit():
            end, soft, padded = end + 1, False, True  # "at 18h"
        elif len(sign) == 2 and sign.isdigit() and _meridiem(t, v, end + 1) is not None:
            minute, end = int(sign), end + 1  # "8 05 pm"
        elif sign in (".", ",", "/", ":") and t.glued(end) and t.glued(end + 1) and words[end + 1].isdigit():
            return None
    elif len(word) in (3, 4):
        known = _meridiem(t, v, end) or (words[end] in _HOUR_SIGNS and len(word) == 4)
        if not known and not (introduced or dated):
            return None
        value, minute = divmod(value, 100)
        padded = word[0] == "0"
        if words[end] in _HOUR_SIGNS:
            end, soft, padded = end + 1, False, True
    else:
        return None
    if words[end] in ("ish", "sharp") or (words[end] == "-" and words[end + 1] == "ish"):
        end += 1 if words[end] != "-" else 2
        soft = soft and not introduced
    fields = _hour(value, minute, padded=padded)
    if fields is None or (second or 0) > 59:
        return None
    if second is not None:
        fields["second"] = second
    return _finish(t, v, i, end, fields, soft, introduced, dated)


def _finish(  # the last part of a number's reading: what may stand behind it
    t: Tokens, v: Vocabulary, i: int, end: int, fields: Fields, soft: bool, introduced: bool, dated: bool
) -> Reading | None:
    words = t.words
    meridiem = _meridiem(t, v, end)
    if meridiem is not None:
        known = _with_meridiem(fields, meridiem[0])
        return None if known is None else (known, meridiem[1], False)
    if words[end] in v.oclock or (words[end] == "o" and words[end + 1] in ("clock", "'")):
        end += 1 if words[end] in v.oclock else 2
        if words[end] in v.oclock:
            end += 1
        meridiem = _meridiem(t, v, end)
        if meridiem is not None and _with_meridiem(fields, meridiem[0]) is not None:
            end = meridiem[1]
        return fields, end, False
    if soft:
        past = _minutes_to_or_past(t, v, i)
        if past is not None:
            return past
        ranged = _first_of_range(t, v, end, fields)
        if ranged is not None:
            return ranged
        if (
            not (introduced or dated)
            or words[end] in _MONEY
            or (words[end] == ":" and words[end + 1].isdigit())
        ):
            return None
        if t.glued(end) and (words[end].isalnum() or words[end] == "/"):
            return None  # "5th", "5km", "5/6"
        soft = not (words[end] in v.after_number or words[end] in ",.!?;)-:(" or words[end] == "2")
        if dated and not introduced and soft:
            return None
    elif t.glued(end) and words[end].isalnum() and words[end] != "ish":
        return None
    return fields, end, soft


def _part_of_other(t: Tokens, i: int) -> bool:
    """The number at i is glued to something that it belongs to: "v2", "$5", "1.5", "555-1234"."""
    before = t.words[i - 1]
    if before in ("@", "(", ",", "~", "–", "—", "…", "!", "?", ")", "at", "'", '"', ":", ";"):
        return before in (":", ",", ";") and t.words[i - 2].isdigit() and t.glued(i - 1) and i >= 2
    if before == "t" and i >= 6:  # 2026-11-25T18:30
        return not t.words[i - 2].isdigit()
    if before == "-":
        return i >= 2 and t.glued(i - 1) and t.words[i - 2].isdigit()
    if before == ".":
        return i >= 2 and t.words[i - 2].isdigit()
    return True


def _dotted(t: Tokens, v: Vocabulary, after: int, sign: str, introduced: bool) -> bool:
    """Whether 6.30 (or 6;30, 6-30) is a time: am or pm follows, or a preposition came before and no unit does."""
    if _meridiem(t, v, after) is not None:
        return True
    following = t.words[after]
    if t.glued(after) and (following.isalnum() or (following in "/.-%" and t.words[after + 1].isdigit())):
        return False
    return introduced and sign == "." and following not in v.unit and following not in _MONEY


def _first_of_range(t: Tokens, v: Vocabulary, end: int, fields: Fields) -> Reading | None:
    """ "5-6pm", "5 to 6pm": the first hour with the meridiem of the last."""
    words = t.words
    if words[end] in ("-", "–", "to", "and"):
        last = t.integer(end + 1, 2)
        if last is not None and 1 <= last <= 12 and fields.get("twelve_hour"):
            at = end + 2
            if words[at] == ":" and t.integer(at + 1, 2) is not None:
                at += 2
            meridiem = _meridiem(t, v, at)
            if meridiem is not None:
                first = fields["hour"]
                crosses = first % 12 > last % 12 or (last == 12 and first != 12)
                side = meridiem[0]
                if crosses:
                    side = "am" if side == "pm" else "pm"
                known = _with_meridiem(fields, side)
                return None if known is None else (known, meridiem[1], False)
    return None


def _after_range(t: Tokens, v: Vocabulary, end: int) -> int:
    """Steps over the end of "5pm-6pm", "5:00 - 6:30": a reminder is for the start."""
    if t.words[end] in ("-", "–", "to", "till", "until") and "0" <= t.words[end + 1][:1] <= "9":
        last = _digits(t, v, end + 1, True, False) if not t.glued(end + 1) else None
        if last is None and t.glued(end + 1):
            hour = t.integer(end + 1, 2)
            meridiem = _meridiem(t, v, end + 2)
            if hour is not None and meridiem is not None:
                return meridiem[1]
        if last is not None and not last[2]:
            return last[1]
    return end


def _spelled(t: Tokens, v: Vocabulary, i: int, introduced: bool) -> Reading | None:
    """ "six", "six thirty", "six forty five pm", "twenty past six" """
    words = t.words
    past = _minutes_to_or_past(t, v, i)
    if past is not None:
        return past
    hour = v.number[words[i]]
    if not 1 <= hour <= 12 or words[i] in ("couple", "few"):
        return None
    end, minute, soft = i + 1, None, True
    if words[end] in ("oh", "o") and 0 < v.number.get(words[end + 1], 0) < 10:
        minute, end = v.number[words[end + 1]], end + 2
    else:
        spelled = whole(t, v, end + 1 if words[end] == "-" else end)
        if spelled is not None and 10 <= spelled[0] <= 59 and not words[end].isdigit():
            minute, end = spelled
    if minute is not None and words[end] not in v.unit:
        soft = not introduced
    fields = _hour(hour, minute)
    if fields is None:
        return None
    return _finish(t, v, i, end, fields, soft, introduced, False)


def _half_or_quarter(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    """ "half past six", "half 6", "a quarter to 5" """
    words = t.words
    at = i + 1 if words[i] in v.article else i
    half = words[at] in v.half
    if not half and words[at] not in v.quarter:
        return None
    sign = words[at + 1]
    if half and sign in v.past:
        return _hour_said(t, v, at + 2, 30)
    if half and at == i:
        return _hour_said(t, v, at + 1, 30)
    if not half and sign in v.past:
        return _hour_said(t, v, at + 2, 15)
    if not half and sign in v.to:
        return _hour_said(t, v, at + 2, -15)
    return None


def _minutes_to_or_past(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    """ "10 past 6", "ten to six", "20 minutes past 5" """
    minutes = whole(t, v, i)
    if minutes is None or not 1 <= minutes[0] <= 29:
        return None
    at = minutes[1]
    if v.unit.get(t.words[at]) == "minute":
        at += 1
    if t.words[at] == "past":
        return _hour_said(t, v, at + 1, minutes[0])
    if t.words[at] in ("to", "till", "til", "before") and minutes[0] % 5 == 0 and minutes[0] <= 25:
        return _hour_said(t, v, at + 1, -minutes[0])
    return None


def _hour_said(t: Tokens, v: Vocabulary, i: int, minutes: int) -> Reading | None:
    """The hour at i moved by `minutes`."""
    hour = whole(t, v, i)
    if t.words[i] in ("noon", "midday", "midnight"):
        named = 12 if t.words[i] != "midnight" else 24
        total = named * 60 + minutes
        return {"hour": total // 60 % 24, "minute": total % 60}, i + 1, False
    if hour is None or not 1 <= hour[0] <= 12 or (t.glued(hour[1]) and t.words[hour[1]] not in v.am_pm):
        return None
    fields = _hour(hour[0], 0)
    assert fields is not None
    end = hour[1]
    if t.words[end] in v.unit or t.words[end] in (":", "%", "/"):
        return None
    meridiem = _meridiem(t, v, end)
    if meridiem is not None:
        _with_meridiem(fields, meridiem[0])
        end = meridiem[1]
    elif t.words[end] not in v.after_number and t.words[end].isalnum():
        return None
    elif t.words[end] in v.oclock:
        end += 1
    total = fields["hour"] * 60 + minutes
    if fields.get("twelve_hour"):
        fields["hour"] = (total // 60 - 1) % 12 + 1
    else:
        fields["hour"] = total // 60 % 24
    fields["minute"] = total % 60
    return fields, end, False
