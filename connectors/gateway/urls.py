"""The URLs that the carrier is given, built and read back in one place.

They carry which attempt they belong to, its owner's epoch and a nonce, and come back inside the carrier's
signature. What the tenant wants of a call (its voice, what to do with a machine) is settled when the call is placed
and travels the same way, so that the gateway need not know tenants. Query strings end in access logs of every proxy
on the way, so they hold the tenant but no phone number: the user's number is the signed parameter `To`.

    /voice?k={reminder}.{due_at}.{attempt}.{try}&t={tenant}&e={epoch}&n={nonce}[&v={voice}][&m={on_machine}]
          [&a={times asked again}]
    /key?k=…&t=…&e=…&n=…[&v=…]&c={call sid}&l={language}[&d={key}][&a=…]
    /status?k=…&t=…&e=…&n=…
    /status?r={reply}&y={try}&t=…&e=…&n=…

Only characters that no client or proxy rewrites: a URL that changes on the way would not match its signature.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from streams.ids import CallKey

VOICE_PATH = "/voice"
KEY_PATH = "/key"
STATUS_PATH = "/status"
SMS_PATH = "/sms"

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_COUNT = re.compile(r"\d{1,15}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_KEY = re.compile(r"[0-9*#]", re.ASCII)


class CallUrls(NamedTuple):
    """For `CallRequest`. The fallback is the same URL: our answer is a decision at the gate, safe to ask twice."""

    url: str
    fallback_url: str
    status_callback: str


@dataclass(frozen=True, slots=True)
class CallTarget:
    """The attempt that a URL names. `asked` counts our own redirects of one call.

    `voice` is the carrier's name of one, None: its default. `on_machine` is the tenant's word when the carrier was
    asked to detect machines, else None.
    """

    key: CallKey
    tenant: str
    epoch: int
    nonce: str
    asked: int = 0
    voice: str | None = None
    on_machine: str | None = None

    def again(self) -> CallTarget:
        return replace(self, asked=self.asked + 1)


@dataclass(frozen=True, slots=True)
class KeyTarget:
    """Where a key goes that is pressed in the call `sid` while it is told the words of an attempt.

    `call.asked` counts how often the choice or the URL was given again; `pressed` is a key that we have been told and
    could not store yet.
    """

    call: CallTarget
    sid: str
    language: str
    pressed: str | None = None

    @classmethod
    def of(cls, call: CallTarget, sid: str, language: str) -> KeyTarget:
        """For a call that is given the words now; how often it had to come again for them counts no more."""
        return cls(replace(call, asked=0), sid, language)

    def again(self, pressed: str | None = None) -> KeyTarget:
        return replace(self, call=self.call.again(), pressed=pressed)


@dataclass(frozen=True, slots=True)
class MessageTarget:
    """The reply that a URL names."""

    reply_id: str
    try_: int
    tenant: str
    epoch: int
    nonce: str


def call_urls(
    public_url: str,
    key: CallKey,
    user: str,
    epoch: int,
    nonce: str,
    voice: str | None = None,
    on_machine: str | None = None,
) -> CallUrls:
    """For one attempt. `user` is `{tenant}|{number}`, of which the tenant is used. Raises ValueError."""
    target = CallTarget(key, user.rpartition("|")[0], epoch, nonce, voice=voice, on_machine=on_machine)
    voice = voice_url(public_url, target)
    return CallUrls(voice, voice, _join(public_url, STATUS_PATH, _call_query(target)))


def voice_url(public_url: str, target: CallTarget) -> str:
    machine = f"&m={_word(target.on_machine)}" if target.on_machine is not None else ""
    query = _call_query(target) + _spoken_by(target) + machine + _asked(target)
    return _join(public_url, VOICE_PATH, query)


def key_url(public_url: str, target: KeyTarget) -> str:
    """Where the carrier posts the key that is pressed. Raises ValueError."""
    pressed = f"&d={quote(target.pressed, safe='')}" if target.pressed is not None else ""
    call = target.call
    about = f"&c={_id(target.sid)}&l={_word(target.language)}"
    return _join(public_url, KEY_PATH, _call_query(call) + _spoken_by(call) + about + pressed + _asked(call))


def _spoken_by(target: CallTarget) -> str:
    return f"&v={_word(target.voice)}" if target.voice is not None else ""


def _asked(target: CallTarget) -> str:
    return f"&a={target.asked}" if target.asked else ""


def message_url(public_url: str, reply_id: str, try_: int, user: str, epoch: int, nonce: str) -> str:
    """The status callback of one reply. Raises ValueError."""
    tenant = user.rpartition("|")[0]
    query = f"r={_id(reply_id)}&y={try_}&t={quote(tenant, safe='')}&e={epoch}&n={_id(nonce)}"
    return _join(public_url, STATUS_PATH, query)


def parse_call(query: str) -> CallTarget:
    """The inverse of `call_urls`, from the query string. Raises ValueError."""
    return _call(_parse(query, {"k", "t", "e", "n"}, optional={"a", "v", "m"}))


def parse_key(query: str) -> KeyTarget:
    """The inverse of `key_url`, from the query string. Raises ValueError."""
    found = _parse(query, {"k", "t", "e", "n", "c", "l"}, optional={"a", "v", "d"})
    pressed = found.get("d")
    if pressed is not None and _KEY.fullmatch(pressed) is None:
        raise ValueError("not a key of a telephone")
    return KeyTarget(_call(found), _id(found["c"]), _word(found["l"]), pressed)


def _call(found: dict[str, str]) -> CallTarget:
    reminder, due_at, attempt, try_ = found["k"].split(".")
    key = CallKey(_id(reminder), _count(due_at), _count(attempt), _count(try_))
    return CallTarget(
        key,
        found["t"],
        _count(found["e"]),
        _id(found["n"]),
        _count(found.get("a", "0")),
        _word(found["v"]) if "v" in found else None,
        _word(found["m"]) if "m" in found else None,
    )


def parse_message(query: str) -> MessageTarget:
    """The inverse of `message_url`, from the query string. Raises ValueError."""
    found = _parse(query, {"r", "y", "t", "e", "n"})
    return MessageTarget(_id(found["r"]), _count(found["y"]), found["t"], _count(found["e"]), _id(found["n"]))


def holds_key(query: str) -> bool:
    """Whether a URL for keys holds one that was pressed before."""
    return "&d=" in query


def is_of_message(query: str) -> bool:
    """Whether a status callback is about an SMS; else it is about a call."""
    return query.startswith("r=")


def _call_query(target: CallTarget) -> str:
    reminder, due_at, attempt, try_ = target.key
    key = f"{_id(reminder)}.{due_at}.{attempt}.{try_}"
    return f"k={key}&t={quote(target.tenant, safe='')}&e={target.epoch}&n={_id(target.nonce)}"


def _join(public_url: str, path: str, query: str) -> str:
    return f"{public_url.rstrip('/')}{path}?{query}"


def _parse(
    query: str, required: set[str], optional: frozenset[str] | set[str] = frozenset()
) -> dict[str, str]:
    pairs = parse_qsl(query, strict_parsing=True, errors="strict", max_num_fields=10)
    found = dict(pairs)
    if len(found) != len(pairs) or not required <= found.keys() <= required | optional:
        raise ValueError("not one of our URLs")
    return found


def _id(text: str) -> str:
    if _ID.fullmatch(text) is None:
        raise ValueError("an id is up to 64 letters, digits, dashes and underscores")
    return text


def _word(text: str) -> str:
    if _WORD.fullmatch(text) is None:
        raise ValueError("a name is up to 64 letters, digits, dots, dashes and underscores")
    return text


def _count(text: str) -> int:
    if _COUNT.fullmatch(text) is None:
        raise ValueError("not a count")
    return int(text)
