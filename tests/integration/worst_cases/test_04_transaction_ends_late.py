"""Worst case 4: the end of a transaction is held back: first the caller's own EndTxn, then the broker's markers.

A held EndTxn arrives when its sender has long given it up, thrown its producers away and begun another transaction: it
must not end that one. Held markers are the other half: the commit is decided, and nobody can see it.
"""

from __future__ import annotations

import pytest

from infra.chaos import END_TXN, WRITE_TXN_MARKERS
from tests.integration.worst_cases.world import CALLS, World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def test_the_end_of_a_transaction_is_held_back(small: World) -> None:
    """Claims and results whose commit is late, or unknown, are neither lost nor made twice."""
    proxy = small.proxies[1]
    with small.case("4 EndTxn held back") as case:
        small.run(CALLS, proxied=True)
        case.remind("warm up", in_s=1)
        case.settle()
        scale = small.scale
        for api_key, how_many, hold_s in (
            (END_TXN, 4, scale.hold_s),
            (WRITE_TXN_MARKERS, 2, scale.markers_s),
        ):
            numbers = [case.remind("stretch", in_s=1 + n) for n in range(how_many)]
            case.until("a call was asked for", lambda numbers=numbers: case.created(numbers[0]) == 1)  # type: ignore[misc]
            proxy.hold(api_key)
            case.until("it is held back", lambda key=api_key: proxy.held(key) > 0)  # type: ignore[misc]
            small.let_pass(hold_s)
            proxy.release()
        case.settle()
    small.run(CALLS)
