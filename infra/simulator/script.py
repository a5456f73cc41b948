"""What people and networks do, written down: behaviours of numbers and faults. JSON in, checked structs out.

The words are explained in README.md; an unknown field or a combination without meaning is an error that says so.
"""

from pathlib import Path
from typing import Literal

import msgspec

from infra.simulator.settings import Account

Outcome = Literal["answer", "machine", "busy", "no-answer", "reject", "failed"]


class CallStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one ringing of a phone comes to.

    `after_s`: from ringing to the outcome (no-answer: the ring timeout of the call unless given).
    `hang_up_after_s`: the callee leaves that long after answering. `digits`: one key press per Gather.
    """

    outcome: Outcome = "answer"
    after_s: float | None = None
    hang_up_after_s: float | None = None
    digits: tuple[str, ...] = ()


class MessageStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one message comes to. `error_code` is Twilio's (30003 unreachable, 30007 filtered …)."""

    outcome: Literal["delivered", "undelivered", "failed"] = "delivered"
    error_code: int | None = None


class Behaviour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number (or `*`): the nth call takes the nth step, and the last step stays. So two no-answers and an
    answer are `[{"outcome": "no-answer"}, {"outcome": "no-answer"}, {"outcome": "answer"}]`."""

    number: str
    calls: tuple[CallStep, ...] = (CallStep(),)
    messages: tuple[MessageStep, ...] = (MessageStep(),)

    def __post_init__(self) -> None:
        if not self.calls or not self.messages:
            raise ValueError(f"behaviour of {self.number}: an empty list of steps")


Kind = Literal["calls", "messages", "callback", "voice", "sms"]
Action = Literal[
    "respond", "drop", "act_then_drop", "act_then_respond", "slow", "garble", "duplicate", "delay", "shuffle"
]
API_KINDS = frozenset({"calls", "messages"})
API_ACTIONS = frozenset({"respond", "drop", "act_then_drop", "act_then_respond", "slow", "garble"})
WEBHOOK_ACTIONS = frozenset({"drop", "duplicate", "delay", "shuffle"})


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule: what it matches, from which match on and how often, and what is done then."""

    kind: Kind
    action: Action
    # what it matches; None: any
    op: Literal["create", "fetch", "list", "update"] | None = None
    to: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    event: str | None = None  # of a callback: initiated ringing answered completed, or a message's status
    # when
    nth: int = 1  # the first match it acts on
    count: int | None = 1  # how many from there; null: all
    probability: float = 1.0
    # what
    status: int = 500
    code: int | None = None
    retry_after_s: float | None = None
    before_s: float = 0.0
    after_s: float = 0.0
    delay_s: float = 0.0
    copies: int = 2
    spread_s: float = 0.5

    def __post_init__(self) -> None:
        allowed = API_ACTIONS if self.kind in API_KINDS else WEBHOOK_ACTIONS
        if self.kind == "voice":  # a call asks for one document at a time: there is nothing to shuffle
            allowed = allowed - {"shuffle"}
        if self.action not in allowed:
            raise ValueError(f"a fault on {self.kind} cannot be {self.action!r}; it can: {sorted(allowed)}")
        if self.nth < 1 or (self.count is not None and self.count < 1) or self.copies < 1:
            raise ValueError("nth, count and copies count from 1")
        if self.action == "slow" and not (self.before_s or self.after_s):
            raise ValueError("a slow fault needs before_s or after_s")
        if self.kind not in API_KINDS and self.op is not None:
            raise ValueError(f"a fault on {self.kind} has no op")

    @property
    def acts(self) -> bool:
        """Whether the request it spoils is carried out all the same."""
        return self.action in {"act_then_drop", "act_then_respond", "slow", "garble"}


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of `--script`: all of it optional."""

    accounts: tuple[Account, ...] = ()
    behaviours: tuple[Behaviour, ...] = ()
    faults: tuple[Fault, ...] = ()


def load_script(path: Path) -> Script:
    """Raises msgspec.ValidationError, which names the field, or OSError."""
    return msgspec.json.decode(path.read_bytes(), type=Script)
