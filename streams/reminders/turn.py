"""What one step works on, and the only place where it puts facts, SMS and attempts into words of the contract."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.records import ProfileState, ReminderDue, ReminderEvent, ReminderState, Request, SmsReply
from streams import ids
from streams.phrases.render import say_when
from streams.reminders import caps, conservation, words
from streams.reminders.caps import WHOLE, Share
from streams.reminders.conservation import EXPIRED, Move
from streams.reminders.profile import is_out, kept_until
from streams.reminders.quiet import Span
from streams.reminders.state import ENDED, ENDED_MS, forget, load_profile, save, save_profile
from streams.runtime.processor import Output, Send, State
from streams.tenants import Tenant
from streams.topology import DUE, EVENTS, OUTBOUND

AFTER_STOP = frozenset({"help", "stop", "start"})  # kinds of SMS that a user who opted out still gets


@dataclass(slots=True)
class Turn:
    """One event of one user. `out` gathers what the step puts out.

    `profile_changed`: something in the profile must be written, at the latest by `keep_profile` at the end of the step.
    """

    state: State
    now_ms: int
    tenant: Tenant
    user: str
    share: Share = WHOLE
    out: list[Output] = field(default_factory=list)
    profile_changed: bool = False
    _profile: ProfileState | None = None

    @property
    def profile(self) -> ProfileState:
        """The user's profile, loaded when first asked for: most evidence about calls never does."""
        if self._profile is None:
            self._profile = load_profile(self.state, self.user)
        return self._profile

    @property
    def zone(self) -> str:
        """The user's zone: an IANA name or fixed offset."""
        return self.profile["zone"] or self.tenant.timezone

    def when(self, at_ms: int) -> str:
        """An instant in the user's words and zone."""
        return say_when(at_ms, self.now_ms, self.zone)

    def save_profile(self) -> None:
        self.profile["wake_at"] = kept_until(self.profile, self.now_ms)
        save_profile(self.state, self.user, self.profile)
        self.profile_changed = False

    def keep_profile(self) -> None:
        """Write the profile if something in it has changed since it was last written."""
        if self.profile_changed:
            self.save_profile()

    def outcome(
        self,
        message_sid: str,
        kind: str,
        *,
        charged: bool = True,
        reminder: ReminderState | None = None,
        reason: str | None = None,
    ) -> None:
        """The one outcome of an SMS."""
        if kind == "REFUSED":
            self.count(conservation.REFUSED)
        if charged:
            self.count(conservation.SMS_CHARGED)
        self._fact(ids.event_id("outcome", message_sid), kind, reminder, message_sid, charged, reason)

    def fact(self, kind: str, reminder: ReminderState, cause: str = "", reason: str | None = None) -> None:
        """A step in the life of an occurrence. `cause` tells apart facts that one occurrence may have twice."""
        if kind == "ANSWERED":
            self.count(conservation.ANSWERED)
        event_id = ids.event_id(kind, reminder["reminder_id"], reminder["due_at"], cause)
        self._fact(event_id, kind, reminder, None, None, reason)

    def _fact(
        self,
        event_id: str,
        kind: str,
        reminder: ReminderState | None,
        message_sid: str | None,
        charged: bool | None,
        reason: str | None,
    ) -> None:
        # An attempt has a number from the moment it fires: facts before that name none.
        fired = reminder is not None and kind != "CHANGED" and reminder["fired_at"] is not None
        value: ReminderEvent = {
            "event_id": event_id,
            "type": kind,
            "tenant": self.tenant.id,
            "user": self.user,
            "reminder_id": reminder["reminder_id"] if reminder is not None else None,
            "message_sid": message_sid,
            "due_at": reminder["due_at"] if reminder is not None else None,
            "attempt": reminder["attempt"] if reminder is not None and fired else None,
            "try": reminder["try"] if reminder is not None and fired else None,
            "charged": charged,
            "number": reminder["number"] if reminder is not None else None,
            "reason": reason,
            "at": self.now_ms,
        }
        self.out.append(Send(EVENTS.name, self.user, "ReminderEvent", value))

    def reply(self, request: Request, text: str, kind: str = "ack", **values: object) -> None:
        """The answer to an SMS."""
        sid = request["message_sid"]
        values["subject"] = words.shorten(str(values.get("subject", "")), words.LONGEST_QUOTE)
        body, accepted_at = self.say(text, **values), request["accepted_at"]
        self.sms(body, request["to"], cause=sid, in_reply_to=sid, kind=kind, accepted_at=accepted_at)

    def ask_back(self, request: Request, reason: str, when: str = "") -> None:
        """We cannot do that as it stands: say so, with an example. `reason` is also the name of the template."""
        self.outcome(request["message_sid"], "ASKED_BACK", reason=reason)
        self.reply(request, reason, when=when)

    def sms(
        self,
        body: str,
        our_number: str,
        *,
        cause: str,
        in_reply_to: str,
        purpose: str = "ack",
        kind: str = "ack",
        accepted_at: int | None = None,
    ) -> None:
        """An SMS to the user, unless they opted out and it is not one that they still get.

        `cause` and `purpose` are its identity: the same ones are one SMS. `accepted_at`: of the SMS that it answers at
        once, to measure how long that took.
        """
        if kind not in AFTER_STOP and is_out(self.profile):
            return
        reply: SmsReply = {
            "reply_id": ids.reply_id(cause, purpose),
            "in_reply_to": in_reply_to,
            "tenant": self.tenant.id,
            "user": self.user,
            "from": our_number,
            "to": ids.user_number(self.user),
            "body": words.shorten(body, words.LONGEST_SMS),
            "kind": kind,
            "at": self.now_ms,
            "accepted_at": accepted_at,
        }
        self.out.append(Send(OUTBOUND.name, self.user, "SmsReply", reply))

    def say(self, text: str, **values: object) -> str:
        """The template `text` of the tenant's language, filled in."""
        return words.say(self.tenant.language, text, **values)

    def follow_up(self, reminder: ReminderState, text: str) -> None:
        """What a call would have said, by SMS: at most once an occurrence."""
        occurrence = ids.Occurrence(reminder["reminder_id"], reminder["due_at"])
        body = self.say(text, when=self.when(reminder["due_at"]), subject=reminder["subject"])
        self.sms(
            body,
            reminder["from"],
            cause=str(occurrence),
            in_reply_to=reminder["reminder_id"],
            purpose="follow_up",
            kind="follow_up",
        )

    def due(self, reminder: ReminderState, expires_at: int, quiet: Span | None) -> None:
        """One try to call."""
        value: ReminderDue = {
            "reminder_id": reminder["reminder_id"],
            "user": self.user,
            "tenant": self.tenant.id,
            "from": reminder["from"],
            "due_at": reminder["due_at"],
            "fire_at": reminder["fire_at"],
            "attempt": reminder["attempt"],
            "try": reminder["try"],
            "subject": reminder["subject"],
            "language": self.tenant.language,
            "expires_at": expires_at,
            "quiet_from": quiet.from_ms if quiet is not None else None,
            "quiet_until": quiet.until_ms if quiet is not None else None,
        }
        self.out.append(Send(DUE.name, self.user, "ReminderDue", value))

    def used_up(self) -> str | None:
        """The tenant's cap that forbids a call to the user now."""
        return caps.used_up(self.state, self.tenant, self.user, self.share, self.now_ms)

    def spend(self) -> None:
        """Count a call to the user under the tenant's caps."""
        caps.spend(self.state, self.tenant, self.user, self.now_ms)

    def count(self, amounts: Move) -> None:
        """Count a move of an occurrence from one class to another."""
        conservation.move(self.state, self.tenant.id, amounts)

    def end(self, key: str, reminder: ReminderState, unfired: Move = EXPIRED) -> None:
        """Nothing more will be done for this occurrence. Only one that fired can still have late evidence.

        `unfired` is what it counts as when it never fired.
        """
        for amounts in conservation.ended(reminder, unfired):
            self.count(amounts)
        if reminder["fired_at"] is None:
            forget(self.state, key, reminder, self.now_ms)
            return
        reminder["status"] = ENDED
        reminder["sids"], reminder["marks"] = {}, []
        reminder["wake_at"] = self.now_ms + ENDED_MS
        save(self.state, key, reminder)
