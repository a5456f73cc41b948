"""Is Redis there, and does it keep what it was told?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.settings import Settings, mask_url
from infra.cli.checks import TIMEOUT_S, Finding

# setting -> (wanted, what happens otherwise)
_WANTED = {
    "appendonly": ("yes", "a restart forgets which calls were gated, and every gate is rebuilt from the log"),
    "appendfsync": ("always", "a crash may lose the last second of gates"),
    "maxmemory-policy": ("noeviction", "a full server drops gates silently"),
}


def check(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield Finding("redis", "fail", "REDIS_URL is not set", "set it, or run `ringback cluster start`")
        return
    import redis

    where = mask_url(settings.redis_url)
    client: Any = redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        decode_responses=True,
    )
    try:
        client.ping()
        info = client.info("server") | client.info("replication")
    except redis.RedisError as error:
        advice = "start it; calls wait until it is back, nothing is lost"
        yield Finding("redis", "unreachable", f"{where} does not answer: {error}", advice)
        return
    version = info.get("valkey_version") or info.get("redis_version")
    life = str(info.get("run_id", ""))[:12]
    yield Finding("redis", "ok", f"{where} answers: version {version}, run id {life}…")
    if info.get("role") != "master":
        yield Finding(
            "redis role", "fail", "this is a replica, it refuses writes", "point REDIS_URL at the master"
        )
    yield from _configuration(client)
    client.close()


def _configuration(client: Any) -> Iterator[Finding]:
    import redis

    for name, (wanted, otherwise) in _WANTED.items():
        try:
            found = client.config_get(name).get(name)
        except redis.RedisError:
            yield Finding(f"redis {name}", "warn", "may not be read here", f"see to it that it is {wanted}")
            continue
        if found == wanted:
            yield Finding(f"redis {name}", "ok", found)
        else:
            yield Finding(f"redis {name}", "warn", f"{found}: {otherwise}", f"CONFIG SET {name} {wanted}")
