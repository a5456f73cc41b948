"""What Ringback texts to people, as data: a table of templates per language.

Plain GSM 03.38 characters only, so that an English SMS is not cut to 70 characters by a curly quote. What the
user wrote is filled in as it is, never used as a template.
"""

from __future__ import annotations

from typing import Final

EXAMPLE = "Remind me to buy milk at 6:30 PM"

TEXTS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "scheduled": "OK, I will call you {when}: {subject} (no. {number})",
        "confirm": "I can call you {when}: {subject} (no. {number}). Reply YES to allow calls to this number,"
        " STOP to opt out.",
        "confirmed": "Thank you. I will call you {when}: {subject} (no. {number})",
        "confirmed_more": "Thank you. I will call you {when}: {subject} (no. {number}), and for {more} more."
        " Text LIST to see all.",
        "confirmed_nothing": "Thank you, calls to this number are allowed. Nothing was waiting for it."
        " Try: {example}",
        "unreadable": "Sorry, I did not understand that. Try: {example}",
        "no_time": "When shall I call you? Try: {example}",
        "no_subject": "What shall I remind you of? Try: {example}",
        "recurring": "Sorry, I cannot repeat a reminder yet. Give me one time. Try: {example}",
        "passed": "That time has passed: {when}. Try: {example}",
        "past": "That day is over. Try: {example}",
        "impossible": "There is no such day or time. Try: {example}",
        "too_far": "Sorry, that is too far ahead for me. Try: {example}",
        "unknown_zone": "Sorry, I do not know that time zone. Try: timezone Berlin",
        "zone_set": "OK, your time zone is {zone}, where it is {clock}. Reminders already set keep their time.",
        "list_none": "You have no reminders. Try: {example}",
        "list_item": "{number}: {when}: {subject}",
        "list_item_unconfirmed": "{number}: {when}: {subject} (reply YES to allow it)",
        "list_item_out": "{number}: calling now: {subject}",
        "list_more": "and {more} more",
        "cancelled": "OK, no. {number} is cancelled: {subject}",
        "cancel_asked": "The call for no. {number} is going out; I am trying to stop it.",
        "cancelled_late": "No. {number} is cancelled, I will not call again: {subject}",
        "too_late": "Too late to cancel no. {number}: that call was answered.",
        "no_such_number": "You have no reminder no. {number}. Text LIST to see yours.",
        "which_number": "Which one? Text LIST to see their numbers, then for instance: cancel 1",
        "nothing_to_snooze": "There is no call to snooze. Text LIST to see your reminders.",
        "help": "Text me what and when, and I call you. Try: {example}. Also: list, cancel 1, snooze 10 minutes,"
        " timezone Berlin. STOP to opt out.",
        "stopped": "You are opted out: no more calls or texts from this number. Text START to come back.",
        "started": "You are opted in again. Try: {example}",
        "started_unconfirmed": "You are opted in again. Reply YES to allow the calls that you asked for.",
        "flood": "That is more than I can read at once. I have left some out; please wait a minute.",
        "not_allowed": "Sorry, calls to this number are not offered. No further text to it will be answered.",
        "user_cap": "That is all I can take for today. Please ask me again tomorrow.",
        "tenant_cap": "Sorry, no more calls can be made today. Please ask me again tomorrow.",
        "prefix_cap": "Sorry, no more calls to your area can be made today. Please ask me again tomorrow.",
        "missed": "Sorry, we missed to call you {when}: {subject}",
        "gave_up": "We tried to call you {when}: {subject}",
        "number_unreachable": "I cannot reach this number by phone. The call {when} was to say: {subject}",
        "number_blocked": "I am not allowed to call this number. The call {when} was to say: {subject}",
        "country_blocked": "I cannot call numbers of this country. The call {when} was to say: {subject}",
        "not_placed": "We could not place your call {when}: {subject}",
        "untold": "Your call may have been cut short. It was to say: {subject}",
    }
}
_DEFAULT = "en"
LONGEST_SMS = 1_600  # characters: the carrier refuses a longer body
LONGEST_QUOTE = 100  # of the user's own words in an answer; what a call would have said is told whole
LONGEST_LINE = 60  # of them in a list


def say(language: str, text: str, **values: object) -> str:
    """The template called `text` in that language (BCP 47; English when we do not speak it), filled in."""
    table = TEXTS.get(language.partition("-")[0]) or TEXTS[_DEFAULT]
    return table[text].format(example=EXAMPLE, **values)


def shorten(text: str, limit: int) -> str:
    """`text`, cut to at most `limit` characters, which shows."""
    return text if len(text) <= limit else text[: limit - 3] + "..."
