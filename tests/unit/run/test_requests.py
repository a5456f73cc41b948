"""What the carrier is asked for a call: by the try, and by what its tenant wants of calls."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from connectors.gateway.urls import parse_call
from infra.run.processors import Requests
from streams.calls.book import key_of, new_call
from streams.tenants import Tenant, TenantTable

DUE = {
    "reminder_id": "1c1c8b6e-aaaa-5bbb-8ccc-000000000001",
    "user": "acme|+14155550101",
    "tenant": "acme",
    "from": "+14155550100",
    "due_at": 1_000,
    "fire_at": 1_000,
    "attempt": 2,
    "try": 3,
    "subject": "buy milk",
    "language": "en",
    "expires_at": 2_000,
    "quiet_from": None,
    "quiet_until": None,
}


@pytest.mark.parametrize(
    ("fields", "voice", "on_machine", "detect"),
    [
        ({}, None, None, None),
        ({"voice": "Polly.Joanna"}, "Polly.Joanna", None, None),
        ({"on_machine": "leave_message"}, None, "leave_message", "end"),
        ({"on_machine": "hang_up_and_retry", "voice": "alice"}, "alice", "hang_up_and_retry", "start"),
    ],
)
def test_voice_and_machine_rule_travel_in_the_signed_url(
    fields: dict[str, str], voice: str | None, on_machine: str | None, detect: str | None
) -> None:
    """Detection, which costs, is asked for only where the tenant wants something done with a machine."""
    tenants = TenantTable([Tenant(id="acme", numbers=("+14155550100",), **fields)])  # type: ignore[arg-type]
    call = new_call(DUE)  # type: ignore[arg-type]
    request = Requests("https://ring.example", tenants).call(call)
    assert (request.to, request.from_, request.detect_machine) == ("+14155550101", "+14155550100", detect)
    for url in (request.url, request.fallback_url):
        target = parse_call(urlsplit(url).query)
        assert (target.key, target.tenant) == (key_of(call), "acme")
        assert (target.voice, target.on_machine) == (voice, on_machine)
    assert parse_call(urlsplit(request.status_callback).query).key == key_of(call)
