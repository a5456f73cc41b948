"""The REST API, version 2010-04-01: Calls and Messages, create, fetch, list and update."""

import asyncio
import base64
import hmac
import re
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.simulator import listing
from infra.simulator.connections import Connections
from infra.simulator.exchange import Exchange, OfAccount
from infra.simulator.listing import Ledger, Record
from infra.simulator.pacing import FullError
from infra.simulator.records import API_VERSION, Call, Message
from infra.simulator.replies import RefusedError, json_reply
from infra.simulator.script import Fault, Kind

E164 = re.compile(r"\+[1-9]\d{6,14}")
EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
MAX_BODY_CHARS = 1600
Form = dict[str, list[str]]


class Api:
    def __init__(self, exchange: Exchange, connections: Connections) -> None:
        self._exchange = exchange
        self._connections = connections

    def routes(self) -> list[Route]:
        base = f"/{API_VERSION}/Accounts/{{account}}"
        return [
            Route(f"{base}/Calls.json", self.calls, methods=["GET", "POST"]),
            Route(f"{base}/Calls/{{sid}}.json", self.call, methods=["GET", "POST"]),
            Route(f"{base}/Messages.json", self.messages, methods=["GET", "POST"]),
            Route(f"{base}/Messages/{{sid}}.json", self.message, methods=["GET"]),
        ]

    async def calls(self, request: Request) -> Response:
        account = self._authenticate(request)
        if request.method == "GET":
            return await self._list(request, "calls", account.calls)
        form = await _form(request)

        async def create() -> Response:
            call = _new_call(account, form)
            try:
                self._exchange.calling.accept(call, account.call_pace)
            except FullError:
                return RefusedError(429).reply()
            account.calls.add(call)
            return json_reply(201, call.resource())

        return await self._under_faults(
            request, "calls", "create", (_one(form, "To"), _one(form, "From")), create
        )

    async def call(self, request: Request) -> Response:
        account = self._authenticate(request)
        call = account.calls.get(request.path_params["sid"])
        if call is None:
            raise RefusedError(404, detail=request.url.path)
        form = await _form(request) if request.method == "POST" else {}

        async def act() -> Response:
            if form:
                status = _one(form, "Status")
                if status is None or set(form) != {"Status"}:
                    raise RefusedError(400, 21220 if call.status != "in-progress" else 20001, "only Status")
                if status not in {"canceled", "completed"}:
                    raise RefusedError(400, 20001, "Invalid value for Status")
                await self._exchange.calling.end_by_api(call, status, account.call_pace)
            return json_reply(200, call.resource())

        op = "update" if request.method == "POST" else "fetch"
        return await self._under_faults(request, "calls", op, (call.to, call.from_), act)

    async def messages(self, request: Request) -> Response:
        account = self._authenticate(request)
        if request.method == "GET":
            return await self._list(request, "messages", account.messages)
        form = await _form(request)

        async def create() -> Response:
            message = _new_message(account, form)
            try:
                self._exchange.messaging.accept(message, account.message_pace)
            except FullError:
                return RefusedError(429).reply()
            account.messages.add(message)
            return json_reply(201, message.resource())

        between = (_one(form, "To"), _one(form, "From"))
        return await self._under_faults(request, "messages", "create", between, create)

    async def message(self, request: Request) -> Response:
        account = self._authenticate(request)
        message = account.messages.get(request.path_params["sid"])
        if message is None:
            raise RefusedError(404, detail=request.url.path)

        async def fetch() -> Response:
            return json_reply(200, message.resource())

        return await self._under_faults(request, "messages", "fetch", (message.to, message.from_), fetch)

    async def _list(self, request: Request, kind: Kind, ledger: Ledger[Record]) -> Response:
        query = dict(request.query_params)

        async def page() -> Response:
            try:
                found, token = ledger.page(query)
                number = int(query.get("Page", "0"))
                path = request.url.path
                size = listing.page_size(query)
                ahead = None if token is None else listing.page_uri(path, query, number + 1, token)
                body = {
                    kind: [record.resource() for record in found],
                    "page": number,
                    "page_size": size,
                    "start": number * size,
                    "end": number * size + max(0, len(found) - 1),
                    "uri": listing.page_uri(path, query, number, query.get("PageToken")),
                    "first_page_uri": listing.page_uri(path, query, 0, None),
                    "next_page_uri": ahead,
                    "previous_page_uri": None,  # the real one pages back, too; nothing of ours does
                }
            except (listing.QueryError, ValueError) as error:
                raise RefusedError(400, 20001, str(error)) from error
            return json_reply(200, body)

        return await self._under_faults(request, kind, "list", (query.get("To"), query.get("From")), page)

    def _authenticate(self, request: Request) -> OfAccount:
        account = self._exchange.accounts.get(request.path_params["account"])
        given = request.headers.get("authorization", "")
        if account is not None:
            pair = f"{account.account.sid}:{account.account.token}".encode()
            wanted = "Basic " + base64.b64encode(pair).decode()
            if hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace")):
                return account
        raise RefusedError(401)

    async def _under_faults(
        self,
        request: Request,
        kind: Kind,
        op: str,
        between: tuple[str | None, str | None],
        act: Callable[[], Awaitable[Response]],
    ) -> Response:
        to, from_ = between
        fault = self._exchange.faults.match(kind, op=op, to=to, from_=from_)
        if fault is None:
            return await act()
        return await self._spoilt(request, fault, act)

    async def _spoilt(
        self, request: Request, fault: Fault, act: Callable[[], Awaitable[Response]]
    ) -> Response:
        era = self._exchange.era
        await asyncio.sleep(fault.before_s)
        acts = fault.acts and era == self._exchange.era  # a reset meanwhile has swept this request away, too
        response = await act() if acts else Response(status_code=500)
        await asyncio.sleep(fault.after_s)
        match fault.action:
            case "drop" | "act_then_drop":
                self._connections.reset(request)
            case "respond" | "act_then_respond":
                headers = {} if fault.retry_after_s is None else {"Retry-After": f"{fault.retry_after_s:g}"}
                return RefusedError(fault.status, fault.code).reply(headers)
            case "garble":
                return Response(bytes(response.body)[:40], 201, media_type="application/json")
        return response


