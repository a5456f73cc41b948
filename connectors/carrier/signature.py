"""X-Twilio-Signature: how a webhook proves that it comes from the carrier.

HMAC-SHA1 with the account's auth token over the URL followed by each parameter's name and value, sorted by
name, in base64 (Twilio, "Webhooks security"; computed by the official `RequestValidator`). It covers neither
the borders between parameters nor the method: `Body=a&From=b` and `Bodya=&Fromb=` sign alike. Whoever checks
it must also hold the names against an allow-list.
"""

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

from multidict import MultiDict
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

HEADER = "X-Twilio-Signature"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def compute_signature(token: str, url: str, params: Iterable[tuple[str, str]]) -> str:
    """The signature of a form POST to `url` with `params` as (name, value) pairs, in any order."""
    signature: str = RequestValidator(token).compute_signature(url, MultiDict(params))
    return signature


def signature_is_valid(token: str, url: str, params: Iterable[tuple[str, str]], signature: str) -> bool:
    """Whether `signature` proves that `url`, as the carrier was told it, was called with `params`.

    The carrier signs some URLs with the port and some without, so both are tried, as the official validator
    does (which reads an IPv6 host wrongly and compares in variable time: hence not its `validate`).
    """
    pairs = list(params)
    given = signature.encode("utf-8", "replace")
    valid = False
    for candidate in _with_and_without_port(url):
        expected = compute_signature(token, candidate, pairs).encode()
        valid |= hmac.compare_digest(expected, given)
    return valid


def _with_and_without_port(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return (url,)
    host = parts.netloc.rpartition("@")[2]
    user = parts.netloc[: len(parts.netloc) - len(host)]
    bare = host[: -len(f":{port}")] if port is not None and host.endswith(f":{port}") else host
    shown = port if port is not None else _DEFAULT_PORTS.get(parts.scheme)
    # The URL as given comes first; urlunsplit may normalise an empty query or fragment away.
    others = [bare] if shown is None else [bare, f"{bare}:{shown}"]
    forms = [url, *(urlunsplit(parts._replace(netloc=user + other)) for other in others)]
    return tuple(dict.fromkeys(forms))
