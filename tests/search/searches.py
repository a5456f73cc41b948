"""The searches that are run: the short ones by `make test`, the long ones by `make search`."""

from __future__ import annotations

from tests.search.world import Bounds

OWNERS = {
    "takeover": 2,
    "abort": 1,
    "unknown commit": 1,
    "redis loss": 1,
    "redis reply": 1,
    "request": 1,
    "question": 1,
    "callback": 1,
    "pause": 1,
}
ALL = {**OWNERS, "gateway": 1, "cancel": 1}
ANSWER_GATE = {"redis loss": 1, "takeover": 1, "redis reply": 1, "gateway": 1}

SHORT = (
    Bounds("one try", 2, OWNERS, picks_up=False),
    Bounds("two tries", 2, OWNERS, tries=2, picks_up=False),
    Bounds("the whole life of a call", 1, ALL),
    Bounds("the answer gate", 2, ANSWER_GATE, two_calls=True, at_once=True),
    Bounds("two calls of one request", 1, {"doubled": 1}, attempts=2, picks_up=False),
)
# The life of a call after it was picked up, where two faults meet.
PHONE = {"request": 1, "callback": 1, "gateway": 1, "cancel": 1}

LONG = (
    Bounds("one try, three faults", 3, OWNERS, picks_up=False),
    Bounds("two tries, three faults", 3, {**OWNERS, "takeover": 1}, tries=2, picks_up=False),
    Bounds("the whole life of a call, two faults", 2, PHONE),
    Bounds("the answer gate, three faults", 3, ANSWER_GATE, two_calls=True, at_once=True),
    Bounds(
        "two calls of one request, one more fault",
        2,
        {"doubled": 1, "request": 1},
        attempts=2,
        picks_up=False,
    ),
    # A policy that rings again: more than one call, and still one hearing.
    Bounds("redial, and both are picked up", 1, {"request": 1}, attempts=2, redial=True),
)
