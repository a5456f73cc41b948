"""What holds of the controllers whatever the carrier does. Histories are drawn from seeds; a failure prints its own."""

from __future__ import annotations

import random

import pytest

from streams.control.breaker import OPEN_CAP_MS, PROBES, Breaker
from streams.control.concurrency import LEAST, ConcurrencyLimit
from streams.control.timeout import AdaptiveTimeout

SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_breaker_keeps_its_word_and_always_closes_again(seed: int) -> None:
    """Open: nobody goes. Half open: three at most are out. A carrier that is well again is used again within the time
    that a breaker may be open, and a little."""
    rng = random.Random(seed)
    breaker, now_ms = Breaker(str(seed)), 1_000_000
    out: list[int] = []
    for _ in range(600):
        now_ms += rng.choice((1, 50, 400, 3_000, 20_000))
        state = breaker.state(now_ms)
        if breaker.wait_ms(now_ms) == 0:
            assert state != "open"
            breaker.reserve(now_ms)
        token = breaker.enter(now_ms)
        assert (token is None) >= (state == "open")
        if token is not None:
            out.append(token)
        if state == "half_open":
            assert sum(t == breaker._opening for t in out) <= PROBES
        while out and rng.random() < 0.7:
            breaker.leave(out.pop(rng.randrange(len(out))), rng.choice((True, True, False, None)), now_ms)
    for token in out:
        breaker.leave(token, True, now_ms)
    well_since_ms = now_ms
    while breaker.state(now_ms) != "closed":
        now_ms += 200
        assert now_ms - well_since_ms < OPEN_CAP_MS + 10_000, "it stays open for ever"
        if breaker.wait_ms(now_ms) == 0:
            breaker.reserve(now_ms)
            token = breaker.enter(now_ms)
            assert token is not None
            breaker.leave(token, False, now_ms)


@pytest.mark.parametrize("seed", SEEDS)
def test_window_and_timeout_stay_within_their_bounds(seed: int) -> None:
    """Whatever is observed: never below the configured timeout, never above the caps, never closed."""
    rng = random.Random(seed)
    window, timeout, now_ms = ConcurrencyLimit(50), AdaptiveTimeout(15_000, 60_000), 0
    for _ in range(3_000):
        now_ms += rng.choice((0, 1, 700, 40_000))
        if rng.random() < 0.3:
            window.no_room(now_ms - rng.randrange(2_000), now_ms)
        else:
            window.answered(rng.randrange(1, 60))
        timeout.observe(rng.lognormvariate(6, 3), rng.random() < 0.8, now_ms)
        assert LEAST <= window.limit <= 50
        assert 15_000 <= timeout.timeout_ms(now_ms) <= 60_000


@pytest.mark.parametrize(("room", "share"), [(5, 0.25), (20, 0.05), (60, 0.01)])
def test_the_window_finds_the_room_of_the_carrier(room: int, share: float) -> None:
    """A carrier that takes `room` requests at once, each for 10 rounds, and 100 that want to go: with the window few
    requests are refused, without it most are, and it places nearly as many."""
    placed, refused = play(room, ConcurrencyLimit(100))
    free_placed, free_refused = play(room, None)
    print(f"room {room}: window {placed} placed, {refused} refused; without {free_placed}, {free_refused}")
    assert refused < share * (placed + refused)
    assert free_refused > 0.3 * (free_placed + free_refused)
    assert placed > 0.75 * free_placed


def play(room: int, window: ConcurrencyLimit | None, rounds: int = 20_000) -> tuple[int, int]:
    """Rounds of one request that wants to go, refused at once where there is no room."""
    busy: list[int] = []
    placed = refused = 0
    for now in range(1, rounds):
        while busy and busy[0] <= now:
            busy.pop(0)
            if window is not None:
                window.answered(len(busy) + 1)
        limit = window.limit if window is not None else 100
        for _ in range(10):
            if len(busy) >= limit:
                break
            if len(busy) >= room:
                refused += 1
                if window is not None:
                    window.no_room(now, now)
            else:
                placed += 1
                busy.append(now + 10)
    return placed, refused
