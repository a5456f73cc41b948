"""How long to wait before the next try: full jitter, without a random number generator.

A processor has no randomness (a replay must decide the same), so the draw is a hash of the name of what is
retried. Different names spread as evenly as random numbers would, which is all that jitter is for.
"""

from __future__ import annotations

from hashlib import blake2b

_SPAN = 1 << 64


def full_jitter_ms(seed: str, round_: int, base_ms: int, cap_ms: int) -> int:
    """A wait in ms, evenly spread over [0, min(cap_ms, base_ms * 2**round_)).

    `round_` counts from 0: how many waits there were before. Formula: "Exponential Backoff And Jitter", AWS
    Architecture Blog 2015, full jitter: of the jitters compared there the one that makes the fewest calls.
    """
    # 2**40 ms are 34 years; a greater power would only make big integers.
    ceiling = min(cap_ms, base_ms << min(round_, 40))
    draw = int.from_bytes(blake2b(f"{seed}#{round_}".encode(), digest_size=8).digest(), "big")
    return draw * ceiling // _SPAN
