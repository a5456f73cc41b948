"""Is the gate's server there, may it be written, and does it keep what it was told?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.redis_address import Sentinels, through_sentinels
from connectors.settings import Settings, mask_url
from infra.cli.checks import TIMEOUT_S, Finding, State

# A script like the gate's, that writes nothing: the server refuses it where it would refuse the gate's (a replica, out
# of memory, short of replicas, a disk that fails).
_MAY_IT_WRITE = "#!lua\nreturn 1"
# setting -> (wanted, how bad it is, what happens otherwise)
_WANTED: Mapping[str, tuple[str, State, str]] = {
    "maxmemory-policy": (
        "noeviction",
        "fail",
        "a full server drops gates, and a dropped gate is an open one",
    ),
    "appendonly": ("yes", "warn", "a restart forgets which calls were gated, and every gate is rebuilt"),
    "appendfsync": ("always", "warn", "a crash may lose the last second of gates"),
}
_OLDEST = {"valkey": (7, 2), "redis": (7, 0)}


def check(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield Finding("redis", "fail", "REDIS_URL is not set", "set it, or run `ringback cluster start`")
        return
    import redis

    from connectors.gate.failures import unavailable_because

    where = mask_url(settings.redis_url)
    sentinels = through_sentinels(settings.redis_url)
    client: Any
    if sentinels:
        findings, client = _ask_sentinels(Sentinels.parse(settings.redis_url))
        yield from findings
    else:
        client = redis.Redis.from_url(settings.redis_url, **_waits(), decode_responses=True)
    try:
        info = client.info("everything")
    except (redis.RedisError, OSError) as error:
        if unavailable_because(error) == "refused":
            yield Finding(
                "redis", "fail", f"{where} refuses us: {error}", "correct the password in REDIS_URL"
            )
            return
        advice = "start it; calls wait until it is back, nothing is lost"
        yield Finding("redis", "unreachable", f"{where} does not answer: {error}", advice)
        return
    life = str(info.get("run_id", ""))[:12]
    yield Finding("redis", "ok", f"{where} answers: version {_version(info)[1]}, run id {life}…")
    cluster = list(judge_kind(info))
    yield from cluster
    if not cluster:
        yield _writable(client)
        config, unreadable = _configuration(client)
        yield from unreadable
        yield from judge_configuration(config)
        yield from judge_replicas(info, config, settings.redis_replicas, sentinels)
    client.close()


def judge_kind(info: Mapping[str, Any]) -> Iterator[Finding]:
    """From INFO: what makes this server no place for a gate at all."""
    kind, version = _version(info)
    mode = info.get("server_mode") or info.get("redis_mode")  # Valkey's word, or Redis's
    if mode == "cluster" or int(info.get("cluster_enabled", 0)):
        text = "this is a Redis Cluster: the keys of one gate script would lie on different nodes"
        yield Finding("redis kind", "fail", text, "point REDIS_URL at one primary, with or without Sentinels")
    elif mode == "sentinel":
        text = "this is a Sentinel, it keeps no data"
        yield Finding("redis kind", "fail", text, "write redis+sentinel://host:26379,…/NAME in REDIS_URL")
    oldest = _OLDEST[kind]
    if tuple(int(part) for part in version.split(".")[:2] if part.isdecimal()) < oldest:
        needed = ".".join(map(str, oldest))
        text = f"{kind} {version} does not know what the gate's script needs"
        yield Finding("redis version", "fail", text, f"use {kind} {needed} or newer")
    if info.get("role", "master") != "master":
        advice = "point REDIS_URL at the primary, or at the Sentinels"
        yield Finding("redis role", "fail", "this is a replica, it refuses writes", advice)


def judge_configuration(config: Mapping[str, str]) -> Iterator[Finding]:
    """From CONFIG GET: what keeps gates from being kept. A setting that could not be read is passed over."""
    for name, (wanted, state, otherwise) in _WANTED.items():
        found = config.get(name)
        if found == wanted:
            yield Finding(f"redis {name}", "ok", found)
        elif found is not None:
            yield Finding(f"redis {name}", state, f"{found}: {otherwise}", f"CONFIG SET {name} {wanted}")


def judge_replicas(
    info: Mapping[str, Any], config: Mapping[str, str], wanted: int, sentinels: bool
) -> Iterator[Finding]:
    """`wanted`: REDIS_REPLICAS, how many must have a gate before its call is placed."""
    there = sum(
        1
        for name, replica in info.items()
        if name.startswith("slave")
        and name[5:].isdecimal()
        and isinstance(replica, dict)
        and replica.get("state") == "online"
    )
    if not wanted:
        if sentinels or there:
            text = f"REDIS_REPLICAS is 0 and there are {there} replicas: a primary that was replaced without "
            text += "knowing it may still let calls through"
            yield Finding("redis replicas", "warn", text, "set REDIS_REPLICAS=1 with two replicas")
        return
    if there < wanted:
        text = f"{there} of the {wanted} replicas that REDIS_REPLICAS asks for are online: every call is held"
        yield Finding("redis replicas", "fail", text, "start the replicas, or lower REDIS_REPLICAS")
    elif sentinels and there == wanted:
        text = f"{there} online, all of them needed: after a failover one is missing and every call is held"
        yield Finding("redis replicas", "warn", text, "run one replica more than REDIS_REPLICAS")
    else:
        yield Finding("redis replicas", "ok", f"{there} online, {wanted} must have a gate")
    least = config.get("min-replicas-to-write")
    if least is not None and int(least) < 1:
        text = "0: a primary cut off from its replicas goes on taking writes that will be lost"
        yield Finding("redis min-replicas-to-write", "warn", text, "CONFIG SET min-replicas-to-write 1")


def _version(info: Mapping[str, Any]) -> tuple[str, str]:
    if found := info.get("valkey_version"):
        return "valkey", str(found)
    return "redis", str(info.get("redis_version", "0"))


def _writable(client: Any) -> Finding:
    import redis

    try:
        client.eval(_MAY_IT_WRITE, 0)
    except redis.RedisError as error:
        return Finding(
            "redis writes", "fail", f"refused: {error}", "calls wait until it takes writes; see its log"
        )
    return Finding("redis writes", "ok", "a script that writes is accepted")


def _configuration(client: Any) -> tuple[dict[str, str], list[Finding]]:
    import redis

    config: dict[str, str] = {}
    unreadable = []
    for name in (*_WANTED, "min-replicas-to-write"):
        try:
            config |= client.config_get(name)
        except redis.RedisError:
            if name in _WANTED:
                advice = f"see to it that it is {_WANTED[name][0]}"
                unreadable.append(Finding(f"redis {name}", "warn", "may not be read here", advice))
    return config, unreadable


def _ask_sentinels(address: Sentinels) -> tuple[list[Finding], Any]:
    """A finding for each Sentinel, and a client of the primary that they name."""
    import redis
    from redis.sentinel import Sentinel as SentinelClient

    tls: dict[str, Any] = {"ssl": True, **dict(address.tls_options)} if address.tls else {}
    credentials: dict[str, Any] = {
        "username": address.sentinel_username,
        "password": address.sentinel_password,
    }
    findings: list[Finding] = []
    for host, port in address.hosts:
        subject = f"redis sentinel {host}:{port}"
        asked: Any = redis.Redis(
            host=host, port=port, decode_responses=True, **_waits(), **tls, **credentials
        )
        try:
            state = asked.sentinel_master(address.name)
            others, quorum = int(state["num-other-sentinels"]), int(state["quorum"])
            text = (
                f"{address.name} is {state['ip']}:{state['port']}; {others} other Sentinels, quorum {quorum}"
            )
            findings.append(Finding(subject, "ok", text))
            if others + 1 < 3:
                text = f"{others + 1} Sentinels: with fewer than three none can tell a dead primary from a cut wire"
                findings.append(Finding("redis sentinels", "warn", text, "run three, on three machines"))
        except redis.ResponseError as error:
            advice = "correct the name at the end of REDIS_URL, or the Sentinel's password"
            findings.append(Finding(subject, "fail", f"{address.name}: {error}", advice))
        except (redis.RedisError, OSError) as error:
            findings.append(Finding(subject, "warn", f"does not answer: {error}", "start it"))
        finally:
            asked.close()
    manager: Any = SentinelClient(  # type: ignore[no-untyped-call]
        address.hosts, sentinel_kwargs={**_waits(), **tls, **credentials}
    )
    client = manager.master_for(
        address.name,
        db=address.db,
        username=address.username,
        password=address.password,
        decode_responses=True,
        **_waits(),
        **tls,
    )
    return findings, client


def _waits() -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    half = TIMEOUT_S / 2
    return {"socket_timeout": half, "socket_connect_timeout": half, "retry": Retry(NoBackoff(), 0)}
