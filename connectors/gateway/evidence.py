"""What the carrier's status callbacks say, as evidence: one callback, one record. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.gateway.urls import CallTarget, MessageTarget
from schemas.records import CallEvent, SmsEvent, SmsReceived
from streams.ids import user_key
from streams.once.carrier import CALL_STATES, MESSAGE_STATES


def received(form: Mapping[str, str], now_ms: int) -> SmsReceived:
    """An SMS that reached one of our numbers."""
    return {
        "message_sid": form["MessageSid"],
        "from": form["From"],
        "to": form["To"],
        "body": form["Body"],
        "received_at": now_ms,
    }


def call_event(target: CallTarget, form: Mapping[str, str], now_ms: int) -> CallEvent:
    """How far the call is that the callback is about."""
    key = target.key
    sip = form.get("SipResponseCode")
    return {
        "reminder_id": key.reminder_id,
        "user": user_key(target.tenant, form["To"]),
        "tenant": target.tenant,
        "due_at": key.due_at,
        "attempt": key.attempt,
        "try": key.try_,
        "state": CALL_STATES[form["CallStatus"]],
        "call_sid": form["CallSid"],
        "epoch": target.epoch,
        "digits": None,
        "reason": f"{form['CallStatus']}, SIP {sip}" if sip else form["CallStatus"],
        "at": now_ms,
        "code": None,
    }


def sms_event(target: MessageTarget, form: Mapping[str, str], now_ms: int) -> SmsEvent:
    """How far the reply is that the callback is about."""
    code = form.get("ErrorCode")
    return {
        "reply_id": target.reply_id,
        "user": user_key(target.tenant, form["To"]),
        "tenant": target.tenant,
        "try": target.try_,
        "state": MESSAGE_STATES[form["MessageStatus"]],
        "message_sid": form["MessageSid"],
        "epoch": target.epoch,
        "reason": f"{form['MessageStatus']}, error {code}" if code else form["MessageStatus"],
        "at": now_ms,
        "code": int(code) if code else None,
    }
