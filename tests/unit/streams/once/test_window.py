"""How many claims may be open at once, and who waits for room."""

from __future__ import annotations

from streams.once.window import CROWDED, EARLY_MS, LATE_MS, LEAST, MOST, RELIEVED, START, ClaimWindow, Line


def test_it_grows_while_claims_are_posted_early() -> None:
    """By one for each, so it doubles within a round, up to a bound."""
    window = ClaimWindow()
    for _ in range(START):
        window.posted(EARLY_MS, 1_000)
    assert window.size == 2 * START
    for _ in range(2 * MOST):
        window.posted(0, 1_000)
    assert window.size == MOST


def test_it_is_halved_once_a_round_that_was_late() -> None:
    """Those claimed before the last halving say nothing new; it never closes."""
    window = ClaimWindow()
    for age_ms in (LATE_MS + 1, LATE_MS + 100, LATE_MS + 200):
        window.posted(age_ms, 10_000 + age_ms)
    assert window.size == START // 2
    for round_ in range(1, 20):
        window.posted(LATE_MS + 1, 10_000 + round_ * 10_000)
    assert window.size == LEAST
    window.posted(EARLY_MS + 1, 1_000_000)
    assert window.size == LEAST, "neither early nor late"


def test_a_line_is_first_come_first_served() -> None:
    """Whoever joins again keeps the place; whoever leaves is not called up."""
    line = Line()
    for key in ("a", "b", "c", "a"):
        line.join(key)
    line.leave("b")
    assert [line.pop(), line.pop(), line.pop()] == ["a", "c", None]


def test_a_crowd_has_to_shrink_before_more_may_come() -> None:
    """Otherwise the input would be stopped and resumed for each of them."""
    line = Line()
    found = []
    for number in range(CROWDED + 1):
        line.join(str(number))
        found.append(line.crowded)
    assert found == [*[False] * CROWDED, True]
    while len(line) > RELIEVED + 1:
        line.pop()
        assert line.crowded, f"{len(line)} wait"
    line.pop()
    assert not line.crowded
