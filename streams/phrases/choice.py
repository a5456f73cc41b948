"""Which of a text's time expressions say when to call, and which belong to the subject.

"Remind me at 4 about the 5pm meeting" holds two times. The place decides: right after the request first, then at
the end of the text, then in the middle behind a preposition. An expression behind "the", "my" or "until" inside
the sentence describes something else. Expressions that do not contradict the chosen one join it.
"""

from __future__ import annotations

from streams.phrases.clocks import Fields
from streams.phrases.expressions import Expression
from streams.phrases.joining import combined
from streams.phrases.recurrence import completed
from streams.phrases.tokens import Tokens
from streams.phrases.vocabulary import Vocabulary
from streams.phrases.when import When

_DAYS = frozenset(("in_days", "in_months", "month", "day", "weekday"))
_UNTIMED = frozenset(("weekday", "day_part"))
_REFUSED = -99


def choose(
    t: Tokens, v: Vocabulary, found: list[Expression], head: int, tail: int
) -> tuple[Fields, list[Expression]] | None:
    """The moment meant and the expressions that say it.

    `head` is the token where a time would stand right after the request; `tail` is where courtesies at the end
    of the text begin. None if no expression is convincing: a time is never invented.
    """
    if len(found) == 1:
        only = found[0]
        return (only.fields, found) if _weight(t, v, only, head, tail) > 0 else None
    weights = [_weight(t, v, expression, head, tail) for expression in found]
    order = sorted(range(len(found)), key=lambda k: (-weights[k], -k))
    chosen: list[Expression] = []
    fields: Fields = {}
    for k in order:
        if weights[k] <= 0:
            break
        if not chosen:
            fields, chosen = found[k].fields, [found[k]]
            continue
        joined = combined(fields, found[k].fields)
        if joined is not None:
            fields = joined
            chosen.append(found[k])
    if not chosen:
        return None
    chosen.sort(key=lambda expression: expression.start)
    return fields, chosen


def _weight(t: Tokens, v: Vocabulary, e: Expression, head: int, tail: int) -> int:
    """How much speaks for `e` being the moment of the call; at most 0 if it should stay in the subject."""
    at_head, at_tail = e.start == head, e.end >= tail
    before = t.words[e.start - 1] if e.start else ""
    if before in v.not_the_moment and not at_head:
        return _REFUSED
    fields = e.fields
    if e.soft and not at_head:
        bare = "hour" in fields or "day_part" in fields or "in_seconds" in fields
        if not (at_tail and (e.sure or "month" in fields or "in_seconds" in fields)) or (
            bare and not at_tail
        ):
            return _REFUSED
    first = t.words[e.start]
    if (
        before in v.determiner
        and not at_head
        and first not in v.determiner
        and first not in v.any_preposition
    ):
        if not at_tail or not (e.sure or "hour" in fields):
            return _REFUSED
        return 1
    if t.glued(e.end) and t.words[e.end] in ("'", "-", "/", "%") and t.glued(e.end + 1):
        return _REFUSED
    if not (at_head or at_tail or e.sure) and "weekday" in fields and fields.keys() <= _UNTIMED:
        following = t.words[e.end]
        if following.isalpha() and following not in v.after_number:
            return _REFUSED  # "watch Friday Night Lights"
    weight = 8 if at_head else 6 if at_tail else 0
    weight += e.sure
    if "hour" in fields or "in_seconds" in fields or "rule" in fields:
        weight += 2
    if "in_days" in fields or "weekday" in fields or "day_part" in fields:
        weight += 1
    return weight


def as_when(fields: Fields) -> When:
    """The record of what was found: the part of the day settles am and pm, the rule takes in its day."""
    fields = dict(fields)
    part = fields.get("day_part")
    if part is not None and "hour" in fields:
        keeps = _settle(fields, part)
        if not keeps:
            del fields["day_part"]
    hours = fields.pop("hours", None)
    if "rule" in fields:
        fields["rule"] = completed(fields)
        if hours is not None:
            fields["rule"] += ";BYHOUR=" + ",".join(map(str, hours))
    if "hour" in fields or "day_part" in fields:
        fields.pop("keep_time", None)
    return When(**fields)


def _settle(fields: Fields, part: str) -> bool:
    """Puts the hour into its part of the day. True if the part is still needed: past midnight of a night."""
    hour: int = fields["hour"]
    if fields.pop("twelve_hour", False):
        if part == "morning":
            hour %= 12
        elif part in ("midnight", "night"):
            hour = hour % 12 if hour == 12 or hour < 5 else hour + 12
        elif part == "noon":
            hour = hour if hour in (11, 12) else hour % 12 + 12
        else:
            hour = hour % 12 + 12
        fields["hour"] = hour
    return part == "night" and hour < 5 and not _DAYS.isdisjoint(fields)
