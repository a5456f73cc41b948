"""What the gateway is told, and every bound it keeps, with its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field

BODY_CHARS = 1600  # the longest message that Twilio passes on
STOP_WAIT_S = 15.0


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """`public_url` is where the carrier reaches us, as it was told: the signature covers it."""

    public_url: str
    auth_token: str = field(repr=False)
    account_sid: str | None = None
    """Requests of another account are refused; None takes any that the token signs."""
    extra_parameters: frozenset[str] = frozenset()
    """Names that the carrier has begun to send since this release; short plain values only."""

    max_body_bytes: int = 32_768
    """1,600 characters of four bytes, each percent-encoded to three, are 19,200; the rest is 2,000."""
    read_timeout_s: float = 3.0
    delivery_wait_s: float = 11.0
    """Past the producer's own 10 s, so that its word is heard; with the read below the carrier's 15 s."""
    voice_wait_s: float = 8.0
    """Somebody is listening to silence: rather a pause and a redirect than the carrier's 15 s."""
    ready_wait_s: float = 2.0
    max_in_flight: int = 512
    """Webhooks at once; more get 503, which the carrier takes as "again, or elsewhere"."""
    stop_wait_s: float = STOP_WAIT_S
    """At the end: what is in flight may take as long as the carrier waits for it."""
