"""`TwilioCarrier`: the carrier protocol through the official `twilio` client, on asyncio."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from twilio.base.exceptions import TwilioRestException, TwilioServiceException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from connectors.carrier.errors import describe, place_result
from connectors.carrier.http import OneShotHttpClient, Timeouts
from streams.once.carrier import (
    CallRequest,
    CarrierCall,
    CarrierMessage,
    CarrierUnavailableError,
    MessageRequest,
    Placed,
    PlaceResult,
    Unknown,
)

REAL_BASE_URL = "https://api.twilio.com"
CALL_EVENTS = ["initiated", "ringing", "answered", "completed"]
DETECTION = {"start": "Enable", "end": "DetectMessageEnd"}
PAGE_SIZE = 1000  # the API's maximum: one request for nearly every pair of numbers
_CREATE_HEADERS = {"Accept": "application/json"}
MAX_RECORDS = 10 * PAGE_SIZE  # more than that between two numbers is an answer we cannot use
MAX_RECEIVED_PAGES = 1000  # a million SMS to one number, an hour of paging: ask for a shorter span
# A question is answered by then or not at all, however slowly bytes drip: T_resolve and this stay below 150 s.
ASK_WAIT_S = 25.0
DAY_MS = 86_400_000


class TwilioCarrier:
    """One Twilio account, real or at `base_url`. Make it, use it and close it within one event loop.

    `read_s` of the timeouts must be at least 10 s in production: a shorter one only makes more UNKNOWN. The argument
    `read_s` is asked for each call or message that is placed; without it the timeout is always that of `timeouts`.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        base_url: str = REAL_BASE_URL,
        timeouts: Timeouts | None = None,
        max_connections: int = 100,
        read_s: Callable[[], float] | None = None,
    ) -> None:
        self._http = OneShotHttpClient(timeouts or Timeouts(), max_connections, read_s)
        base_url = base_url.rstrip("/")
        # TWILIO_EDGE and TWILIO_REGION rewrite the host name: right for the real one, nonsense for any other.
        # (An empty mapping would make the client read os.environ.)
        environment = None if base_url == REAL_BASE_URL else {"TWILIO_EDGE": "", "TWILIO_REGION": ""}
        self._client = Client(account_sid, auth_token, http_client=self._http, environment=environment)
        self._client.api.base_url = base_url
        self._calls = f"/Accounts/{account_sid}/Calls.json"
        self._messages = f"/Accounts/{account_sid}/Messages.json"

    async def place_call(self, request: CallRequest) -> PlaceResult:
        more = {"MachineDetection": DETECTION[request.detect_machine]} if request.detect_machine else {}
        return await self._place(
            self._calls,
            {
                "To": request.to,
                "From": request.from_,
                "Url": request.url,
                "Method": "POST",
                "FallbackUrl": request.fallback_url,
                "FallbackMethod": "POST",
                "StatusCallback": request.status_callback,
                "StatusCallbackMethod": "POST",
                "StatusCallbackEvent": CALL_EVENTS,
                "Timeout": request.ring_timeout_s,
                **more,
            },
        )

    async def send_message(self, request: MessageRequest) -> PlaceResult:
        callback = {} if request.status_callback is None else {"StatusCallback": request.status_callback}
        return await self._place(
            self._messages, {"To": request.to, "From": request.from_, "Body": request.body, **callback}
        )

    async def find_calls(self, to: str, from_: str, created_after_ms: int) -> Sequence[CarrierCall]:
        # No StartTime filter: it knows only dates, and a queued call has none and would be left out.
        found = await self._ask(
            self._client.calls.list_async(to=to, from_=from_, page_size=PAGE_SIZE, limit=MAX_RECORDS)
        )
        return [c for c in map(_call, _bounded(found)) if c.created_at >= _second(created_after_ms)]

    async def find_messages(self, to: str, from_: str, created_after_ms: int) -> Sequence[CarrierMessage]:
        found = await self._ask(
            self._client.messages.list_async(to=to, from_=from_, page_size=PAGE_SIZE, limit=MAX_RECORDS)
        )
        return [m for m in map(_message, _bounded(found)) if m.created_at >= _second(created_after_ms)]

    async def fetch_call(self, sid: str) -> CarrierCall | None:
        found = await self._ask(self._client.calls(sid).fetch_async())
        return None if found is None else _call(found)

    async def fetch_message(self, sid: str) -> CarrierMessage | None:
        found = await self._ask(self._client.messages(sid).fetch_async())
        return None if found is None else _message(found)

    async def received(self, to: str, since_ms: int) -> AsyncIterator[CarrierMessage]:
        """SMS from users to our number `to` that were created at or after `since_ms`, newest first, page by page.

        Those that the carrier is still receiving are left out. Raises CarrierUnavailableError.
        """
        # The filter knows only UTC dates; of an SMS from a user DateSent is the time of receipt.
        day = datetime.fromtimestamp(since_ms // DAY_MS * DAY_MS / 1000, UTC)
        page = await self._ask(
            self._client.messages.page_async(to=to, date_sent_after=day, page_size=PAGE_SIZE)
        )
        for _ in range(MAX_RECEIVED_PAGES):
            records = [] if page is None else list(page)
            messages = [(_message(record), str(record.direction)) for record in records]
            young = [(m, direction) for m, direction in messages if m.created_at >= _second(since_ms)]
            for message, direction in young:
                if direction == "inbound" and message.status != "receiving":
                    yield message
            if not young:  # newest first: what follows is older still
                return
            page = await self._ask(page.next_page_async())
        raise CarrierUnavailableError(f"more than {MAX_RECEIVED_PAGES * PAGE_SIZE} SMS to one number")

    async def cancel(self, sid: str) -> CarrierCall | None:
        return await self._end(sid, "canceled")

    async def hang_up(self, sid: str) -> CarrierCall | None:
        # `canceled` first: a call that rings must not be answered between a look at it and the request.
        call = await self._end(sid, "canceled")
        return call if call is None or call.ended else await self._end(sid, "completed")

    async def close(self) -> None:
        await self._http.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _place(self, uri: str, form: dict[str, Any]) -> PlaceResult:
        # What `calls.create_async` does, without the object that it makes of the answer: of that we need the sid.
        try:
            created = await self._client.api.v2010.create_async(
                "POST", uri, data=form, headers=_CREATE_HEADERS
            )
            sid = created.get("sid")
        except Exception as error:  # the table decides, and for what it does not know it says Unknown
            return place_result(error)
        return Placed(sid) if sid else Unknown("an answer without a sid")

    async def _end(self, sid: str, status: str) -> CarrierCall | None:
        try:
            return _call(await self._client.calls(sid).update_async(status=status))
        except (TwilioRestException, TwilioServiceException) as error:
            if error.status == 404:
                return None
            if 400 <= error.status < 500:  # "not in a state for that": what it is then is the answer
                return await self.fetch_call(sid)
            raise CarrierUnavailableError(describe(error)) from error
        except Exception as error:
            raise CarrierUnavailableError(describe(error)) from error

    async def _ask(self, question: Any) -> Any:
        try:
            async with asyncio.timeout(ASK_WAIT_S):
                return await question
        except Exception as error:
            if isinstance(error, TwilioRestException | TwilioServiceException) and error.status == 404:
                return None
            raise CarrierUnavailableError(describe(error)) from error


def _bounded(found: Any) -> list[Any]:
    if found is None:
        raise CarrierUnavailableError("the carrier knows no such list")
    if len(found) >= MAX_RECORDS:
        raise CarrierUnavailableError(f"more than {MAX_RECORDS} records between two numbers")
    return list(found)


def _second(at_ms: int) -> int:
    """The carrier cuts times to the second: what was created in the same second counts as after."""
    return at_ms // 1000 * 1000


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp()) * 1000


def _call(record: Any) -> CarrierCall:
    return CarrierCall(
        sid=record.sid,
        to=record.to,
        from_=record._from,
        status=str(record.status),
        created_at=_ms(record.date_created) or 0,
        started_at=_ms(record.start_time),
        ended_at=_ms(record.end_time),
    )


def _message(record: Any) -> CarrierMessage:
    return CarrierMessage(
        sid=record.sid,
        to=record.to,
        from_=record.from_,
        status=str(record.status),
        created_at=_ms(record.date_created) or 0,
        body=record.body or "",
        error_code=record.error_code,
    )
