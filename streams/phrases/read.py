"""What an SMS means, without clock or zone: `read(text)`.

Words that stand alone (the carriers' STOP … START, HELP, YES) win over everything, then commands that are the
whole text, then reminders. What is left is `unreadable`: the user is asked again, nothing is guessed.
"""

from __future__ import annotations

from streams.phrases.amounts import duration
from streams.phrases.choice import as_when, choose
from streams.phrases.clocks import Fields, clock
from streams.phrases.commands import UNREADABLE, Command, command, keyword
from streams.phrases.expressions import Expression, as_fields, expressions
from streams.phrases.tokens import Tokens
from streams.phrases.vocabulary import ENGLISH, Vocabulary

MAX_CHARACTERS = 1600  # the longest body that the carrier passes on
_SIGNS = frozenset(".,;:-–—!?()[]\"'*…=>~/|&")
_ENDS = frozenset(".,;:-–—(")
_CONNECTORS = frozenset(
    ("to", "about", "abt", "that", "of", "re", "regarding", "bout", "for", "saying", "2", "4")
)
_COURTESIES = frozenset(("please", "pls", "plz"))
_ASKS = frozenset(("can", "could", "would", "will", "cud"))
_LEFTOVERS = frozenset(
    ("is", "are", "was", "it's", "its", "and", "at", "@", "due", "starts", "starting", "set")
)

__all__ = ["MAX_CHARACTERS", "Command", "read"]


def read(text: str, vocabulary: Vocabulary = ENGLISH) -> Command:
    """The command in one SMS. Never raises; time linear in the length; longer than 1600 characters is unreadable."""
    if len(text) > MAX_CHARACTERS:
        return UNREADABLE
    alone = keyword(text, vocabulary)
    if alone is not None:
        return alone
    tokens = Tokens(text)
    if not tokens.count:
        return UNREADABLE
    return command(tokens, vocabulary) or _reminder(tokens, vocabulary)


def _matches(t: Tokens, table: dict[str, list[tuple[str, ...]]], i: int) -> int:
    """Where the longest phrase of `table` that starts at i ends; 0 if none does."""
    for phrase in table.get(t.words[i], ()):
        if len(phrase) == 1 or tuple(t.words[i : i + len(phrase)]) == phrase:
            return i + len(phrase)
    return 0


def _reminder(t: Tokens, v: Vocabulary) -> Command:
    found = expressions(t, v)
    asked = _request(t, v, found)
    if asked is None:
        return _plain_reminder(t, v, found)
    start, end = asked
    while t.words[end] in ("again", ",", *_COURTESIES) and end < t.count:
        end += 1
    found = _at_head(t, v, found, end)
    tail = _tail(t, v)
    before = [e for e in found if e.end <= start]
    inside = [e for e in found if e.start >= end]
    if _only_courtesies(t, v, 0, start, found):
        picked = choose(
            t, v, before + inside, before[0].start if before and not _heads(inside, end) else end, tail
        )
        return _command(t, v, picked, [(end, t.count)], end, _ringing(t, start, asked[1]))
    # Something was told before it was asked: "dentist tomorrow at 5, remind me at 4"
    picked = choose(t, v, inside, end, tail)
    asked_subject = _subject(t, v, picked[1] if picked else [], [(end, t.count)], end)
    if asked_subject:
        return Command("remind", asked_subject, as_when(picked[0]) if picked else None)
    told = choose(t, v, before, 0, start)
    fields: Fields = dict(picked[0]) if picked else {}
    used: list[Expression] = list(picked[1]) if picked else []
    if told is not None:
        days: Fields = {
            k: told[0][k]
            for k in ("in_days", "weekday", "weeks_ahead", "month", "day", "year")
            if k in told[0]
        }
        if not fields:
            fields, used = told[0], told[1]
        elif "in_seconds" not in fields and not any(k in fields for k in days):
            fields.update(days)
            if "hour" not in told[0]:
                used += told[1]
    while start > 1 and t.words[start - 1] in v.polite:
        start -= 1  # "…, can you"
    subject = _subject(t, v, used, [(0, start)], -1)
    return Command("remind", subject, as_when(fields) if fields else None)


