"""What a simulator is told at its start. Everything that changes while it runs is in script.py."""

import msgspec

DEMO_ACCOUNT_SID = "AC" + "5" * 32
DEMO_AUTH_TOKEN = "simulated-auth-token"


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer of the carrier. The caps pace what was accepted, as Twilio does; None: no pacing.

    `sms_url` is where texts to this account's numbers are posted when the text names no URL.
    """

    sid: str = DEMO_ACCOUNT_SID
    token: str = DEMO_AUTH_TOKEN
    calls_per_second: float | None = 1.0  # what every real account starts with
    messages_per_second: float | None = None
    sms_url: str | None = None


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Times in seconds. `speed` divides what people and networks take (ringing, speaking), not what we wait for
    servers; so a demo need not sit through a minute of ringing."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    admin_port: int | None = None  # a second door that stays open during `pause`; 0: any free one
    accounts: tuple[Account, ...] = (Account(),)
    speed: float = 1.0
    dial_s: float = 0.02  # from leaving the queue to ringing
    answer_after_s: float = 0.5  # from ringing, where a number's behaviour names no other time
    say_chars_per_s: float = 100.0
    key_wait_s: float = (
        60.0  # the longest wait at a Gather for a key that does not come, if its timeout is longer
    )
    sent_after_s: float = 0.02  # a message: from queued to sent
    delivered_after_s: float = 0.05  # from sent to delivered
    webhook_timeout_s: float = 15.0  # Twilio's own
    webhook_connections: int = 200
    queue_limit: int = 100_000  # calls (or messages) waiting for their pace, per account; beyond it: 429
    max_records: int = 200_000  # calls and messages kept each; the oldest that ended are forgotten
    max_truth: int = 1_000_000  # ground-truth events kept in memory; the file keeps all
    truth_file: str | None = None
    seed: int = 0  # of the only chance there is: rules with a probability, and shuffles
