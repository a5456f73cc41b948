"""Which parameters the carrier may send, and what each looks like.

Why so strict: the signature covers names and values run together, without borders. Whoever has seen one signed
request, or can make the carrier sign a text of theirs (`Body`), may cut the same characters elsewhere:
`Body=a&From=b` and `Body=aFrom…` sign alike. So all names are known, none comes twice, those we read must be
there, and no value but `Body` can contain the name and value of another: then every cut that gets through reads
the same (tests/unit/gateway/test_cuts.py tries them all).

The carrier adds parameters without notice. An unknown name is refused, logged and counted (a message is then
still in the carrier's log, and at its fallback URL); `extra_parameters` admits it by setting, with a short plain
value that cannot hold a number or a sid's border. Names come from Twilio's "Request parameters" of messaging and
voice webhooks and of their status callbacks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.gateway.limits import BODY_CHARS
from connectors.gateway.refusals import bad_request

Shape = re.Pattern[str]


def _shape(pattern: str) -> Shape:
    return re.compile(pattern, re.ASCII)


def _sid(prefixes: str) -> Shape:
    return _shape(rf"(?:{prefixes})[0-9a-fA-F]{{32}}")


PHONE = _shape(r"\+[1-9]\d{1,14}")
PLACE = re.compile(r"[\w .,'’()/&-]{0,64}")  # no plus sign: it cannot hold a phone number
WORD = _shape(r"[A-Za-z][A-Za-z-]{0,39}")
NUMBER = _shape(r"\d{1,6}")
DATE = _shape(r"\d{4}-\d{2}-\d{2}")
TEXT = re.compile(rf"(?s).{{0,{BODY_CHARS}}}")
PLAIN = _shape(r"[a-z0-9_.-]{0,64}")
CALL_STATUS = _shape("queued|initiated|ringing|in-progress|completed|busy|no-answer|failed|canceled")
MESSAGE_STATUS = _shape(
    "accepted|scheduled|queued|sending|sent|delivered|undelivered|failed|canceled|read|partially_delivered"
)
_MEDIA_URL = _shape(
    r"https://[a-z0-9.-]{1,60}/\d{4}-\d{2}-\d{2}/Accounts/AC[0-9a-f]{32}/Messages/[A-Z]{2}[0-9a-f]{32}"
    r"/Media/ME[0-9a-f]{32}"
)


def _places(*whose: str) -> dict[str, Shape]:
    return {f"{who}{what}": PLACE for who in whose for what in ("City", "State", "Zip", "Country")}


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of one kind of webhook."""

    shapes: Mapping[str, Shape]
    required: frozenset[str]

    def check(self, pairs: Sequence[tuple[str, str]], extra: frozenset[str] = frozenset()) -> dict[str, str]:
        """The parameters by name. Raises Refused (400) that names the first one which is wrong, not its value."""
        form: dict[str, str] = {}
        for name, value in pairs:
            shape = self.shapes.get(name) or (PLAIN if name in extra else None)
            if shape is None:
                shown = name if re.fullmatch(r"[A-Za-z0-9_]{1,40}", name) else "a name of odd characters"
                raise bad_request("unknown_parameter", f"{shown} is not a parameter of this webhook")
            if shape.fullmatch(value) is None:
                raise bad_request("wrong_shape", f"{name} does not look as the carrier writes it")
            form[name] = value
        for name in sorted(self.required - form.keys()):
            raise bad_request("missing_parameter", f"{name} is missing")
        return form


_ACCOUNT: dict[str, Shape] = {"AccountSid": _sid("AC"), "ApiVersion": DATE}
_ENDS: dict[str, Shape] = {"From": PHONE, "To": PHONE}
_MESSAGE: dict[str, Shape] = {
    **_ACCOUNT,
    **_ENDS,
    "MessageSid": _sid("SM|MM"),
    "SmsSid": _sid("SM|MM"),
    "SmsMessageSid": _sid("SM|MM"),
    "MessagingServiceSid": _sid("MG"),
    "NumSegments": NUMBER,
    "NumMedia": NUMBER,
}
_CALL: dict[str, Shape] = {
    **_ACCOUNT,
    **_ENDS,
    **_places("From", "To", "Caller", "Called"),
    "CallSid": _sid("CA"),
    "ParentCallSid": _sid("CA"),
    "CallStatus": CALL_STATUS,
    "Caller": PHONE,
    "Called": PHONE,
    "CallerName": PLACE,
    "ForwardedFrom": PHONE,
    "Direction": _shape("inbound|outbound-api|outbound-dial"),
    "AnsweredBy": _shape("human|fax|unknown|machine_(?:start|end_beep|end_silence|end_other)"),
    "MachineDetectionDuration": NUMBER,
    "StirVerstat": WORD,
    "StirStatus": WORD,
    "QueueTime": NUMBER,
}

INCOMING_SMS = Form(
    {
        **_MESSAGE,
        **_places("From", "To"),
        "Body": TEXT,
        "SmsStatus": _shape("received|receiving"),
        "OptOutType": _shape("STOP|START|HELP"),
        **{f"MediaUrl{n}": _MEDIA_URL for n in range(10)},
        **{f"MediaContentType{n}": _shape(r"[a-z]{1,20}/[a-z0-9.+-]{1,80}") for n in range(10)},
    },
    frozenset({"AccountSid", "MessageSid", "From", "To", "Body"}),
)

_KEYS: dict[str, Shape] = {
    "Digits": _shape(r"[0-9*#]{0,32}"),
    "FinishedOnKey": _shape(r"[0-9*#]?"),
    "msg": _shape(r"Gather [A-Z][a-z]{0,19}"),
}

VOICE = Form(
    {
        **_CALL,
        **_KEYS,  # where a key could not be posted to its own URL, and the fallback is asked instead
        # Where the carrier could not read our first answer and asks the fallback URL.
        "ErrorCode": NUMBER,
        "ErrorUrl": _shape(r"https?://[!-~]{1,2000}"),
    },
    frozenset({"AccountSid", "CallSid", "From", "To"}),
)

# Digits must be there, or they could be cut into the place before them.
KEY_PRESS = Form({**_CALL, **_KEYS}, frozenset({"AccountSid", "CallSid", "Digits", "From", "To"}))

CALL_EVENTS = Form(
    {
        **_CALL,
        "CallDuration": NUMBER,
        "Duration": NUMBER,
        "SipResponseCode": _shape(r"\d{3}"),
        "CallbackSource": WORD,
        "SequenceNumber": NUMBER,
        "Timestamp": _shape(
            r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (?:[+-]0000|GMT|UTC)"
        ),
    },
    frozenset({"AccountSid", "CallSid", "CallStatus", "From", "To"}),
)

MESSAGE_EVENTS = Form(
    {
        **_MESSAGE,
        "MessageStatus": MESSAGE_STATUS,
        "SmsStatus": MESSAGE_STATUS,
        "ErrorCode": NUMBER,
        "ErrorMessage": PLACE,
        "RawDlrDoneDate": _shape(r"\d{6,14}"),
    },
    frozenset({"AccountSid", "MessageSid", "MessageStatus", "From", "To"}),
)
