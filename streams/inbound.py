"""Inbound: an SMS becomes what its user asked, keyed by user. Stateless, clockless in meaning.

Whatever is written to `sms.inbound` by anybody comes through here, so this is where it is judged: who owns
the number, is the record sane, is it young enough that a copy of it would still be recognised.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from schemas.records import Request, When
from streams import ids
from streams.phrases.read import read
from streams.runtime.processor import Event, Output, Poison, Record, Result, Send, State
from streams.tenants import Tenants
from streams.topology import DAY_MS, REQUESTS

OLDEST_MS = 30 * DAY_MS  # message sids are remembered for 35 d: an older copy would be taken for new
AHEAD_MS = 5_000  # a producer's clock may be that much ahead of the broker's
LONGEST_TEXT = 1_600  # the carrier's own limit on a concatenated SMS, in characters
LONGEST_SID = 128
APPENDED_AT = "ringback-appended-at"  # header of a replayed dead letter: when its source was appended


class Inbound:
    """The processor of one partition."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    def step(self, state: State, event: Event, now_ms: int) -> Sequence[Output]:  # noqa: ARG002
        """One Request for one SmsReceived. Raises Poison: `unknown_number`, `too_old`, `bad_number`, `bad_sid`,
        `bad_text`, `too_long`."""
        if not isinstance(event, Record):
            return ()
        sms = event.value
        _check(sms)
        tenant = self._tenants.owner_of(sms["to"])
        if tenant is None:
            raise Poison("unknown_number", "no tenant owns the number that the SMS was sent to")
        received_at = _received_at(event)
        if now_ms - received_at > OLDEST_MS:
            raise Poison("too_old", f"received {(now_ms - received_at) // DAY_MS} days ago, more than 30")
        text: str = sms["body"]
        command = read(text)
        user = ids.user_key(tenant.id, sms["from"])
        request: Request = {
            "message_sid": sms["message_sid"],
            "tenant": tenant.id,
            "user": user,
            "from": sms["from"],
            "to": sms["to"],
            "received_at": received_at,
            "accepted_at": event.timestamp_ms,
            "text": text,
            "command": command.name,
            "subject": command.subject,
            "when": cast(When, command.when.to_record()) if command.when is not None else None,
            "number": command.number,
            "zone": command.zone,
        }
        return (Send(REQUESTS.name, user, "Request", request),)

    def late(self, result: Result, now_ms: int) -> Iterable[Send]:  # noqa: ARG002
        return ()


def _check(sms: dict[str, Any]) -> None:
    """What Avro and JSON types do not say."""
    sid, body = sms["message_sid"], sms["body"]
    if not 0 < len(sid) <= LONGEST_SID or not sid.isascii() or not sid.isprintable():
        raise Poison("bad_sid", f"message_sid is empty, not ASCII, or longer than {LONGEST_SID}")
    if not ids.is_e164(sms["from"]):
        raise Poison("bad_number", "the sender is not an E.164 number")
    if len(body) > LONGEST_TEXT:
        raise Poison("too_long", f"{len(body)} characters, an SMS has at most {LONGEST_TEXT}")
    if not body.isascii():
        try:
            body.encode()
        except UnicodeEncodeError as lone:  # half of a surrogate pair: JSON can spell it, UTF-8 cannot
            raise Poison("bad_text", str(lone)) from None


def _received_at(record: Record) -> int:
    """Epoch ms. When the producer did not say: the record's own time, or of what was replayed its first one. A
    time ahead of the broker's becomes the broker's, or an opt-out could be dated into next year."""
    received_at: int | None = record.value.get("received_at")
    if received_at is None:
        for name, value in record.headers:
            if name == APPENDED_AT and value.isdigit():
                return min(int(value), record.timestamp_ms)
        return record.timestamp_ms
    return received_at if received_at <= record.timestamp_ms + AHEAD_MS else record.timestamp_ms
