"""Finds every expression of time in a text and joins neighbours that belong together ("friday, 25 Nov at 5pm").

What is found here is not yet believed: `streams.phrases.choice` decides which of them say when to call and which
are part of what to say.
"""

from __future__ import annotations

from streams.phrases.amounts import duration, whole
from streams.phrases.clocks import Fields, Reading, clock
from streams.phrases.dates import date
from streams.phrases.joining import DAY_KEYS, combined
from streams.phrases.recurrence import recurrence
from streams.phrases.tokens import Tokens
from streams.phrases.vocabulary import Vocabulary

_JOINTS = frozenset((",", "-", "–", "—", "(", ")", ";", "and", "/", "&", ".", "+", "|"))
_MINUTES = 60


class Expression:
    """Tokens start..end-1 speak of time. `sure`: 2 after a preposition of time, 1 after a loose one, 0 none."""

    __slots__ = ("end", "fields", "soft", "start", "sure")

    def __init__(self, start: int, end: int, fields: Fields, soft: bool, sure: int) -> None:
        self.start = start
        self.end = end
        self.fields = fields
        self.soft = soft
        self.sure = sure


def expressions(t: Tokens, v: Vocabulary) -> list[Expression]:
    """All expressions of the text in order, without overlap."""
    found: list[Expression] = []
    words, starts_time = t.words, v.starts_time
    i, count = 0, t.count
    while i < count:
        word = words[i]
        if word not in starts_time and not "0" <= word[0] <= "9":
            i += 1
            continue
        expression = _atom(t, v, i, False)
        if expression is None:
            i += 1
            continue
        _extend(t, v, expression)
        found.append(expression)
        i = expression.end
    return found


def _extend(t: Tokens, v: Vocabulary, whole_expression: Expression) -> None:
    """Takes in the neighbours to the right, as long as they say something else about the same moment."""
    words = t.words
    while True:
        at = whole_expression.end
        while words[at] in _JOINTS and at < whole_expression.end + 2:
            at += 1
        word = words[at]
        if word not in v.starts_time and not "0" <= word[:1] <= "9":
            break
        fields = whole_expression.fields
        dated = "hour" not in fields and ("day_part" in fields or not DAY_KEYS.isdisjoint(fields))
        if (
            at > whole_expression.end
            and words[at - 1] == "and"
            and "rule" not in fields
            and "hour" not in fields
        ):
            dated = False
        following = _atom(t, v, at, dated or "rule" in fields)
        if following is None:
            break
        if _second_hour(t, fields, following, at):
            whole_expression.end = following.end
            continue
        joined = combined(fields, following.fields)
        if joined is None or (following.soft and following.sure < 2 and "hour" in following.fields):
            break
        if (
            following.soft
            and "day_part" in following.fields
            and DAY_KEYS.isdisjoint(fields)
            and "rule" not in fields
        ):
            break
        whole_expression.fields = joined
        whole_expression.end = following.end
        whole_expression.soft = whole_expression.soft and following.soft
        whole_expression.sure = max(whole_expression.sure, following.sure)
        if words[following.end] == ")" and "(" in words[at - 1 : at]:
            whole_expression.end += 1


def _second_hour(t: Tokens, fields: Fields, following: Expression, at: int) -> bool:
    """ "every day at 8am and 8pm": takes the second hour into the rule, if both are sure and the minutes agree."""
    if t.words[at - 1] not in ("and", "&", ",") or "rule" not in fields or "hour" not in fields:
        return False
    other = following.fields
    if "twelve_hour" in other or "twelve_hour" in fields or not other.keys() <= {"hour", "minute"}:
        return False
    if other.get("minute") != fields.get("minute") or following.soft:
        return False
    hours = sorted({*fields.get("hours", [fields["hour"]]), other["hour"]})
    fields["hours"] = hours
    return True


def _atom(t: Tokens, v: Vocabulary, i: int, dated: bool) -> Expression | None:
    """One expression at i, with its preposition."""
    words = t.words
    word = words[i]
    sure, j = 0, i
    if word in v.within and (found := _within(t, v, i)) is not None:
        return Expression(i, found[1], found[0], found[2], 2)
    if word in v.any_preposition:
        sure, j = (2 if word in v.preposition else 1), i + 1
        if words[j] in ("at", "on", "about", "around", "by", "approximately", "exactly", "@"):
            sure, j = 2, j + 1
    reading = _introduced(t, v, i, j, sure) if sure else _plain(t, v, i, dated)
    if reading is None:
        return None
    if word == "about" and "hour" in reading[0] and i > 0:
        return None  # "remind me tomorrow about 5pm yoga": there "about" begins the subject
    if word == "of" and "hour" in reading[0]:
        return None
    return Expression(i, _dressed(t, reading[1]), reading[0], reading[2], sure)


def _dressed(t: Tokens, end: int) -> int:
    """Steps over "sharp" and the like behind a time."""
    return end + 1 if t.words[end] in ("sharp", "exactly", "promptly", "prompt", "approx", "ish") else end


