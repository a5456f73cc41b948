"""Runs of the gate's script that are asked for in the same turn of the event loop go to the server in one packet.

A backlog asks for hundreds at once. Alone, each costs this client four times as much CPU as the server; together
they cost both about the same. The server still runs one script after the other, and others' between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from connectors.gate.failures import unavailable
from streams.once.gate import GateUnavailable

MOST = 100  # scripts in a packet: some five milliseconds of the server


class Reply(NamedTuple):
    """What a script answered; `acknowledged`: how many replicas have what it wrote, when they were waited for."""

    value: Any
    acknowledged: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One run that somebody waits for. `replicated`: also for the replicas."""

    keys: Sequence[str]
    arguments: Sequence[Any]
    replicated: bool
    answer: asyncio.Future[Reply]


class Packets:
    """`turn` is held while a packet is out, and bounds how many are and for how long. `wait_ms`: WAIT's timeout."""

    def __init__(
        self,
        client: Redis,
        script: str,
        sha: str,
        turn: Callable[[], AbstractAsyncContextManager[None]],
        replicas: int,
        wait_ms: int,
    ) -> None:
        self._client = client
        self._script, self._sha = script, sha
        self._turn = turn
        self._replicas, self._wait_ms = replicas, wait_ms
        self._asked: list[Asked] = []
        self._out: set[asyncio.Task[None]] = set()

    async def run(self, keys: Sequence[str], arguments: Sequence[Any], *, replicated: bool = False) -> Reply:
        """Run the script once. Raises GateUnavailable; what is our own mistake as it comes."""
        loop = asyncio.get_running_loop()
        asked = Asked(keys, arguments, replicated and self._replicas > 0, loop.create_future())
        if not self._asked:
            loop.call_soon(self._send_all)
        self._asked.append(asked)
        return await asked.answer

    def _send_all(self) -> None:
        asked = iter(self._asked)
        self._asked = []
        while packet := list(islice(asked, MOST)):
            task = asyncio.get_running_loop().create_task(self._send(packet))
            self._out.add(task)
            task.add_done_callback(self._out.discard)

    async def _send(self, packet: list[Asked]) -> None:
        """Whatever happens, everybody in the packet is answered."""
        try:
            async with self._turn():
                await self._exchange(packet)
        except Exception as error:
            for asked in packet:
                if not asked.answer.done():
                    asked.answer.set_exception(error)
        finally:
            for asked in packet:
                asked.answer.cancel()

    async def _exchange(self, packet: list[Asked]) -> None:
        """Scripts first, WAIT behind them on the same connection: it covers what they wrote."""
        waiting = packet
        for _ in range(2):
            pipeline = self._client.pipeline(transaction=False)
            for asked in waiting:
                pipeline.evalsha(self._sha, len(asked.keys), *asked.keys, *asked.arguments)
            replicated = any(asked.replicated for asked in waiting)
            if replicated:
                pipeline.wait(self._replicas, self._wait_ms)
            replies = await pipeline.execute(raise_on_error=False)
            acknowledged = replies.pop() if replicated else 0
            unknown = []
            for asked, reply in zip(waiting, replies, strict=True):
                if isinstance(reply, NoScriptError):
                    unknown.append(asked)
                elif not asked.answer.done():
                    _settle(asked, reply, acknowledged)
            if not unknown:
                return
            waiting = unknown  # nothing of them ran
            await self._client.script_load(self._script)
        raise GateUnavailable("the server forgets the script as soon as it is loaded")


def _settle(asked: Asked, reply: Any, acknowledged: Any) -> None:
    """What the script says comes first: a replica refuses it, and WAIT behind it with less to say."""
    failed = next((r for r in (reply, acknowledged) if isinstance(r, Exception)), None)
    if failed is None:
        asked.answer.set_result(Reply(reply, acknowledged))
    elif failed is reply or asked.replicated:
        asked.answer.set_exception(unavailable(failed) or failed)
    else:
        asked.answer.set_result(Reply(reply, 0))
