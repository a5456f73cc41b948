"""Commands other than a reminder: list, cancel N, snooze, timezone X. Each takes the whole text or nothing."""

from __future__ import annotations

import msgspec

from streams.phrases.amounts import duration, whole
from streams.phrases.choice import as_when
from streams.phrases.clocks import Fields
from streams.phrases.expressions import as_fields, expressions
from streams.phrases.tokens import Tokens
from streams.phrases.vocabulary import Vocabulary
from streams.phrases.when import When


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one SMS asks.

    `name` is one of remind, list, cancel, snooze, timezone, help, stop, start, yes, unreadable. `subject` and
    `when` belong to remind (each None if the text has none), `when` and `number` to snooze, `number` to cancel,
    `zone` to timezone, as the user named it.
    """

    name: str
    subject: str | None = None
    when: When | None = None
    number: int | None = None
    zone: str | None = None


UNREADABLE = Command("unreadable")


def keyword(text: str, v: Vocabulary) -> Command | None:
    """A carrier's word that stands alone, whatever surrounds it that is neither letter nor digit."""
    start, end = 0, len(text)
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    if not 0 < end - start <= 24:
        return None
    name = v.keyword.get(" ".join(text[start:end].lower().split()))
    return None if name is None else Command(name)


def command(t: Tokens, v: Vocabulary) -> Command | None:
    """The command that the whole text is, or None: then it may be a reminder."""
    return _listing(t, v) or _cancelling(t, v) or _snoozing(t, v) or _timezone(t, v)


def _listing(t: Tokens, v: Vocabulary) -> Command | None:
    if t.count > 14:
        return None
    words = [word for word in t.words[: t.count] if word[0].isalnum()]
    if not words or words[0] in ("remind", "set"):
        return None
    named = "reminders" in words or words[0] in v.list_heads or ("list" in words and "my" in words)
    if words == ["reminder"] or (words[0] in v.list_heads and words[0] == "list" and "for" in words[1:2]):
        return None
    return Command("list") if named and all(word in v.list_words for word in words) else None


def _number(t: Tokens, v: Vocabulary, i: int) -> tuple[int, int] | None:
    """A reminder's number at i: "2", "#2", "no. 2", "two"."""
    while t.words[i] in ("#", ".", "no", "nr", "number", "num", "reminder", ":"):
        i += 1
    found = whole(t, v, i)
    if found is None or found[0] < 1 or t.words[i] in ("couple", "few"):
        return None
    return found


def _first_word(t: Tokens) -> int:
    """Steps over courtesies in front of a command."""
    i = 0
    while i < t.count and (
        t.words[i] in ("please", "pls", "plz", "hey", "hi", "ok") or not t.words[i][0].isalnum()
    ):
        i += 1
    for lead in (("can", "you"), ("could", "you"), ("i", "want", "to")):
        if tuple(t.words[i : i + len(lead)]) == lead:
            return i + len(lead) + (t.words[i + len(lead)] == "please")
    return i


def _cancelling(t: Tokens, v: Vocabulary) -> Command | None:
    """cancel N; without a number ("cancel it", "cancel all") the stage asks which one, it never guesses."""
    words = t.words
    i = _first_word(t)
    if words[i] not in v.cancel:
        return None
    number: int | None = None
    named = False
    at = i + 1
    while at < t.count:
        word = words[at]
        found = (
            _number(t, v, at)
            if word[0].isdigit() or word in v.number or word in ("#", "no", "reminder")
            else None
        )
        if found is not None:
            if number is not None or (t.glued(found[1]) and words[found[1]].isalnum()):
                return None
            number, at = found
            continue
        if word.startswith("reminder"):
            named = True
        elif word not in v.cancel_fillers and word not in v.closing and word[0].isalnum():
            return Command("cancel") if _names_reminder(t, at) and number is None else None
        at += 1
    plain = words[i] not in ("stop", "forget", "drop", "clear") or number is not None or named
    return Command("cancel", number=number) if plain else None


