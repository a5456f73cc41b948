"""The simulator's own door, /simulator/…: behaviours, faults, texts from users, ground truth, outages."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.simulator.exchange import Exchange
from infra.simulator.records import Message
from infra.simulator.script import Behaviour, Fault
from infra.simulator.settings import Account
from infra.simulator.truth import lines

_encode = msgspec.json.Encoder().encode


class TextFromUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A user texts one of our numbers. The same `message_sid` twice is the same text delivered twice."""

    from_: str = msgspec.field(name="from")
    to: str = msgspec.field()
    body: str = msgspec.field()
    url: str | None = None  # default: the account's sms_url
    account: str | None = None  # default: the only one, or the one that has used the number `to`
    message_sid: str | None = None
    attempts: int = 1  # on 5xx, no connection or no answer
    pause_s: float = 0.5  # between them
    wait: bool = True  # answer when it is delivered or given up; false: at once


class Outage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    for_s: float | None = None


class Doors(Protocol):
    """Who can shut the API's door and open it again."""

    @property
    def admin_is_apart(self) -> bool: ...
    async def pause(self, for_s: float | None) -> None: ...
    async def resume(self) -> None: ...


class AdminError(Exception):
    pass


class Admin:
    def __init__(self, exchange: Exchange, doors: Doors) -> None:
        self._exchange = exchange
        self._doors = doors

    def routes(self) -> list[Route]:
        def route(path: str, handler: Callable[[Request], Awaitable[Response]], *methods: str) -> Route:
            return Route(path, handler, methods=list(methods))

        return [
            route("/truth", self.truth, "GET"),
            route("/simulator/truth", self.truth, "GET"),
            route("/simulator/healthz", self.healthz, "GET"),
            route("/simulator/accounts", self.accounts, "GET", "POST"),
            route("/simulator/behaviours", self.behaviours, "GET", "POST", "DELETE"),
            route("/simulator/faults", self.faults, "GET", "POST", "DELETE"),
            route("/simulator/sms", self.sms, "POST"),
            route("/simulator/pause", self.pause, "POST"),
            route("/simulator/resume", self.resume, "POST"),
            route("/simulator/reset", self.reset, "POST"),
        ]

    async def healthz(self, _request: Request) -> Response:
        return _json({"ok": True, "accounts": list(self._exchange.accounts)})

    async def truth(self, request: Request) -> Response:
        """?after=SEQ&type=call.ended (or `call.`)&limit=N&wait_s=S: with wait_s an empty answer waits so long."""
        query = request.query_params
        try:
            after, wait_s = int(query.get("after", "0")), min(float(query.get("wait_s", "0")), 60.0)
            limit = int(query["limit"]) if "limit" in query else None
        except ValueError as error:
            raise AdminError(f"after, limit and wait_s are numbers: {error}") from error
        log = self._exchange.truth
        if wait_s > 0:
            with contextlib.suppress(TimeoutError):
                await log.wait(lambda _: True, wait_s, after, query.get("type"))
        return Response(lines(log.after(after, query.get("type"), limit)), media_type="application/x-ndjson")

    async def accounts(self, request: Request) -> Response:
        if request.method == "POST":
            for account in await _many(request, Account):
                self._exchange.open_account(account)
        return _json([account.account for account in self._exchange.accounts.values()])

    async def behaviours(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._exchange.numbers.clear()
        elif request.method == "POST":
            self._exchange.numbers.set(await _many(request, Behaviour))
        return _json(self._exchange.numbers.listing())

    async def faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._exchange.faults.clear()
        elif request.method == "POST":
            self._exchange.faults.add(await _many(request, Fault))
        return _json(self._exchange.faults.listing())

    async def sms(self, request: Request) -> Response:
        text = await _body(request, TextFromUser)
        holder = (
            self._exchange.account_of_number(text.to)
            if text.account is None
            else self._exchange.accounts.get(text.account)
        )
        if holder is None:
            raise AdminError("which account? none has used this number yet: name it in `account`")
        url = text.url or holder.account.sms_url
        if url is None:
            raise AdminError("no `url`, and the account has no sms_url")
        message = Message(holder.account, text.to, text.from_, text.body, None, direction="inbound")
        if text.message_sid is not None:
            message.sid = text.message_sid
        holder.messages.add(message)
        messaging = self._exchange.messaging
        if not text.wait:

            async def deliver() -> None:
                await messaging.receive(message, url, text.attempts, text.pause_s)

            self._exchange.tasks.start(deliver())
            return _json({"message_sid": message.sid}, 202)
        status, posts = await messaging.receive(message, url, text.attempts, text.pause_s)
        return _json({"message_sid": message.sid, "status": status, "attempts": posts})

    async def pause(self, request: Request) -> Response:
        outage = await _body(request, Outage)
        if outage.for_s is None and not self._doors.admin_is_apart:
            raise AdminError("nobody could reach `resume` then: give for_s, or start with an admin port")

        async def later() -> None:
            await asyncio.sleep(0.02)  # until this answer, and with it this connection, is gone
            await self._doors.pause(outage.for_s)

        # A task of its own: closing the door waits for the requests that came through it.
        self._exchange.tasks.start(later())
        return Response(status_code=202, headers={"Connection": "close"})

    async def resume(self, _request: Request) -> Response:
        await self._doors.resume()
        return Response(status_code=204)

    async def reset(self, _request: Request) -> Response:
        await self._exchange.reset()
        return Response(status_code=204)


def _json(body: Any, status: int = 200) -> Response:
    return Response(_encode(body), status, media_type="application/json")


Body = Any


async def _body(request: Request, type_: type[msgspec.Struct]) -> Body:
    try:
        return msgspec.json.decode(await request.body() or b"{}", type=type_)
    except msgspec.DecodeError as error:
        raise AdminError(str(error)) from error


async def _many(request: Request, type_: type[msgspec.Struct]) -> Body:
    """One object or a list of them; none is taken when one is wrong."""
    raw = (await request.body()).strip()
    try:
        if raw.startswith(b"["):
            return msgspec.json.decode(raw, type=list[type_])  # type: ignore[valid-type]
        return [msgspec.json.decode(raw, type=type_)]
    except msgspec.DecodeError as error:
        raise AdminError(str(error)) from error