def _introduced(t: Tokens, v: Vocabulary, i: int, j: int, sure: int) -> Reading | None:
    words = t.words
    if words[i] in ("before", "after") and i and words[i - 1] in v.unit:
        return None  # "a week before christmas": a moment that we cannot count back from
    found = recurrence(t, v, j) or date(t, v, j, introduced=True)
    if found is not None:
        if words[i] in ("as", "of", "near") and not found[2]:
            return None
        return found
    strict = clock(t, v, j, introduced=False)
    if strict is not None and not strict[2]:
        return strict
    loose = clock(t, v, j, introduced=sure == 2)
    if loose is None and words[i] in ("for", "from", "before", "after"):
        loose = clock(t, v, j, introduced=True)
        if loose is not None:
            return loose[0], loose[1], True
    if loose is not None and words[i] in ("on", "near", "about", "roughly") and loose[2]:
        return None
    return loose


def _plain(t: Tokens, v: Vocabulary, i: int, dated: bool) -> Reading | None:
    words = t.words
    found = recurrence(t, v, i)
    if found is not None:
        return found
    if words[i][:1].isdigit() or words[i] in v.number or words[i] in v.article or words[i] in v.half:
        later = _later(t, v, i)
        if later is not None:
            return later
    if words[i] in ("this", "same") and words[i + 1] == "time" and words[i + 2] in v.day:
        return {"in_days": v.day[words[i + 2]], "keep_time": True}, i + 3, False
    if words[i] == "later" and words[i + 1] in v.day and v.day[words[i + 1]] == 0:
        return {"in_days": 0}, i + 2, False
    if words[i] == "1" and words[i + 1 : i + 3] == ["st", "thing"]:
        return {"day_part": "morning"}, i + 3, False
    if words[i] == "first" and words[i + 1] == "thing":
        end = i + 2
        if words[end] == "in" and words[end + 1] == "the" and words[end + 2] in v.part:
            end += 3
        elif words[end] in v.part:
            end += 1
        return {"day_part": "morning"}, end, False
    found = date(t, v, i, introduced=False)
    if found is not None:
        return found
    return clock(t, v, i, introduced=False, dated=dated)


def as_fields(length: tuple[int, int, int]) -> Fields:
    """A duration of (seconds, days, months) as fields of `When`."""
    seconds, days, months = length
    fields: Fields = {}
    if seconds or not (days or months):
        fields["in_seconds"] = seconds
    if days:
        fields["in_days"] = days
    if months:
        fields["in_months"] = months
    if days or months:
        fields["keep_time"] = True
    return fields


def _within(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    """ "in 20 minutes", "in the next hour", "after 5 min", "in 10" (minutes, where nothing else follows)."""
    words = t.words
    at = i + 1
    if words[at] == "the" and words[at + 1] in v.next:
        at += 2
        unit = v.unit.get(words[at])
        if unit in ("minute", "hour") and len(words[at]) > 1:
            return {"in_seconds": 60 if unit == "minute" else 3600}, at + 1, False
    elif words[at] in (
        "another",
        "about",
        "around",
        "approximately",
        "approx",
        "like",
        "exactly",
        "roughly",
        "abt",
        "~",
    ):
        at += 1
    if words[at - 1] == "another" and (unit := v.unit.get(words[at])) is not None:
        return {"in_seconds": {"minute": 60, "hour": 3600}.get(unit, 60)}, at + 1, False
    length = duration(t, v, at)
    if length is None:
        number = whole(t, v, at)
        if (
            number is not None
            and words[i] == "in"
            and 0 < number[0] < 120
            and words[at] not in ("couple", "few")
        ):
            end = number[1]
            ends = (
                end >= t.count
                or words[end] in ("to", "about", "for", "and", ",", ".", "!", "that")
                or words[end] in v.closing
            )
            if ends and not t.glued(end + 1 if end < t.count and words[end] == "." else end):
                return {"in_seconds": number[0] * _MINUTES}, end, True
        return None
    end = length[1]
    if words[end] == "'" and end < t.count:
        end += 1
    if words[end] in ("time", "tym", "times"):
        end += 1
    if words[end] == "from" and (words[end + 1] == "now" or v.day.get(words[end + 1]) == 0):
        end += 2
    return as_fields(length[0]), end, False


def _later(t: Tokens, v: Vocabulary, i: int) -> Reading | None:
    """ "20 minutes from now", "2 hours later", "a week from friday", "3 days from tomorrow" """
    if t.glued(i) and t.words[i - 1] not in ("@", ",", "(", ":", "."):
        return None
    length = duration(t, v, i)
    if length is None:
        return None
    words, end = t.words, length[1]
    seconds, days, months = length[0]
    if words[end] in v.later and words[end + 1] != "than":
        return as_fields(length[0]), end + 1, False
    if words[end] not in ("from", "frm", "after", "on"):
        return None
    if words[end + 1] in ("now", "nw") and words[end] in ("from", "frm"):
        return as_fields(length[0]), end + 2, False
    if seconds or months or not days:
        return None
    day = v.day.get(words[end + 1])
    if day is not None:
        if day == 0:
            return as_fields(length[0]), end + 2, False
        return {"in_days": days + day}, end + 2, False
    at = end + 2 if words[end + 1] in v.this or words[end + 1] in v.next else end + 1
    weekday = v.weekday.get(words[at])
    if weekday is None:
        return None
    fields: Fields = {"weekday": weekday, "in_days": days}
    if words[end + 1] in v.next:
        fields["weeks_ahead"] = 1
    return fields, at + 1, False
