"""The transport under the official `twilio` client: one request, sent at most once, with real timeouts.

Why not twilio's own AsyncTwilioHttpClient: it hands `timeout=None` to every request, which in aiohttp means
*no* timeout, whatever the session says; it logs URLs with phone numbers at INFO; it drops the headers of an
error (Retry-After).

What could repeat a request, layer by layer, and what is done about it:
- twilio: `max_retries` wraps the session in aiohttp_retry; not used here.
- aiohttp: repeats idempotent methods once when a kept-alive connection turns out closed. POST is not one.
- the kept-alive connection itself: a POST written to a connection that the peer has just closed cannot be
  told from one that was read and not answered, and is UNKNOWN. So a POST takes only a connection whose last answer
  is at most `Timeouts.fresh_s` old: under load they are shared, which saves two fifths of the CPU and the handshakes
  of TLS, and otherwise each has its own, so that idleness never makes an unknown result. Reads may be repeated, so
  they share connections for longer.
- redirects: never followed.
"""

import base64
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]
from twilio.http.response import Response  # type: ignore[import-untyped]

from connectors.carrier import form

_log = logging.getLogger(__name__)
FORM = {"Content-Type": form.CONTENT_TYPE}
READS_FRESH_S = 4.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `connect_s`: waiting for a free connection, DNS, TCP, TLS; `read_s`: the silence after.

    A read timeout leaves a call UNKNOWN, which is dear; so it is long beside the carrier's usual half second.
    `fresh_s`: how long after an answer its connection may take another POST; 0: never.
    """

    connect_s: float = 5.0
    read_s: float = 15.0
    fresh_s: float = 0.05


class ThrottledError(Exception):
    """429: the carrier did not act. `retry_after_s` is None when it did not say for how long."""

    def __init__(self, retry_after_s: float | None) -> None:
        super().__init__("429 Too Many Requests")
        self.retry_after_s = retry_after_s


class OneShotHttpClient(AsyncHttpClient):  # type: ignore[misc]  # twilio ships no types
    """An AsyncHttpClient of twilio's on aiohttp. Use and close within one event loop.

    `request` raises ThrottledError on 429, and aiohttp's exceptions and TimeoutError as they come:
    `errors.place_result` says what each of them proves.
    """

    def __init__(
        self, timeouts: Timeouts, max_connections: int, read_s: Callable[[], float] | None = None
    ) -> None:
        """`read_s`: the read timeout of the next write, where it is not always that of `timeouts`."""
        super().__init__(_log, True, None)
        self._timeouts = timeouts
        self._read_s = read_s or (lambda: timeouts.read_s)
        self._write_timeout = self._read_timeout = timeout = _client_timeout(timeouts, timeouts.read_s)
        jar = aiohttp.DummyCookieJar()
        self._writes = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=max_connections, keepalive_timeout=timeouts.fresh_s),
            timeout=timeout,
            cookie_jar=jar,
        )
        self._reads = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=max_connections, keepalive_timeout=READS_FRESH_S),
            timeout=timeout,
            cookie_jar=jar,
        )

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002  # the session's counts
        allow_redirects: bool = False,  # noqa: ARG002  # never
    ) -> Response:
        writes = method.upper() != "GET"
        async with (self._writes if writes else self._reads).request(
            method.upper(),
            url,
            params=_pairs(params) if params else None,
            data=form.encode(_pairs(data)) if data else None,
            headers={**(headers or {}), **_authorization(auth), **(FORM if data else {})},
            allow_redirects=False,
            timeout=self._timeout_of_write() if writes else self._read_timeout,
        ) as response:
            if response.status == 429:
                raise ThrottledError(_seconds(response.headers.get("Retry-After")))
            return Response(response.status, await response.text(), response.headers)

    def _timeout_of_write(self) -> aiohttp.ClientTimeout:
        read_s = self._read_s()
        if read_s != self._write_timeout.sock_read:
            self._write_timeout = _client_timeout(self._timeouts, read_s)
        return self._write_timeout

    async def close(self) -> None:
        await self._writes.close()
        await self._reads.close()


def _client_timeout(timeouts: Timeouts, read_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=timeouts.connect_s + 2 * read_s,  # a peer that drips bytes ends here
        connect=timeouts.connect_s,
        sock_connect=timeouts.connect_s,
        sock_read=read_s,
    )


def _pairs(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Form and query fields as twilio hands them over: a list repeats its name (style form, explode true)."""
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            pairs.append((name, one if isinstance(one, str) else str(one)))
    return pairs


def _authorization(auth: tuple[str, str] | None) -> dict[str, str]:
    if auth is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(":".join(auth).encode()).decode()}


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After as seconds; None for its other form, a date (RFC 9110, 10.2.3)."""
    try:
        return max(0.0, float(retry_after)) if retry_after is not None else None
    except ValueError:
        return None
