"""`streams.once.gate.Gate` over one Redis or Valkey server: every decision is one script, one round trip.

**No hidden retries.** The client's own retry (with back-off, by default) is switched off: it would ask again
behind the back of the self-check, which counts the age of a claim, and it would hide a server that is away for
as long as the back-off lasts. Whoever gets GateUnavailable asks again with the same token, if its own rules
still allow it; `gate.lua` answers the same token the same. The one exception is NOSCRIPT, which says that
nothing ran: then the script is loaded and asked once more.

**Replicas.** With `replicas` > 0 an entered gate is followed by `WAIT` in the same packet on the same
connection (on another connection WAIT covers nothing); fewer acknowledgements than asked: GateUnavailable.

Not for Redis Cluster: the keys of one script would lie on different nodes. One primary, with or without
replicas and Sentinels, is what a gate of tens of calls a second needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.resources import files
from itertools import islice
from typing import Any, Self, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from connectors.gate.entries import from_hash, say_fields, to_arguments
from connectors.gate.failures import as_unavailable
from streams.once.gate import (
    Cap,
    Fenced,
    GateEntry,
    GateUnavailable,
    NotReady,
    Passed,
    Say,
    Taken,
    Verdict,
    Wait,
)

DAY_MS = 86_400_000
GATE_TTL_MS = 8 * DAY_MS  # longer than any input's retention (7 d), so longer than any redelivery
TIMEOUT_S = 1.0  # a script takes 0.1 ms; a claim lives 2 s
MAX_CONNECTIONS = 64
CHUNK_KEYS = 200  # a script holds the server for about a millisecond

_SCRIPT = files(__package__).joinpath("gate.lua").read_text(encoding="utf-8")
_SHA = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_Item = TypeVar("_Item")

Progress = Callable[[int], None]
"""Told how many gates of a fill have been written so far."""


class RedisGate:
    """One server's gate. Methods raise GateUnavailable when the server is away, slow or not fit to write.

    `replicas`: how many replicas must have a gate before it counts, within `TIMEOUT_S` / 2.
    """

    def __init__(self, client: Redis, prefix: str = "ringback:", replicas: int = 0) -> None:
        self._client = client
        self._prefix = prefix
        self._replicas = replicas

    @classmethod
    def from_url(
        cls, url: str, timeout_s: float = TIMEOUT_S, prefix: str = "ringback:", replicas: int = 0
    ) -> Self:
        """A gate at `url` (redis://, rediss:// or unix://). Nothing is connected yet."""
        client = Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=MAX_CONNECTIONS,
        )
        return cls(client, prefix, replicas)

    async def close(self) -> None:
        await self._client.aclose()

    async def generation(self) -> str:
        with as_unavailable():
            info: dict[str, Any] = await self._client.info("server", "replication")
        return f"{info['run_id']}-{info['master_replid']}"  # as gate.lua puts it together

    async def enter(
        self, scope: str, key: str, epoch: int, token: str, say: Say | None, cap: Cap | None
    ) -> Verdict:
        keys = [self._scope(scope), self._gate(key)]
        per_second = ""
        if cap is not None:
            keys.append(f"{self._prefix}cap:{cap.account}")
            per_second = repr(float(cap.per_second))
        arguments = ["enter", GATE_TTL_MS, epoch, token, per_second, *say_fields(say)]
        verdict, detail = await (self._run_replicated if self._replicas else self._run)(keys, arguments)
        return _verdict(verdict.decode(), detail)

    async def fence(self, scope: str, epoch: int, keys: Sequence[str]) -> dict[str, GateEntry]:
        stood: dict[str, GateEntry] = {}
        for chunk in _chunks(keys) if keys else [[]]:
            gates = [self._gate(key) for key in chunk]
            hashes = await self._run([self._scope(scope), *gates], ["fence", GATE_TTL_MS, epoch])
            for key, flat in zip(chunk, hashes, strict=True):
                entry = from_hash(key, dict(zip(flat[::2], flat[1::2], strict=True)))
                if entry is not None:
                    stood[key] = entry
        return stood

    async def fill(
        self,
        scope: str,
        generation: str,
        entries: Iterable[GateEntry],
        answers: Iterable[tuple[str, str]] = (),
        progress: Progress | None = None,
    ) -> bool:
        """As the protocol says; each chunk checks the generation itself, and the mark comes last.

        The answers come first: the gateway takes a gate that stands for proof that the answers do.
        """
        for answered in _chunks(answers):
            keys = [self._answer(occurrence) for occurrence, _ in answered]
            if not await self._run(keys, ["words", GATE_TTL_MS, generation, *(sid for _, sid in answered)]):
                return False
        written = 0
        for chunk in _chunks(entries):
            keys = [self._scope(scope), *(self._gate(entry.key) for entry in chunk)]
            arguments: list[Any] = ["fill", GATE_TTL_MS, generation]
            for entry in chunk:
                arguments += to_arguments(entry)
            if not await self._run(keys, arguments):
                return False
            written += len(chunk)
            if progress is not None:
                progress(written)
        return bool(await self._run([self._scope(scope)], ["mark", GATE_TTL_MS, generation]))

    async def ready(self, scope: str) -> bool:
        return bool(await self._run([self._scope(scope)], ["ready", GATE_TTL_MS]))

    async def finish(self, keys: Sequence[str]) -> None:
        for chunk in _chunks(keys):
            await self._run([self._gate(key) for key in chunk], ["finish", GATE_TTL_MS])

    async def read(self, key: str) -> GateEntry | None:
        with as_unavailable():
            fields = await self._client.hgetall(self._gate(key))
        return from_hash(key, fields)

    async def answer(self, occurrence: str, sid: str, generation: str | None = None) -> str:
        """As the protocol says. With `generation`, only in that life of the server, else GateUnavailable.

        The gateway passes the generation in which it read the gate: a gate that stands there was filled after
        the answers of the log were, so an empty server never hands the same words out twice.
        """
        holder = await self._run([self._answer(occurrence)], ["answer", GATE_TTL_MS, sid, generation or ""])
        if not holder:
            raise GateUnavailable("the server was restarted or replaced meanwhile")
        return str(holder[0].decode())

    async def release(self, occurrence: str, sid: str) -> None:
        await self._run([self._answer(occurrence)], ["release", GATE_TTL_MS, sid])

    def _scope(self, scope: str) -> str:
        return f"{self._prefix}scope:{scope}"

    def _gate(self, key: str) -> str:
        return f"{self._prefix}gate:{key}"

    def _answer(self, occurrence: str) -> str:
        return f"{self._prefix}answer:{occurrence}"

    async def _run(self, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        with as_unavailable():
            try:
                return await self._client.evalsha(_SHA, len(keys), *keys, *arguments)
            except NoScriptError:
                await self._client.script_load(_SCRIPT)
                return await self._client.evalsha(_SHA, len(keys), *keys, *arguments)

    async def _run_replicated(self, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """The script and WAIT behind it in one packet. The script writes even when it only repeats its answer."""
        for _ in range(2):
            with as_unavailable():
                pipeline = self._client.pipeline(transaction=False)
                pipeline.evalsha(_SHA, len(keys), *keys, *arguments)
                pipeline.wait(self._replicas, round(TIMEOUT_S / 2 * 1000))
                reply, acknowledged = await pipeline.execute(raise_on_error=False)
                if isinstance(reply, NoScriptError):
                    await self._client.script_load(_SCRIPT)
                    continue
                for result in (reply, acknowledged):
                    if isinstance(result, Exception):
                        raise result
            if reply[0] == b"passed" and acknowledged < self._replicas:
                raise GateUnavailable(f"{acknowledged} of {self._replicas} replicas have the gate")
            return reply
        raise GateUnavailable("the server forgets the script as soon as it is loaded")


def _verdict(word: str, detail: Any) -> Verdict:
    match word:
        case "passed":
            return Passed()
        case "taken":
            return Taken()
        case "wait":
            return Wait(int(detail))
        case "fenced":
            return Fenced(int(detail))
        case "not_ready":
            return NotReady(detail.decode())
    raise AssertionError(word)


def _chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, CHUNK_KEYS)):
        yield chunk
