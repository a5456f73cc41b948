"""The error table, for what no peer in the behaviour suite produces."""

import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]

from connectors.carrier.errors import place_result
from streams.once.carrier import NotSent, Refused, Unknown

KEY = ConnectionKey("api.example", 443, True, True, None, None, None)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        caused(
            aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLCertVerificationError("expired")),
            ssl.SSLCertVerificationError("expired"),
        ),
        caused(aiohttp.ClientConnectorSSLError(KEY, OSError(1, "handshake")), OSError(1, "handshake")),
        caused(aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "no name")), OSError(-2, "no name")),
        aiohttp.ConnectionTimeoutError(),
        aiohttp.InvalidURL("http://"),
        aiohttp.ServerFingerprintMismatch(b"a", b"b", "api.example", 443),
    ],
    ids=lambda error: type(error).__name__,
)
def test_failures_of_connecting_prove_that_nothing_was_sent(error: Exception) -> None:
    """And the reason names the failure, not the host."""
    result = place_result(error)
    assert isinstance(result, NotSent)
    assert type(error).__name__ in result.reason
    assert "example" not in result.reason


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ServerDisconnectedError(),
        aiohttp.ClientOSError(104, "reset"),
        aiohttp.ClientConnectionResetError(),
        aiohttp.SocketTimeoutError(),
        aiohttp.ServerTimeoutError(),
        aiohttp.ClientPayloadError(),
        TimeoutError(),
        OSError(32, "broken pipe"),
        ValueError("not JSON"),
        RuntimeError("anything"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_everything_after_that_is_unknown(error: Exception) -> None:
    """Also what nobody foresaw."""
    assert isinstance(place_result(error), Unknown)


@pytest.mark.parametrize(
    ("status", "expected"),
    [(400, Refused), (401, Refused), (404, Refused), (422, Refused), (408, Unknown), (499, Unknown)]
    + [(status, Unknown) for status in (301, 307, 500, 502, 503, 504)],
)
def test_statuses(status: int, expected: type) -> None:
    """A 4xx is a refusal unless a proxy in between could have said it; 3xx and 5xx prove nothing."""
    assert isinstance(place_result(TwilioRestException(status, "/", "no", None)), expected)


def test_a_refusal_without_a_code_has_the_status() -> None:
    """So that `code` always says something."""
    assert place_result(TwilioRestException(404, "/", "no", None)) == Refused(404, "HTTP 404")