def _heads(found: list[Expression], head: int) -> bool:
    return bool(found) and found[0].start == head


def _request(t: Tokens, v: Vocabulary, found: list[Expression]) -> tuple[int, int] | None:
    """Where the words that ask for a reminder stand. Weak ones ("call me") count only at the front."""
    at_front = True
    for i in range(t.count):
        if t.words[i] not in v.trigger:
            continue
        end = _matches(t, v.trigger, i)
        if not end:
            continue
        phrase = t.words[i:end]
        strong = phrase[0].startswith(("remind", "rmd", "rmnd")) and (
            end - i > 1 or phrase[0] in ("remindme", "rmd")
        )
        strong = strong or (end - i > 2 and any(word.startswith("remind") for word in phrase))
        at_front = at_front and _only_courtesies(t, v, 0, i, found)
        if not (strong or at_front) or any(e.start < i < e.end for e in found):
            continue
        while (more := _matches(t, v.trigger, end)) and t.words[end].startswith("remind"):
            end = more
        return i, end
    return None


def _only_courtesies(t: Tokens, v: Vocabulary, start: int, end: int, found: list[Expression]) -> bool:
    """Nothing but greetings, signs and times between the two tokens."""
    i = start
    for e in found:
        if e.start >= end:
            break
        if not all(t.words[k] in v.polite or not t.words[k][0].isalnum() for k in range(i, e.start)):
            return False
        i = e.end
    return all(t.words[k] in v.polite or not t.words[k][0].isalnum() for k in range(i, end))


def _ringing(t: Tokens, start: int, end: int) -> str | None:
    """What to say where the request itself is the subject: "wake me at 6", "set a timer for 10 minutes"."""
    said = t.words[start:end]
    return "wake up" if "wake" in said else next((word for word in ("alarm", "timer") if word in said), None)


def _at_head(t: Tokens, v: Vocabulary, found: list[Expression], at: int) -> list[Expression]:
    """Right after the request a length or an hour needs no preposition: "remind me 20 min to stretch"."""
    word = t.words[at]
    begin = at
    if word == "for" and duration(t, v, at + 1) is not None:
        begin = at + 1  # "set a timer for 10 minutes"
    elif any(e.start <= at < e.end for e in found) or not (word[:1].isdigit() or word in v.number):
        return found
    length = duration(t, v, begin)
    end, fields = 0, {}
    if length is not None:
        fields, end = as_fields(length[0]), length[1]
    else:
        hour = clock(t, v, at, introduced=True)
        if hour is not None and not (t.words[at] == "2" and t.words[at + 1] not in ("to", "about")):
            fields, end = hour[0], hour[1]
    if not fields or not (end >= t.count or t.words[end] in _CONNECTORS or t.words[end] in ",:-"):
        return found
    head = Expression(at, end, fields, False, 1)
    return sorted([*(e for e in found if e.start >= end or e.end <= at), head], key=lambda e: e.start)


def _tail(t: Tokens, v: Vocabulary) -> int:
    """The first token of the courtesies and signs at the end of the text."""
    end = t.count
    while end > 0 and (t.words[end - 1] in v.closing or not t.words[end - 1][0].isalnum()):
        if t.words[end - 1] in ("you", "u") and t.words[end - 2] not in ("thank", "thanks"):
            break
        end -= 1
    return end


def _plain_reminder(t: Tokens, v: Vocabulary, found: list[Expression]) -> Command:
    """No word asks for it: it is a reminder if it has a clear time and a subject and is not a question."""
    if t.words[0] in v.question or t.words[t.count - 1] == "?":
        return UNREADABLE
    head = 0
    while head < t.count and (t.words[head] in _COURTESIES or t.words[head] in _SIGNS):
        head += 1
    tail = _tail(t, v)
    picked = choose(t, v, found, head, tail) or _bare_length(t, v, head, tail)
    if picked is None:
        return UNREADABLE
    asked = _command(
        t, v, picked, [(head, t.count)], picked[1][0].start if picked[1][0].start == head else -1, None
    )
    return asked if asked.subject else UNREADABLE


