"""Worst case 10: a bit of the local store turns over, in a reminder that waits and in a call that rings.

The bit is flipped in the file under the running process (the store is mapped into its memory), in the words that the
call is to say: the most harmful place, as everything but a checksum would believe it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.worst_cases.world import ANSWER, CALLS, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def flip_a_bit(folder: Path, words: str) -> int:
    """One bit of each copy of these words in the stores below; returns how many there were."""
    found = 0
    for file in folder.rglob("*.lmdb"):
        with file.open("r+b") as store:
            content = store.read()
            at = content.find(words.encode())
            while at >= 0:
                store.seek(at)
                store.write(bytes([content[at] ^ 0x01]))
                found += 1
                at = content.find(words.encode(), at + 1)
    return found


def test_a_bit_of_the_store_turns_over(small: World) -> None:
    """What is not what was written is not used: the store is thrown away, and the changelog brings the state back."""
    with small.case("10 store bit flip") as case:
        small.rest()
        waits = case.remind("water the bonsai", in_s=10)  # further ahead than timers are rehearsed
        case.until("one waits", lambda: "SCHEDULED" in case.facts(waits))
        assert flip_a_bit(small.folder / "others", "water the bonsai")
        rings = case.remind("feed the axolotl", in_s=1, phone={**ANSWER, "after_s": 6})
        case.until("one rings", lambda: "RINGING" in case.states(rings))
        assert flip_a_bit(small.folder / CALLS, "feed the axolotl")
    for name in ("others", CALLS):
        log = small.child(name).log.read_text()
        assert "is not what was written" in log, f"{name} has not noticed"
