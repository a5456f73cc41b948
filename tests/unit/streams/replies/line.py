"""One user's SMS: a World that runs the replies stage."""

from __future__ import annotations

from typing import Any

from schemas.records import ReplyState
from streams.once.carrier import MessageRequest
from streams.replies.processor import RepliesProcessor
from streams.topology import EVENTS, OUTBOUND, SMS_EVENTS
from tests.unit.streams.once.world import World

USER, NUMBER, OURS = "acme|+14155550101", "+14155550101", "+14155550100"
RESOLVE_MS = 120_000


def request(reply: ReplyState) -> MessageRequest:
    """The purpose that the carrier's double notes is the reply, whatever the try."""
    return MessageRequest(reply["to"], reply["from"], reply["body"], reply["reply_id"])


class SmsLine(World):
    def __init__(self, resolve_ms: int = RESOLVE_MS) -> None:
        topics = (OUTBOUND.name, SMS_EVENTS.name, EVENTS.name)
        super().__init__(lambda: RepliesProcessor(3, request, resolve_ms), topics)

    def reply(self, name: str = "m1", kind: str = "ack", accepted_at: int | None = None) -> str:
        value: dict[str, Any] = {
            "reply_id": name,
            "in_reply_to": "SM1",
            "tenant": "acme",
            "user": USER,
            "from": OURS,
            "to": NUMBER,
            "body": f"text of {name}",
            "kind": kind,
            "accepted_at": accepted_at,
            "at": self.clock.now_ms(),
        }
        self.append(OUTBOUND.name, "SmsReply", value)
        return name

    def fact(self, kind: str) -> None:
        value = {"type": kind, "user": USER, "at": self.clock.now_ms(), "reminder_id": None, "due_at": None}
        self.append(EVENTS.name, "ReminderEvent", value)

    def callback(self, name: str, state: str, sid: str = "SM1", try_: int = 1) -> None:
        value: dict[str, Any] = {
            "reply_id": name,
            "user": USER,
            "tenant": "acme",
            "try": try_,
            "state": state,
            "message_sid": sid,
            "epoch": None,
            "reason": None,
            "code": None,
            "at": self.clock.now_ms(),
        }
        self.append(SMS_EVENTS.name, "SmsEvent", value)

    def states(self, name: str) -> list[str]:
        return [e["state"] for e in self.evidence(SMS_EVENTS.name) if e["reply_id"] == name]

    def phase(self, name: str) -> str | None:
        for prefix in ("c", "e"):
            found = self.committed.get(f"{prefix}|{USER}|{name}")
            if found is not None:
                return str(found[1]["phase"])
        return None

    def sent(self, name: str) -> int:
        """How many messages the carrier took for it."""
        return self.carrier.accepted()[name]