def _bare_length(t: Tokens, v: Vocabulary, head: int, tail: int) -> tuple[Fields, list[Expression]] | None:
    """A length of minutes or hours at either end is a timer: "20 mins check laundry", "pizza 30m"."""
    for start in (head, tail - 2):
        length = duration(t, v, start) if 0 <= start < t.count and t.words[start][:1].isdigit() else None
        if length is None or (start != head and (length[1] != tail or t.words[start - 1] in v.starts_time)):
            continue
        if length[0][0] and not length[0][1] and not t.glued(start):
            fields = as_fields(length[0])
            return fields, [Expression(start, length[1], fields, False, 0)]
    return None


def _command(
    t: Tokens,
    v: Vocabulary,
    picked: tuple[Fields, list[Expression]] | None,
    regions: list[tuple[int, int]],
    head: int,
    ringing: str | None,
) -> Command:
    if picked is None:
        return Command("remind", _subject(t, v, [], regions, head))
    fields, used = picked
    if (
        ringing in ("wake up", "alarm")
        and fields.get("twelve_hour")
        and "day_part" not in fields
        and fields["hour"] >= 4
    ):
        fields = {**fields, "day_part": "morning"}  # one is woken in the morning
    subject = _subject(t, v, used, regions, head)
    return Command("remind", subject or ringing, as_when(fields))


def _subject(
    t: Tokens, v: Vocabulary, used: list[Expression], regions: list[tuple[int, int]], head: int
) -> str | None:
    """The regions without the used expressions, verbatim; `head` is where the request's connector may stand."""
    pieces: list[str] = []
    asks = any(t.words[k] in _ASKS for k in range(min(max(head, 0), 6)))
    for region_start, region_end in regions:
        at = region_start
        cuts = [(e.start, e.end) for e in used if e.end > region_start and e.start < region_end]
        for start, end in [*cuts, (region_end, region_end)]:
            first, last = at, start
            if not pieces:
                first = _after_connectors(t, first, last, head >= 0)
            while first < last and t.words[first] in _SIGNS and t.words[first] not in "([\"'":
                first += 1
            last = _before_closing(t, v, first, last, end >= region_end, asks)
            if end < region_end or cuts:
                while last > first and (
                    t.words[last - 1] in _ENDS or (start < region_end and t.words[last - 1] in _LEFTOVERS)
                ):
                    last -= 1
            if last > first:
                pieces.append(t.span(first, last))
            at = end
    subject = " ".join(pieces)
    return None if subject.lower() in v.again else subject or None


def _after_connectors(t: Tokens, first: int, last: int, asked: bool) -> int:
    """Steps over ", please" and the one word that leads from the request to the subject."""
    words = t.words
    signed = False
    while first < last and (
        words[first] in _COURTESIES or (words[first] in _SIGNS and words[first] not in "([\"'")
    ):
        signed = signed or words[first] in ":-="
        first += 1
    if asked and first < last and words[first] in _CONNECTORS:
        digit = words[first] in ("2", "4")
        if not digit or (not signed and words[first + 1].isalpha() and first + 1 < last):
            first += 1
            while first < last and words[first] in (":", ",", "-"):
                first += 1
    return first


def _before_closing(t: Tokens, v: Vocabulary, first: int, last: int, at_end: bool, asks: bool) -> int:
    """Steps back over "thanks!" and a full stop at the end of the text; a question mark goes if we were asked."""
    if not at_end:
        return last
    words = t.words
    end = last
    while end > first:
        word = words[end - 1]
        if word in v.closing:
            if word in ("you", "u") and words[end - 2] not in ("thank", "thanks"):
                break
            last = end = end - 1
        elif word in _ENDS or (word == "?" and asks):
            last = end = end - 1
        elif word == "!" and words[end - 2] in v.closing:
            end -= 1
        else:
            break
    if all(words[k] in _SIGNS for k in range(first, last)):
        return first
    return last
