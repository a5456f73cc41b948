"""What must add up adds up, in the figures as Prometheus has them, after a day on which everything went wrong."""

from __future__ import annotations

import pytest

from tests.integration.monitoring.run import ObservedRun

pytestmark = [pytest.mark.integration, pytest.mark.needs("prometheus"), pytest.mark.timeout(240)]


def by_tenant(run: ObservedRun, metric: str, *labels: str) -> dict[tuple[str, ...], float]:
    """The sum over all members, by tenant and `labels`."""
    found = run.prometheus.query(f"sum by ({', '.join(('tenant', *labels))}) ({metric})")
    return {tuple(each[name] for name in ("tenant", *labels)): value for each, value in found}


def test_every_occurrence_stands_somewhere(observed: ObservedRun) -> None:
    """None was lost or made up, on the healthy member and on the one that was fenced; no user was called twice."""
    assert by_tenant(observed, "ringback_reminders_unaccounted") == {("sunrise",): 0, ("harbour",): 0}
    stands = by_tenant(observed, "ringback_reminders", "class")
    assert stands["sunrise", "accepted"] == sum(
        stands["sunrise", kind] for kind in ("pending", "fired", "cancelled", "expired", "dead")
    )
    assert stands["sunrise", "accepted"] > 10
    assert observed.prometheus.query("sum(ringback_duplicate_calls_total) != 0") == []


def test_what_is_owed_is_what_is_charged(observed: ObservedRun) -> None:
    """The timer stream's count of charges is billing's, for each tenant and kind."""
    owed = by_tenant(observed, "ringback_charges_owed", "kind")
    assert owed == by_tenant(observed, "ringback_charges", "kind")
    assert owed["sunrise", "answered"] > 5
    assert owed["harbour", "answered"] == 1
