"""The circuit breaker, one rule a test; what must hold in any history is in tests/property/control."""

from __future__ import annotations

from streams.control.breaker import (
    LEAST_FAILURES,
    OPEN_CAP_MS,
    PLAIN,
    PROBES,
    RESERVED_MS,
    WINDOW_MS,
    Breaker,
)


def fail(breaker: Breaker, times: int, now_ms: int = 0) -> None:
    for _ in range(times):
        token = breaker.enter(now_ms)
        assert token is not None
        breaker.leave(token, True, now_ms)


def opened(now_ms: int = 0) -> tuple[Breaker, int]:
    """An open breaker, and when it will be half open."""
    breaker = Breaker("m1")
    fail(breaker, LEAST_FAILURES, now_ms)
    return breaker, now_ms + breaker.wait_ms(now_ms)


def test_it_opens_at_five_failures_that_are_half_of_the_window() -> None:
    """Four failures are bad luck; five among eleven requests are a minority."""
    breaker = Breaker()
    fail(breaker, LEAST_FAILURES - 1)
    assert breaker.state(0) == "closed"
    assert breaker.wait_ms(0) == 0
    fail(breaker, 1)
    assert breaker.state(0) == "open"
    assert breaker.wait_ms(0) > 0
    assert breaker.enter(0) is None

    busy = Breaker()
    for _ in range(6):
        busy.leave(PLAIN, False, 0)
    fail(busy, 5)
    assert busy.state(0) == "closed"


def test_failures_of_another_half_minute_do_not_count() -> None:
    """Four failures, a window's pause, four failures: still closed."""
    breaker = Breaker()
    fail(breaker, 4, 0)
    fail(breaker, 4, WINDOW_MS)
    assert breaker.state(WINDOW_MS) == "closed"
    fail(breaker, 1, WINDOW_MS)
    assert breaker.state(WINDOW_MS) == "open"


def test_what_says_nothing_about_the_carrier_counts_neither_way() -> None:
    """A 429 is neither health nor failure."""
    breaker = Breaker()
    for _ in range(100):
        breaker.leave(PLAIN, None, 0)
    fail(breaker, LEAST_FAILURES)
    assert breaker.state(0) == "open"


def test_half_open_lets_few_through_and_closes_when_they_went_well() -> None:
    """Three probes at a time; three that went well close it."""
    breaker, at_ms = opened()
    tokens = [breaker.enter(at_ms) for _ in range(PROBES)]
    assert None not in tokens
    assert breaker.enter(at_ms) is None
    for token in tokens:
        assert breaker.state(at_ms) == "half_open"
        assert token is not None
        breaker.leave(token, False, at_ms)
    assert breaker.state(at_ms) == "closed"
    assert breaker.closed_at == at_ms


def test_a_probe_that_fails_opens_it_for_longer() -> None:
    """Each time for up to twice as long, at most a minute."""
    breaker, at_ms = opened()
    longest = 0
    for _ in range(12):
        token = breaker.enter(at_ms)
        assert token is not None
        breaker.leave(token, True, at_ms)
        assert breaker.state(at_ms) == "open"
        wait_ms = breaker.wait_ms(at_ms)
        longest = max(longest, wait_ms)
        at_ms += wait_ms
    assert OPEN_CAP_MS / 2 <= longest <= OPEN_CAP_MS


def test_an_answer_from_before_decides_nothing_while_half_open() -> None:
    """A request of the outage that times out now must not prolong it, nor must a late success end it."""
    breaker, at_ms = opened()
    for failed in (True, False, False, False):
        breaker.leave(PLAIN, failed, at_ms)
    assert breaker.state(at_ms) == "half_open"


def test_claims_are_let_through_only_for_probes() -> None:
    """While half open no more attempts are claimed than can be sent; a claim that sends nothing lapses."""
    breaker, at_ms = opened()
    for _ in range(PROBES):
        assert breaker.wait_ms(at_ms) == 0
        breaker.reserve(at_ms)
    assert breaker.wait_ms(at_ms) > 0
    assert breaker.enter(at_ms) is not None  # one of those claims: it takes the place that was kept for it
    assert breaker.wait_ms(at_ms) > 0
    assert breaker.wait_ms(at_ms + RESERVED_MS) == 0


def test_a_refused_account_opens_it_at_once_for_long() -> None:
    """No five users are burnt to learn that the account is suspended."""
    breaker = Breaker()
    breaker.trip(0, "carrier error 20003")
    assert breaker.state(0) == "open"
    assert breaker.wait_ms(0) >= OPEN_CAP_MS / 2
    assert "20003" in breaker.because


def test_members_do_not_probe_in_one_moment() -> None:
    """Of ten members that fail together no two ask again in the same millisecond."""
    waits = []
    for number in range(10):
        breaker = Breaker(f"m{number}")
        fail(breaker, LEAST_FAILURES)
        waits.append(breaker.wait_ms(0))
    assert len(set(waits)) == len(waits)
