"""One record of the pipeline in words: what `trace`, `up` and `demo` show of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.cli.output import clock, duration, instant, plain

Value = Mapping[str, Any]

# What stands as reason of evidence, where the word alone would not tell an on-call engineer what happened.
_REASONS = {
    "ClientOSError": "the connection broke with the request out",
    "SocketTimeoutError": "no answer in time, with the request out",
    "owner_lost": "its owner was replaced with the request out",
    "gate_was_lost": "Redis had forgotten its gate before the request",
    "gate_taken": "its gate was taken, no request was sent",
    "partition_given_up": "the partition moved before the request",
    "claim_too_old": "more than 2 s since its claim, no request was sent",
    "found_at_carrier": "found in the carrier's list",
    "not_found_at_carrier": "not in the carrier's list to the last",
    "carrier_could_not_be_asked": "the carrier could not be asked in time",
    "asked_carrier": "no callback, the carrier was asked",
    "carrier_knows_no_such_call": "the carrier knows no such call",
    "nobody_heard_it": "completed, and nobody was given the words",
}


def describe(name: str, value: Value, appended_at: int) -> str:
    """What the record `name` (an Avro name) says happened; `appended_at` in epoch ms."""
    words = _WORDS.get(name)
    return words(value, appended_at) if words else name


def reminder_of(value: Value) -> str | None:
    """The reminder that a record is about, where it names one."""
    found = value.get("reminder_id")
    return str(found) if found else None


def _request(value: Value, appended_at: int) -> str:
    waited = duration(appended_at - value["received_at"])
    return f"SMS read as {value['command']}, {waited} after receipt: “{value['text']}”"


def _event(value: Value, _appended_at: int) -> str:
    parts = [str(value["type"])]
    if value.get("number") is not None:
        parts.append(f"reminder {value['number']}")
    if value.get("attempt") is not None:
        parts.append(f"attempt {value['attempt']}.{value.get('try') or 1}")
    if value.get("due_at") is not None:
        parts.append(f"due {instant(value['due_at'])}")
    if value.get("reason"):
        parts.append(f"({value['reason']})")
    if value.get("charged") is not None:
        parts.append("charged" if value["charged"] else "not charged")
    return " ".join(parts)


def _due(value: Value, appended_at: int) -> str:
    late = duration(appended_at - value["fire_at"])
    attempt = f"attempt {value['attempt']}.{value['try']}"
    return f"fired {late} after {clock(value['fire_at'])}, {attempt}: “{value['subject']}”"


def _call(value: Value, _appended_at: int) -> str:
    parts = [f"call {value['state']}, attempt {value['attempt']}.{value['try']}"]
    if value.get("call_sid"):
        parts.append(str(value["call_sid"]))
    if value.get("digits"):
        parts.append(f"pressed {value['digits']}")
    return " ".join(parts) + _why(value)


def _why(value: Value) -> str:
    reason = value.get("reason")
    return f" ({_REASONS.get(reason, reason)})" if reason else ""


def _reply(value: Value, _appended_at: int) -> str:
    return f"reply ({value['kind']}): “{value['body']}”"


def _sms_event(value: Value, _appended_at: int) -> str:
    return f"reply {value['state']}, try {value['try']}{_why(value)}"


def _charge(value: Value, _appended_at: int) -> str:
    return f"charged {plain(value['amount'])} {value['currency']} for {value['kind']}"


def _dead_letter(value: Value, _appended_at: int) -> str:
    source = f"{value['source_topic']} {value['source_partition']}@{value['source_offset']}"
    return f"dead letter from {source}: {value['reason']} ({value['detail']})"


def _sms(value: Value, _appended_at: int) -> str:
    return f"SMS received: “{value['body']}”"


_WORDS: dict[str, Callable[[Value, int], str]] = {
    "SmsReceived": _sms,
    "Request": _request,
    "ReminderEvent": _event,
    "ReminderDue": _due,
    "CallEvent": _call,
    "SmsReply": _reply,
    "SmsEvent": _sms_event,
    "Charge": _charge,
    "DeadLetter": _dead_letter,
}
