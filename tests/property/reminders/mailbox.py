"""What users text and what the carrier tells, waiting to be read: the sending half of the timer stream's world."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from streams.phrases.when import When
from streams.tenants import Tenant, TenantTable
from streams.topology import CALLS, REQUESTS
from tests.property.reminders.model import DAY, MINUTE, SECOND, Model, Rules, User
from tests.property.reminders.partition import Fault, JumpingClock, Partition

BEGIN = 1_795_000_000_000
GRACE = 15 * MINUTE
TENANTS = [
    Tenant(
        id="acme",
        numbers=("+14155550100",),
        flood_sms_per_minute=None,  # the model knows no limits
        reminders_per_user_per_day=None,
        confirm_first_contact=False,
        max_attempts=3,
        retry_backoff_s=60,
        late_grace_s=900,
    ),
    Tenant(
        id="beta",
        numbers=("+14155550200",),
        flood_sms_per_minute=None,
        reminders_per_user_per_day=None,
        confirm_first_contact=True,
        max_attempts=1,
        retry_backoff_s=5,
        late_grace_s=900,
    ),
]
USERS = ["acme|+14155550101", "acme|+14155550102", "beta|+14155550101"]
# What is read of one try: these, in any order. An ANSWERED may follow what was no end after all.
SCRIPTS = [
    ["NOT_SENT"],
    ["BUSY"],
    ["PLACED", "BUSY"],
    ["NOT_PLACED"],
    ["NOT_SENT", "ANSWERED"],
    ["BUSY", "ANSWERED"],
    ["NOT_PLACED", "ANSWERED"],
    ["PLACED", "ANSWERED", "TOLD", "COMPLETED"],
    ["ANSWERED", "COMPLETED"],
]
DELAYS = st.sampled_from([2 * SECOND, 2 * SECOND, 10 * SECOND, 2 * MINUTE, 3 * DAY, 60 * DAY])
Input = tuple[str, str, dict[str, Any]]
WORDS = ("stop", "start", "yes")


class Mailbox(RuleBasedStateMachine):
    """What users and the carrier have sent, and who they are; whoever derives from it says when it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="timer-stream-")
        self.clock = JumpingClock(BEGIN)
        self.partition = Partition(Path(self.folder.name), TenantTable(TENANTS), self.clock)
        rules = {
            t.id: Rules(t.confirm_first_contact, t.max_attempts, round(t.retry_backoff_s * 1000), GRACE)
            for t in TENANTS
        }
        self.model = Model({user: User(rules[user.partition("|")[0]]) for user in USERS})
        self.mailbox: list[Input] = []
        self.sent: list[Input] = []
        self.texts = 0
        self.asked: set[tuple[str, str]] = set()
        self.sids: dict[str, str] = {}  # reminder_id -> the SMS that asked for it
        self.unscripted: list[dict[str, Any]] = []  # tries of which nothing was heard
        self.tries: set[tuple[str, int, int, int]] = set()

    # -- what is sent

    def deliver(self, taken: int, faults: list[Fault]) -> None:
        """Have the first `taken` of the mailbox read."""
        raise NotImplementedError

    def text(self, user: str, command: str, **fields: Any) -> None:
        self.texts += 1
        delay = fields.pop("delay", None)
        value = {
            "message_sid": f"SM{self.texts}",
            "tenant": user.partition("|")[0],
            "user": user,
            "from": user.partition("|")[2],
            "to": "+14155550100",
            "received_at": self.clock.now,
            "text": "",
            "command": command,
            "subject": "milk",
            "when": When(in_seconds=delay // SECOND).to_record() if delay is not None else None,
            "number": None,
            "zone": None,
        }
        self.asked.add((f"SM{self.texts}", command))
        self.mailbox.append((REQUESTS.name, "Request", value | fields))

    @rule(user=st.sampled_from(USERS), delay=DELAYS)
    def remind(self, user: str, delay: int) -> None:
        self.text(user, "remind", delay=delay)

    @rule(user=st.sampled_from(USERS), number=st.sampled_from([1, 1, 2, 3]))
    def cancel(self, user: str, number: int) -> None:
        self.text(user, "cancel", number=number)

    @rule(user=st.sampled_from(USERS), number=st.sampled_from([1, 1, 2]), delay=DELAYS)
    def snooze(self, user: str, number: int, delay: int) -> None:
        self.text(user, "snooze", number=number, delay=delay)

    @rule(user=st.sampled_from(USERS))
    def list_them(self, user: str) -> None:
        self.text(user, "list")

    @rule(user=st.sampled_from(USERS), word=st.sampled_from(["stop", "start", "start", "yes", "yes", "yes"]))
    def say(self, user: str, word: str) -> None:
        waiting = [v for _, _, v in self.mailbox if v["user"] == user and v.get("command") in WORDS]
        if len(self.model.users[user].words) + len(waiting) < 8:  # of more the oldest is forgotten
            self.text(user, word)

    @precondition(lambda self: self.unscripted)
    @rule(data=st.data(), script=st.sampled_from(SCRIPTS), sudden=st.booleans())
    def carrier_acts(self, data: Any, script: list[str], sudden: bool) -> None:
        """One try comes to its end, or is answered."""
        self.play(data.draw(st.integers(0, len(self.unscripted) - 1)), script)
        if sudden:
            self.deliver(len(self.mailbox), [])

    def play(self, place: int, script: list[str]) -> None:
        due = self.unscripted.pop(place)
        known = {name: due[name] for name in ("reminder_id", "user", "tenant", "due_at", "attempt", "try")}
        rest = {"epoch": None, "digits": None, "reason": None, "code": None, "at": self.clock.now}
        for state in script:
            sid = None if state in ("NOT_SENT", "NOT_PLACED") else "CA{attempt}.{try}".format(**due)
            self.mailbox.append((CALLS.name, "CallEvent", known | rest | {"state": state, "call_sid": sid}))

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_a_copy(self, data: Any) -> None:
        """Anything that was read before comes again, at any time later."""
        self.mailbox.append(data.draw(st.sampled_from(self.sent)))
