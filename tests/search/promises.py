"""What must hold from one state of the stage to the next. From the protocol, sharing no decision of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.search.production import USER, Evidence
from tests.search.world import Broken

State = Mapping[str, tuple[str, Mapping[str, Any]]]
RANK = {
    s: n for n, s in enumerate(("PLACED", "RINGING", "COMPLETED", "CANCELED", "FAILED", "NO_ANSWER", "BUSY"))
}


def of_a_step(before: State, after: State, sends: Iterable[Evidence]) -> Iterator[Broken]:
    yield from _goes_not_back(before, after)
    claimed = [f"c|{USER}|{key}" for key, state, _, _ in sends if state == "CLAIMED"]
    first = [key for key in claimed if key not in before or "CLAIMED" not in before[key][1]["marks"]]
    if first:
        yield from _rings_alone(after)


def _goes_not_back(before: State, after: State) -> Iterator[Broken]:
    """I9: what is known of a try only grows, and each try stands in one place, among the live or the ended."""
    for key, (_, old) in before.items():
        if key[:2] not in ("c|", "e|"):
            continue
        found = [after[place + key[1:]][1] for place in ("c", "e") if place + key[1:] in after]
        if len(found) != 1:
            yield Broken("I9", "a try has been forgotten, or stands among the live and the ended")
        elif not set(old["marks"]) <= set(found[0]["marks"]) or any(
            RANK[found[0]["sids"].get(sid, "PLACED")] < RANK[state] or sid not in found[0]["sids"]
            for sid, state in old["sids"].items()
        ):
            yield Broken("I9", "what was known of a try is not known any more")


def _rings_alone(after: State) -> Iterator[Broken]:
    """No call is claimed for a user, for the first time, while the owner knows of one that goes on."""
    for _, value in after.values():
        for sid, state in value.get("sids", {}).items():
            if RANK[state] < RANK["COMPLETED"]:
                yield Broken("ONE_CALL", f"the next call is claimed while {sid} is known to go on")
