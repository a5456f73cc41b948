"""A carrier that only answers 201: no callbacks, no TwiML, no pacing, no records.

What it costs is taken from the machine that is measured, so it does as little as HTTP allows: it finds the end of the
request, takes `To` and `Url` out of the form, and writes a call's resource as Twilio's API has it. The simulator, which
does all that a carrier does, costs ten times as much a call.

    python -m infra.bench.calls.answering        prints its port; GET /seen: what it has seen, as JSON
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter
from typing import cast
from urllib.parse import parse_qs, urlsplit

from connectors.event_loop import new_event_loop

RESOURCE = json.dumps(
    {
        "sid": "{sid}",
        "account_sid": "AC" + "5" * 32,
        "date_created": "Sat, 21 Nov 2026 10:00:00 +0000",
        "date_updated": "Sat, 21 Nov 2026 10:00:00 +0000",
        "parent_call_sid": None,
        "to": "{to}",
        "to_formatted": "{to}",
        "from": "+13125550000",
        "from_formatted": "+13125550000",
        "phone_number_sid": None,
        "status": "queued",
        "start_time": None,
        "end_time": None,
        "duration": None,
        "price": None,
        "price_unit": "USD",
        "direction": "outbound-api",
        "answered_by": None,
        "api_version": "2010-04-01",
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": "0",
        "trunk_sid": None,
        "uri": "/2010-04-01/Accounts/AC/Calls/{sid}.json",
        "subresource_uris": {"notifications": "/Notifications.json", "recordings": "/Recordings.json"},
    }
)


class Seen:
    """The calls that were asked for: how often each `k` of their URLs, and when the first and the last."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.calls: Counter[str] = Counter()
        self.first_s = self.last_s = 0.0

    def note(self, form: str) -> str:
        """Returns whom it is to."""
        fields = parse_qs(form)
        self.last_s = time.time()
        self.first_s = self.first_s or self.last_s
        key = parse_qs(urlsplit(fields["Url"][0]).query).get("k", [fields["To"][0]])[0]
        self.calls[key] += 1
        return fields["To"][0]

    def as_json(self) -> str:
        return json.dumps(
            {
                "calls": self.calls.total(),
                "keys": len(self.calls),
                "first_s": self.first_s,
                "last_s": self.last_s,
            }
        )


class Answering(asyncio.Protocol):
    """One connection, HTTP/1.1 with Content-Length, one request after the other."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's are no subclasses

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        assert self._transport is not None
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            self._transport.write(self._answer(head, body))
            if b"connection: close" in head:
                self._transport.close()
                return

    def _answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"get"):
            page = _response("200 OK", self._seen.as_json())
            if head.startswith(b"get /forget"):
                self._seen.forget()
            return page
        to = self._seen.note(body.decode())
        sid = "CA" + uuid.uuid4().hex
        return _response("201 Created", RESOURCE.replace("{sid}", sid).replace("{to}", to))


def _response(status: str, body: str) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def main() -> None:
    seen = Seen()
    server = await asyncio.get_running_loop().create_server(lambda: Answering(seen), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
