"""From a POST to checked parameters: bounded, in time, signed, of known names and shapes; else Refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from connectors.carrier.signature import HEADER, signature_is_valid
from connectors.gateway.limits import GatewaySettings
from connectors.gateway.parameters import Form
from connectors.gateway.refusals import Refused, bad_request

CONTENT_TYPE = "application/x-www-form-urlencoded"
MAX_PARAMETERS = 100  # the carrier sends up to fifty


@dataclass(frozen=True, slots=True)
class Webhook:
    """A signed request: its parameters, and the query string of the URL that we gave out."""

    form: Mapping[str, str]
    query: str


async def read_webhook(request: Request, settings: GatewaySettings, form: Form) -> Webhook:
    """Read and check one webhook. Raises Refused.

    413, 415 and 408 for what is too large, of another type or too slow; 403 for a wrong signature; 400 for what
    was signed and is still not what the carrier sends.
    """
    query = request.scope["query_string"].decode("latin-1")
    signature = request.headers.get(HEADER)
    if signature is None:
        raise Refused(403, "no_signature", f"the header {HEADER} is missing")
    pairs = _parse(await _read(request, settings))
    # The signature joins the values of a repeated name in an order of its own: it has no one meaning.
    repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if repeated:
        raise bad_request("repeated_parameter", "a parameter comes more than once")
    url = settings.public_url.rstrip("/") + request.url.path + (f"?{query}" if query else "")
    if not signature_is_valid(settings.auth_token, url, pairs, signature):
        raise Refused(403, "wrong_signature", "not signed by the carrier for this URL; is PUBLIC_URL right?")
    checked = form.check(pairs, settings.extra_parameters)
    if settings.account_sid is not None and checked["AccountSid"] != settings.account_sid:
        raise Refused(403, "other_account", "signed for another account")
    return Webhook(checked, query)


async def _read(request: Request, settings: GatewaySettings) -> bytes:
    """The body, of the right type, within the limits of size and time."""
    kind, *parameters = (part.strip().lower() for part in request.headers.get("content-type", "").split(";"))
    if kind != CONTENT_TYPE or parameters not in ([], ["charset=utf-8"]):
        raise Refused(415, "content_type", f"only {CONTENT_TYPE} in UTF-8")
    limit = settings.max_body_bytes
    too_large = Refused(413, "too_large", f"more than {limit} bytes")
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(settings.read_timeout_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_large
    except TimeoutError:
        raise Refused(408, "too_slow", f"the body took longer than {settings.read_timeout_s} s") from None
    except ClientDisconnect:
        raise bad_request("disconnected", "the client went away") from None
    return bytes(body)


def _parse(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:  # UnicodeDecodeError is one
        raise bad_request("malformed", f"the body is not {CONTENT_TYPE} in UTF-8") from None
