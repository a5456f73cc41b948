"""Form parameters of the carrier's webhooks, named as Twilio names them."""

import time
from email.utils import formatdate

from infra.simulator.records import API_VERSION, Call, Message

COUNTRIES = (("+1", "US"), ("+44", "GB"), ("+49", "DE"), ("+33", "FR"), ("+61", "AU"), ("+91", "IN"))


def country(number: str) -> str:
    return next((name for prefix, name in COUNTRIES if number.startswith(prefix)), "")


def geography(from_: str, to: str, also: tuple[tuple[str, str], ...] = ()) -> dict[str, str]:
    """City, State and Zip are sent empty, as for most numbers outside North America."""
    params: dict[str, str] = {}
    for side, number in (("From", from_), ("To", to), *also):
        params |= {f"{side}City": "", f"{side}State": "", f"{side}Zip": "", f"{side}Country": country(number)}
    return params


def of_call(call: Call) -> dict[str, str]:
    """What every request about a call carries."""
    params = {
        "CallSid": call.sid,
        "AccountSid": call.account.sid,
        "From": call.from_,
        "To": call.to,
        "Caller": call.from_,
        "Called": call.to,
        "CallStatus": call.status,
        "ApiVersion": API_VERSION,
        "Direction": "outbound-api",
        **geography(call.from_, call.to, (("Caller", call.from_), ("Called", call.to))),
    }
    if call.answered_by is not None:
        params["AnsweredBy"] = call.answered_by
    return params


def of_call_event(call: Call, status: str) -> dict[str, str]:
    """A status callback. `status` is `initiated` once, which the resource itself never shows."""
    params = of_call(call) | {
        "CallStatus": status,
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(call.sequence),
        "Timestamp": formatdate(time.time())[:-5] + "+0000",
    }
    if call.ended:
        seconds = call.duration_s or 0
        params |= {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))}
        params["SipResponseCode"] = SIP_CODES[call.status]
    call.sequence += 1
    return params


SIP_CODES = {"completed": "200", "busy": "486", "no-answer": "487", "canceled": "487", "failed": "404"}


def of_message(message: Message) -> dict[str, str]:
    params = {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "AccountSid": message.account.sid,
        "From": message.from_,
        "To": message.to,
        "MessageStatus": message.status,
        "SmsStatus": message.status,
        "ApiVersion": API_VERSION,
    }
    if message.error_code is not None:
        params["ErrorCode"] = str(message.error_code)
    if message.status == "delivered":
        params["RawDlrDoneDate"] = time.strftime("%y%m%d%H%M", time.gmtime())
    return params


def of_inbound(message: Message) -> dict[str, str]:
    return {
        "MessageSid": message.sid,
        "SmsSid": message.sid,
        "SmsMessageSid": message.sid,
        "AccountSid": message.account.sid,
        "From": message.from_,
        "To": message.to,
        "Body": message.body,
        "NumMedia": "0",
        "NumSegments": str(message.segments),
        "SmsStatus": "received",
        "ApiVersion": API_VERSION,
        **geography(message.from_, message.to),
    }
