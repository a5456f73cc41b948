"""Who is spoken to by HTTP: the carrier, our gateway as the carrier sees it, the schema registry."""

from __future__ import annotations

import base64
import urllib.error
import urllib.request
from collections.abc import Iterator

from connectors.settings import Settings, mask_url
from infra.cli.checks import TIMEOUT_S, Finding


def get(url: str, user: str | None = None, password: str | None = None) -> int:
    """The status of one GET, 4xx and 5xx included. Raises OSError when nobody answers."""
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    if user is not None:
        token = base64.b64encode(f"{user}:{password or ''}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return int(error.code)
    except (urllib.error.URLError, ConnectionError) as error:
        raise OSError(str(getattr(error, "reason", error))) from error


def carrier(settings: Settings) -> Iterator[Finding]:
    url, sid = settings.twilio_base_url, settings.twilio_account_sid
    if sid is None or settings.twilio_auth_token is None:
        missing = "TWILIO_ACCOUNT_SID" if sid is None else "TWILIO_AUTH_TOKEN"
        advice = "set both, or let `ringback up` start a simulated carrier"
        yield Finding("carrier", "fail", f"{missing} is not set", advice)
        return
    try:
        # Listing is the one thing that every account and every compatible server can do without any effect.
        status = get(
            f"{url}/2010-04-01/Accounts/{sid}/Calls.json?PageSize=1", sid, settings.twilio_auth_token
        )
    except OSError as error:
        advice = "calls wait until it is back; is TWILIO_BASE_URL right?"
        yield Finding("carrier", "unreachable", f"{url} does not answer: {error}", advice)
        return
    if status == 200:
        yield Finding("carrier", "ok", f"{url} takes the credentials of {sid[:6]}…")
    elif status in (401, 403):
        advice = "check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
        yield Finding("carrier", "fail", f"{url} refuses the credentials ({status})", advice)
    else:
        yield Finding("carrier", "unreachable", f"{url} answers {status}", "ask the carrier; calls wait")


def gateway(settings: Settings) -> Iterator[Finding]:
    url = settings.public_url
    if url is None:
        advice = "set it to where the carrier reaches `ringback gateway`"
        yield Finding("gateway", "fail", "PUBLIC_URL is not set", advice)
        return
    try:
        status = get(f"{url}/healthz")
        ready = get(f"{url}/readyz")
    except OSError as error:
        advice = "start `ringback gateway`, or correct PUBLIC_URL; the carrier repeats its webhooks only for a while"
        yield Finding("gateway", "unreachable", f"{url} does not answer: {error}", advice)
        return
    if status != 200:
        yield Finding("gateway", "fail", f"{url}/healthz answers {status}", "is that a Ringback gateway?")
    elif ready != 200:
        yield Finding(
            "gateway", "fail", f"{url}/readyz answers {ready}", "it waits for Kafka or Redis, see there"
        )
    else:
        yield Finding("gateway", "ok", f"{url} is ready")


def registry(settings: Settings) -> Iterator[Finding]:
    url = settings.schema_registry_url
    if url is None:
        return
    try:
        status = get(f"{url}/subjects")
    except OSError as error:
        advice = "start it; records of unknown schemas are held until it is back"
        yield Finding("registry", "unreachable", f"{mask_url(url)} does not answer: {error}", advice)
        return
    if status == 200:
        yield Finding("registry", "ok", f"{mask_url(url)} answers")
    else:
        advice = "SCHEMA_REGISTRY_URL must point at the Confluent API"
        yield Finding("registry", "fail", f"{mask_url(url)}/subjects answers {status}", advice)