def _names_reminder(t: Tokens, at: int) -> bool:
    """ "cancel my dentist reminder": clearly a wish to cancel, though not by number."""
    return t.words[t.count - 1].startswith("reminder") and t.count - at <= 6


def _snoozing(t: Tokens, v: Vocabulary) -> Command | None:
    words = t.words
    i = _first_word(t)
    again = False
    if words[i : i + 2] == ["remind", "me"] and words[i + 2] in v.again:
        again, i = True, i + 2
    elif words[i] not in v.snooze:
        return None
    number: int | None = None
    at = i + 1
    while (
        words[at] in ("reminder", "number", "no", "#", "the", "it", "my", "this", "call", "that")
        and at < t.count
    ):
        at += 1
    found = None if again else _number(t, v, at)
    if found is not None:
        named = words[at - 1] in ("reminder", "number", "no", "#")
        following = words[found[1]]
        is_length = following in v.unit or following in v.half or (following == "." and t.glued(found[1]))
        is_clock = following == ":" or following in v.am_pm
        if named or not (is_length or is_clock or found[1] >= t.count or following in v.closing):
            number, at = found
    fields = _how_long(t, v, at)
    if fields is None:
        return None if again else _bare_snooze(t, v, at, number)
    return Command("snooze", when=as_when(fields), number=number)


def _bare_snooze(t: Tokens, v: Vocabulary, at: int, number: int | None) -> Command | None:
    rest = t.words[at : t.count]
    if any(word[0].isalnum() and word not in v.snooze_fillers and word not in v.closing for word in rest):
        return None
    return Command("snooze", number=number)


def _how_long(t: Tokens, v: Vocabulary, at: int) -> Fields | None:
    """The time in the rest of a snooze, if nothing but fillers stands beside it."""
    words = t.words
    while words[at] in v.snooze_fillers and at < t.count:
        at += 1
    length = duration(t, v, at)
    bare = whole(t, v, at)
    if length is not None and _only_fillers(t, v, length[1]):
        return as_fields(length[0])
    to_a_time = words[at - 1] in ("until", "till", "til", "to", "at", "@", "untill", "by")
    if bare is not None and not to_a_time and _only_fillers(t, v, bare[1]):
        return {"in_seconds": bare[0] * 60}  # "snooze 10": minutes
    for expression in expressions(t, v):
        if expression.start in (at, at - 1) and _only_fillers(t, v, expression.end):
            return expression.fields
    if bare is not None and to_a_time and 1 <= bare[0] <= 23 and _only_fillers(t, v, bare[1]):
        fields = {"hour": bare[0], "minute": 0}
        return {**fields, "twelve_hour": True} if bare[0] <= 12 else fields
    return None


def _only_fillers(t: Tokens, v: Vocabulary, at: int) -> bool:
    return all(
        word in v.snooze_fillers or word in v.closing or not word[0].isalnum()
        for word in t.words[at : t.count]
    )


def _timezone(t: Tokens, v: Vocabulary) -> Command | None:
    words = t.words
    i = 0
    while i < t.count and words[i] in v.timezone_before and i < 6:
        i += 1
    for phrase in v.timezone.get(words[i], ()):
        if tuple(words[i : i + len(phrase)]) == phrase:
            at = i + len(phrase)
            while words[at] in v.timezone_after and at < t.count and not _sign_of_offset(t, at):
                at += 1
            end = t.count
            while end > at and (
                words[end - 1] in (".", "!", "?", ",") or words[end - 1] in ("please", "pls", "thanks")
            ):
                end -= 1
            return Command("timezone", zone=t.span(at, end) or None) if end - at <= 12 else None
    return None


def _sign_of_offset(t: Tokens, at: int) -> bool:
    return t.words[at] == "-" and t.words[at + 1].isdigit()
