"""Worst case 9: the machine's clock is set an hour ahead, under running stages, and before they start.

Running, they carry time on by a steady clock, and the broker agrees with it. Started on the wrong clock they are
contradicted by the broker, and hold their timers until the clock is set right. The clock is injected into the processes
(member.py), as a machine's clock cannot be set for some of its processes only.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.worst_cases.world import CALLS, OTHERS, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def set_clock(file: Path, off_s: float) -> None:
    """Readers see the old value or the new one, never half of it."""
    new = file.with_suffix(".new")
    new.write_text(str(off_s))
    new.replace(file)


def test_the_clock_is_an_hour_ahead(small: World, tmp_path: Path) -> None:
    """Nobody is called early, or taken for late; nothing that fell due on the wrong clock is lost."""
    clock = tmp_path / "off_s"
    with small.case("9 clock +1 h") as case:
        set_clock(clock, 0)
        small.run("others", *OTHERS, clock_file=clock)
        small.run(CALLS, clock_file=clock)
        numbers = [case.remind("stretch", in_s=seconds) for seconds in (3, 4, 5, 6)]
        case.until("all are scheduled", lambda: all("SCHEDULED" in case.facts(n) for n in numbers))
        set_clock(clock, 3_600)
        case.settle()
        assert all("ANSWERED" in case.facts(number) for number in numbers), "a jump neither loses nor delays"

        held = case.remind("breathe", in_s=4)
        case.until("it is scheduled", lambda: "SCHEDULED" in case.facts(held))
        small.run("others", *OTHERS, clock_file=clock)
        small.run(CALLS, clock_file=clock)
        said = "timers are held"
        case.until("the broker has contradicted", lambda: said in small.child("others").tail(50))
        set_clock(clock, 0)
        case.settle()
        assert "ANSWERED" in case.facts(held)

        # And where only the caller's machine is wrong, which gets its work from one that is right.
        small.run("others", *OTHERS)
        set_clock(clock, 3_600)
        small.run(CALLS, clock_file=clock)
        case.until("the broker has contradicted", lambda: said in small.child(CALLS).tail(50))
        due = case.remind("walk", in_s=1)
        case.until("it is due", lambda: "FIRED" in case.facts(due))
        set_clock(clock, 0)
        case.settle()
        assert "ANSWERED" in case.facts(due)
    small.run(CALLS)
