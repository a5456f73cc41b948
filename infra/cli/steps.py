"""One record of the pipeline in words: what `trace`, `up` and `demo` show of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.cli.output import clock, duration, instant, plain

Value = Mapping[str, Any]


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
    if value.get("reason"):
        parts.append(f"({value['reason']})")
    return " ".join(parts)


def _reply(value: Value, _appended_at: int) -> str:
    return f"reply ({value['kind']}): “{value['body']}”"


def _sms_event(value: Value, _appended_at: int) -> str:
    reason = f" ({value['reason']})" if value.get("reason") else ""
    return f"reply {value['state']}, try {value['try']}{reason}"


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
