"""`streams.once.gate.Gate` over one Redis or Valkey server: every decision is one script, one round trip.

**No hidden retries** (connecting.py). Whoever gets GateUnavailable asks again with the same token, if its own
rules still allow it; `gate.lua` answers the same token the same. The one exception is NOSCRIPT, which says that
nothing ran: then the script is loaded and asked once more.

**Replicas.** With `replicas` > 0 whatever lets somebody do something (a fence, an entered gate, an answer's words) is
followed by `WAIT` in the same packet on the same connection (on another connection WAIT covers nothing); fewer
acknowledgements than asked: GateUnavailable. That is also what stops a former primary that does not know yet that it
was replaced: its replicas have left it.

**Bounded.** At most `MAX_CONNECTIONS` commands are out at once, the others wait their turn; turn, connecting and
answer together take at most one and a half of `timeout_s`.

Not for Redis Cluster: the keys of one script would lie on different nodes. One primary, with or without
replicas and Sentinels, is what a gate of tens of calls a second needs.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from itertools import islice
from typing import Any, Self, TypeVar

from connectors.gate.connecting import Server, connect
from connectors.gate.entries import from_hash, say_fields, to_arguments
from connectors.gate.failures import as_unavailable
from connectors.gate.packets import Packets
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
TIMEOUT_S = 1.0  # a script takes 0.1 ms; a claim lives 2 s, and WAIT takes half of this at most
MAX_CONNECTIONS = 64
CHUNK_KEYS = 200  # a script holds the server for about a millisecond

_SCRIPT = files(__package__).joinpath("gate.lua").read_text(encoding="utf-8")
_SHA = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()
_Item = TypeVar("_Item")


class RedisGate:
    """One server's gate. Methods raise GateUnavailable when the server is away, slow or not fit to write.

    `replicas`: how many replicas must have a gate before it counts, within half of `timeout_s`.
    """

    def __init__(
        self, server: Server, prefix: str = "ringback:", replicas: int = 0, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._server = server
        self._client = server.client
        self._prefix = prefix
        self._replicas = replicas
        self._timeout_s = timeout_s
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        wait_ms = round(timeout_s / 2 * 1000)
        self._packets = Packets(self._client, _SCRIPT, _SHA, self._turn, replicas, wait_ms)

    @classmethod
    def from_url(
        cls, url: str, timeout_s: float = TIMEOUT_S, prefix: str = "ringback:", replicas: int = 0
    ) -> Self:
        """A gate at `url` (a server's, or its Sentinels': connectors/redis_address.py). Nothing is connected yet."""
        return cls(connect(url, timeout_s, MAX_CONNECTIONS), prefix, replicas, timeout_s)

    async def close(self) -> None:
        await self._server.close()

    async def generation(self) -> str:
        async with self._turn():
            info: dict[str, Any] = await self._client.info("server", "replication")
        return f"{info['run_id']}-{info['master_replid']}"  # as gate.lua puts it together

    async def enter(
        self, scope: str, key: str, epoch: int, token: str, say: Say | None, cap: Cap | None
    ) -> Verdict:
        keys, rates = [self._scope(scope), self._gate(key)], cap.rates if cap is not None else ()
        keys += [f"{self._prefix}cap:{name}" for name, _ in rates]
        starts = ",".join(repr(float(per_second)) for _, per_second in rates)
        arguments = ["enter", GATE_TTL_MS, epoch, token, starts, *say_fields(say)]
        verdict, detail = await self._run_replicated(keys, arguments, lambda reply: reply[0] == b"passed")
        return _verdict(verdict.decode(), detail)

    async def fence(self, scope: str, epoch: int, keys: Sequence[str]) -> dict[str, GateEntry]:
        stood: dict[str, GateEntry] = {}
        for chunk in _chunks(keys) if keys else [[]]:
            gates = [self._gate(key) for key in chunk]
            # With the replicas: an owner that cannot gate any call is told here, before it claims any.
            hashes = await self._run_replicated(
                [self._scope(scope), *gates], ["fence", GATE_TTL_MS, epoch], lambda _: True
            )
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
        *,
        last: bool = True,
    ) -> bool:
        """As the protocol says; each chunk checks the generation itself, and the mark comes last.

        The answers come first: the gateway takes a gate that stands for proof that the answers do.
        """
        for answered in _chunks(answers):
            keys = [self._answer(occurrence) for occurrence, _ in answered]
            if not await self._run(keys, ["words", GATE_TTL_MS, generation, *(sid for _, sid in answered)]):
                return False
        for chunk in _chunks(entries):
            keys = [self._scope(scope), *(self._gate(entry.key) for entry in chunk)]
            arguments: list[Any] = ["fill", GATE_TTL_MS, generation]
            for entry in chunk:
                arguments += to_arguments(entry)
            if not await self._run(keys, arguments):
                return False
        if not last:
            return True
        return bool(await self._run([self._scope(scope)], ["mark", GATE_TTL_MS, generation]))

    async def ready(self, scope: str) -> bool:
        return bool(await self._run([self._scope(scope)], ["ready", GATE_TTL_MS]))

    async def finish(self, keys: Sequence[str]) -> None:
        for chunk in _chunks(keys):
            await self._run([self._gate(key) for key in chunk], ["finish", GATE_TTL_MS])

    async def read(self, key: str) -> GateEntry | None:
        async with self._turn():
            fields = await self._client.hgetall(self._gate(key))
        return from_hash(key, fields)

    async def answer(self, occurrence: str, sid: str, generation: str | None = None) -> str:
        """As the protocol says. With `generation`, only in that life of the server, else GateUnavailable.

        The gateway passes the generation in which it read the gate: a gate that stands there was filled after
        the answers of the log were, so an empty server never hands the same words out twice.
        """
        holder = await self._run_replicated(
            [self._answer(occurrence)],
            ["answer", GATE_TTL_MS, sid, generation or ""],
            lambda reply: reply == [sid.encode()],
        )
        if not holder:
            raise GateUnavailable("the server was restarted or replaced meanwhile", "replaced")
        return str(holder[0].decode())

    async def release(self, occurrence: str, sid: str) -> None:
        await self._run([self._answer(occurrence)], ["release", GATE_TTL_MS, sid])

    def _scope(self, scope: str) -> str:
        return f"{self._prefix}scope:{scope}"

    def _gate(self, key: str) -> str:
        return f"{self._prefix}gate:{key}"

    def _answer(self, occurrence: str) -> str:
        return f"{self._prefix}answer:{occurrence}"

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One of the commands that may be out. Raises GateUnavailable, also when it takes too long in all."""
        with as_unavailable():
            async with asyncio.timeout(1.5 * self._timeout_s), self._turns:
                yield

    async def _run(self, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        return (await self._packets.run(keys, arguments)).value

    async def _run_replicated(
        self, keys: Sequence[str], arguments: Sequence[Any], counts: Callable[[Any], bool]
    ) -> Any:
        """As `_run`. A reply that `counts` needs the replicas; its script has written, also when it only repeats its
        answer, or WAIT would cover nothing."""
        reply, acknowledged = await self._packets.run(keys, arguments, replicated=True)
        if counts(reply) and acknowledged < self._replicas:
            raise GateUnavailable(f"{acknowledged} of {self._replicas} replicas have it", "replicas")
        return reply


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
