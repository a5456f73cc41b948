"""The client of the gate's server: no hidden retries, every wait bounded.

The client's own retry (with back-off, by default) is switched off: it would ask again behind the back of the
self-check, which counts the age of a claim, and it would hide a server that is away for as long as the back-off lasts.

Through Sentinels each *new* connection asks them for the primary, the one that answered last first; a connection to a
primary that was demoted ends with its first refused write. Connections that stay open are not asked about: what keeps
a former primary from letting anybody in is `WAIT` (and `min-replicas-to-write`), not the Sentinels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from connectors.redis_address import Sentinels, through_sentinels


@dataclass(frozen=True, slots=True)
class Server:
    """`client` writes to the primary; `sentinels` are asked where it is, None for a plain URL."""

    client: Redis
    sentinels: Sentinel | None = None

    async def close(self) -> None:
        await self.client.aclose()
        if self.sentinels is not None:
            for each in self.sentinels.sentinels:
                await each.aclose()


def connect(url: str, timeout_s: float, max_connections: int) -> Server:
    """A client for `url` (connectors/redis_address.py has the forms). Nothing is connected yet.

    `timeout_s` bounds each connecting and each answer of the server, a quarter of it those of a Sentinel. Raises
    ValueError for what is not such a URL.
    """
    if not through_sentinels(url):
        return Server(Redis.from_url(url, max_connections=max_connections, **_waits(timeout_s)))
    address = Sentinels.parse(url)
    sentinels = Sentinel(  # type: ignore[no-untyped-call]
        address.hosts,
        sentinel_kwargs=_waits(timeout_s / 4)
        | _tls(address)
        | {"username": address.sentinel_username, "password": address.sentinel_password},
    )
    client: Redis = sentinels.master_for(
        address.name,
        max_connections=max_connections,
        db=address.db,
        username=address.username,
        password=address.password,
        **_waits(timeout_s),
        **_tls(address),
    )
    return Server(client, sentinels)


def _waits(timeout_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
    }


def _tls(address: Sentinels) -> dict[str, Any]:
    return {"ssl": True, **dict(address.tls_options)} if address.tls else {}
