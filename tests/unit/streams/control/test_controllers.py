"""The timeout, the window and the budget, one rule a test."""

from __future__ import annotations

import random

import pytest

from streams.control.budget import LEAST_CREDIT, RetryBudget
from streams.control.concurrency import LEAST as LEAST_LIMIT
from streams.control.concurrency import ConcurrencyLimit
from streams.control.latency import GROWTH, RecentLatency
from streams.control.timeout import LEAST, WINDOW_MS, AdaptiveTimeout

FLOOR_MS, CAP_MS = 15_000, 60_000


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_a_quantile_is_right_to_a_bucket(q: float) -> None:
    """Against the sorted values, over five orders of magnitude."""
    seed = 7
    values = [random.Random(seed * 1000 + i).lognormvariate(5, 1.5) for i in range(5_000)]
    recent = RecentLatency(WINDOW_MS)
    for value in values:
        recent.add(value, 0)
    exact = sorted(values)[int(q * len(values))]
    assert exact / GROWTH**1.5 <= recent.quantile_ms(q) <= exact * GROWTH**1.5


def test_what_is_older_than_the_window_is_forgotten() -> None:
    """And what is younger than half of it is not."""
    recent = RecentLatency(10_000)
    recent.add(500, 1_000)
    recent.turn(5_900)
    assert recent.count == 1
    recent.turn(20_000)
    assert recent.count == 0
    assert recent.quantile_ms(0.99) == 0
    recent.add(1, 20_000)
    recent.add(1, 25_000)  # another half begins: the first is still remembered
    assert recent.count == 2
    recent.turn(30_000)
    assert recent.count == 1


def observe(timeout: AdaptiveTimeout, latency_ms: float, answered: bool = True, times: int = LEAST) -> None:
    for _ in range(times):
        timeout.observe(latency_ms, answered, 0)


def test_a_quick_carrier_leaves_the_timeout_as_configured() -> None:
    """Ten milliseconds of latency are no reason to wait for less than is configured."""
    timeout = AdaptiveTimeout(FLOOR_MS, CAP_MS)
    observe(timeout, 10)
    assert timeout.timeout_ms(0) == FLOOR_MS


def test_a_slow_carrier_is_waited_for_longer_up_to_the_cap() -> None:
    """Three times the 99th percentile."""
    timeout = AdaptiveTimeout(FLOOR_MS, CAP_MS)
    observe(timeout, 8_000)
    assert 24_000 <= timeout.timeout_ms(0) <= 24_000 * GROWTH
    observe(timeout, 100_000, times=10 * LEAST)
    assert timeout.timeout_ms(2_000) == CAP_MS


def test_a_carrier_that_is_away_is_not_waited_for_longer() -> None:
    """Requests that were given up count, but not when they are most of all: that is no latency."""
    timeout = AdaptiveTimeout(FLOOR_MS, CAP_MS)
    observe(timeout, 100, answered=True)
    observe(timeout, FLOOR_MS, answered=False, times=10)
    assert timeout.timeout_ms(0) > FLOOR_MS
    observe(timeout, FLOOR_MS, answered=False)
    assert timeout.timeout_ms(2_000) == FLOOR_MS


def test_few_requests_decide_nothing() -> None:
    """Ninety-nine slow ones are not a distribution."""
    timeout = AdaptiveTimeout(FLOOR_MS, CAP_MS)
    observe(timeout, 14_000, times=LEAST - 1)
    assert timeout.timeout_ms(0) == FLOOR_MS


def test_no_room_shrinks_the_window_once_for_all_that_was_out() -> None:
    """Thirty refusals of one moment are one piece of news."""
    window = ConcurrencyLimit(100)
    assert window.no_room(sent_ms=0, now_ms=50)
    for _ in range(30):
        assert not window.no_room(sent_ms=0, now_ms=60)
    assert window.limit == 70
    assert window.no_room(sent_ms=60, now_ms=90)
    assert window.limit == 49


def test_the_window_grows_by_one_for_a_window_of_answers() -> None:
    """And only where it is used: an idle line proves nothing."""
    window = ConcurrencyLimit(100)
    window.no_room(0, 1)
    for _ in range(70):
        window.answered(in_flight=10)
    assert window.limit == 70
    for _ in range(71):
        window.answered(in_flight=70)
    assert window.limit == 71
    for _ in range(100_000):
        window.answered(in_flight=100)
    assert window.limit == 100


def test_the_window_never_closes() -> None:
    """A carrier that refuses everything is still asked, by a few at once."""
    window = ConcurrencyLimit(100)
    for now_ms in range(1, 100):
        window.no_room(now_ms, now_ms)
    assert window.limit == LEAST_LIMIT


def test_tries_again_are_a_floor_and_a_fifth_of_first_tries() -> None:
    """Over ten minutes at 4 first tries a second under a cap of 15: 5 + 0.8 a second, and the credit it began with."""
    budget, again = RetryBudget(15, 0), 0
    for now_ms in range(0, 600_000, 50):
        if now_ms % 250 == 0:
            budget.first(now_ms)
        if budget.wait_ms(now_ms) == 0:
            budget.again(now_ms)
            again += 1
    assert 600 * 5.8 * 0.95 <= again <= 600 * 5.8 + 50


def test_a_small_tenant_may_try_again_too() -> None:
    """One call a second and no traffic: ten tries at once, then one each three seconds."""
    budget = RetryBudget(1, 0)
    for _ in range(int(LEAST_CREDIT)):
        assert budget.wait_ms(0) == 0
        budget.again(0)
    assert budget.wait_ms(0) == 3_000
    assert budget.wait_ms(3_000) == 0
