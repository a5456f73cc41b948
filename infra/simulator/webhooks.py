"""Requests of the carrier to the customer: signed form posts, with the carrier's own patience.

As Twilio does: 15 s to answer, one more try when no connection could be made, no try after an answer.
"""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from connectors.carrier.signature import HEADER, compute_signature
from infra.simulator.settings import Account, Settings
from infra.simulator.truth import TruthLog

CONNECT_TIMEOUT_S = 5.0
MAX_ANSWER = 256 * 1024


class WebhookError(Exception):
    """The customer could not be reached or did not answer in time. `code` is Twilio's."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    url: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Webhooks:
    """One pool of connections for all of them: beyond `webhook_connections` at a time they wait their turn."""

    def __init__(self, settings: Settings, truth: TruthLog) -> None:
        self._truth = truth
        self._ids = itertools.count(1)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.webhook_connections, keepalive_timeout=4.0),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=settings.webhook_timeout_s
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "TwilioProxy/1.1", "Accept": "*/*"},
        )

    async def send(
        self,
        account: Account,
        url: str,
        params: Mapping[str, str],
        *,
        kind: str,
        sid: str,
        method: str = "POST",
    ) -> Answer:
        """Post `params` and read the answer, whatever its status. Raises WebhookError."""
        pairs = list(params.items())
        if method == "GET":  # the parameters are then part of the URL, and only that is signed
            url += ("&" if "?" in url else "?") + urlencode(pairs)
            pairs = []
        headers = {HEADER: compute_signature(account.token, url, pairs)}
        for attempt in (1, 2):
            number = next(self._ids)
            about = {"webhook": number, "kind": kind, "sid": sid}
            self._truth.write("webhook.posted", **about, attempt=attempt, url=url, params=dict(params))
            try:
                async with self._session.request(
                    method, url, data=pairs or None, headers=headers, allow_redirects=False
                ) as response:
                    body = await response.content.read(MAX_ANSWER)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                self._truth.write("webhook.failed", **about, reason=type(error).__name__)
                if attempt == 2:
                    raise WebhookError(11205, type(error).__name__) from error
                await asyncio.sleep(0.1)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                self._truth.write("webhook.failed", **about, reason=type(error).__name__)
                raise WebhookError(11200, type(error).__name__) from error
            else:
                self._truth.write("webhook.answered", **about, status=response.status)
                return Answer(response.status, body, url)
        raise AssertionError("unreachable")

    async def close(self) -> None:
        await self._session.close()
