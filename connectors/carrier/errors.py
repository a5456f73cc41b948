"""The error table: what each failure of placing a call or a message *proves*. The one place that decides.

| what happened                                        | result  | why                                        |
|------------------------------------------------------|---------|--------------------------------------------|
| 201 with a sid                                       | Placed  |                                            |
| no connection: DNS, refused, unreachable, TLS,       | NotSent | aiohttp raises these while it connects:    |
| connect timeout, none free in time, unusable URL     |         | no byte of the request was written         |
| 429                                                  | NotSent | the carrier counts before it acts          |
| 408, 499                                             | Unknown | a proxy says so, too, having passed it on  |
| any other 4xx                                        | Refused | the carrier read it and says no            |
| 5xx, 3xx, a 2xx that is unreadable or has no sid     | Unknown | it does not say whether the carrier acted  |
| read timeout, reset, closed while waiting, all else  | Unknown | the request was, or may have been, sent    |
"""

import errno

import aiohttp
from twilio.base.exceptions import (  # type: ignore[import-untyped]
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)
from twilio.http.response import Response  # type: ignore[import-untyped]

from connectors.carrier.http import ThrottledError
from streams.once.carrier import THROTTLED, NotSent, PlaceResult, Refused, Unknown

# Raised by aiohttp's connector only, before the request is handed a connection. ClientConnectorError covers
# DNS, refusal, TLS handshake and certificate; each is checked by a test against a peer that behaves so.
NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
)
MAYBE_PASSED_ON = frozenset({408, 499})


def place_result(error: Exception) -> PlaceResult:
    """The result of a placing request that ended with `error`."""
    if isinstance(error, ThrottledError):
        return NotSent(THROTTLED, error.retry_after_s)
    if isinstance(error, NEVER_SENT):
        return NotSent(describe(error))
    if isinstance(error, TwilioRestException | TwilioServiceException):
        status = int(error.status)
        if 400 <= status < 500 and status not in MAYBE_PASSED_ON:
            return Refused(error.code or status, describe(error))
    return Unknown(describe(error))


def describe(error: Exception) -> str:
    """One line that names the failure without URL, number or text: it goes into logs and records."""
    if isinstance(error, TwilioRestException | TwilioServiceException):
        return f"HTTP {error.status}" + (f", carrier error {error.code}" if error.code else "")
    if isinstance(error, TwilioException) and isinstance(error.args[-1], Response):
        return f"HTTP {error.args[-1].status_code}"  # of a page of a list
    if isinstance(error, aiohttp.ClientConnectorError):
        number = getattr(error.__cause__, "errno", None)
        name = errno.errorcode.get(number) if isinstance(number, int) else None
        return f"{type(error).__name__}: {name or type(error.__cause__).__name__}"
    return type(error).__name__