def _new_call(account: OfAccount, form: Form) -> Call:
    to, from_ = _numbers(form, missing_to=21201, missing_from=21213)
    url, twiml = _one(form, "Url"), _one(form, "Twiml")
    if twiml is None and not _is_http(url):
        raise RefusedError(400, 21205)
    timeout = _one(form, "Timeout") or "60"
    if not timeout.isdecimal() or not 0 < int(timeout) <= 600:
        raise RefusedError(400, 20001, "Timeout must be a number from 1 to 600")
    return Call(
        account=account.account,
        to=to,
        from_=from_,
        url=url,
        method=_one(form, "Method") or "POST",
        twiml=twiml,
        fallback_url=_one(form, "FallbackUrl"),
        fallback_method=_one(form, "FallbackMethod") or "POST",
        status_callback=_one(form, "StatusCallback"),
        status_callback_method=_one(form, "StatusCallbackMethod") or "POST",
        events=EVENTS.intersection(form.get("StatusCallbackEvent", ())) or frozenset({"completed"}),
        ring_timeout_s=int(timeout),
        machine_detection=_one(form, "MachineDetection"),
    )


def _new_message(account: OfAccount, form: Form) -> Message:
    to, from_ = _numbers(form, missing_to=21604, missing_from=21603)
    body = _one(form, "Body")
    if not body:
        raise RefusedError(400, 21602)
    if len(body) > MAX_BODY_CHARS:
        raise RefusedError(400, 21617)
    return Message(account.account, to, from_, body, _one(form, "StatusCallback"))


def _numbers(form: Form, missing_to: int, missing_from: int) -> tuple[str, str]:
    to, from_ = _one(form, "To"), _one(form, "From")
    if not to:
        raise RefusedError(400, missing_to)
    if not from_:
        raise RefusedError(400, missing_from)
    if not E164.fullmatch(to):
        raise RefusedError(400, 21211, to)
    if not E164.fullmatch(from_):
        raise RefusedError(400, 21212, from_)
    return to, from_


async def _form(request: Request) -> Form:
    form: Form = {}
    for name, value in parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True):
        form.setdefault(name, []).append(value)
    return form


def _one(form: Form, name: str) -> str | None:
    values = form.get(name)
    return values[-1] if values else None


def _is_http(url: str | None) -> bool:
    parts = urlsplit(url or "")
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
