"""Twilio's own OpenAPI description of the API, and a proxy that notes what goes over the wire.

The description comes in the npm package `@twilio/cli-core`, fetched once into the cache folder by `npm pack` from
whatever registry npm is set up for, and held against the hash below.
"""

import http.client
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from tests.npm_package import NpmPackage

PUBLISHED = NpmPackage(
    "@twilio/cli-core",
    "9.0.0",
    "FPHm5gXAUwM2oATmQi3AGYPFz4Urg5G5/vDkpUu5WqNuwueQaS93HwXjdX1OM+miuq0LMimdfbXDTLEp4Nsjfg==",
)
PATHS = ("Calls.json", "Calls/{Sid}.json", "Messages.json", "Messages/{Sid}.json")
FORM = "application/x-www-form-urlencoded"


def description(cache: Path) -> dict[str, Any]:
    """The description cut to our four paths. Needs npm unless the package is in `cache` already.

    Added is what the description leaves unsaid: form arrays repeat their name (style form, explode true).
    """
    full = PUBLISHED.read_json("package/src/services/twilio-api/twilio_api_v2010.json", cache)
    base = "/2010-04-01/Accounts/{AccountSid}/"
    full["paths"] = {base + path: full["paths"][base + path] for path in PATHS}
    for path in full["paths"].values():
        path.pop("servers", None)  # else the host would have to be the real one
        for method in ("get", "post"):
            for kind, body in path.get(method, {}).get("requestBody", {}).get("content", {}).items():
                assert kind == FORM
                body["encoding"] = {
                    name: {"style": "form", "explode": True}
                    for name, field in body["schema"]["properties"].items()
                    if field.get("type") == "array"
                }
    full["servers"] = [{"url": "/"}]
    return full


@dataclass(frozen=True)
class Exchanged:
    """One request and its answer, as they were on the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: bytes


class Recorder:
    """Stands before the simulator, passes everything on, and keeps it."""

    def __init__(self, upstream: str) -> None:
        self.exchanges: list[Exchanged] = []
        recorder, address = self, urlsplit(upstream).netloc

        class Handler(BaseHTTPRequestHandler):
            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name: value for name, value in self.headers.items() if name != "Connection"}
                upward = http.client.HTTPConnection(address, timeout=10)
                try:
                    upward.request(self.command, self.path, body, headers)
                    response = upward.getresponse()
                    answer = response.read()
                finally:
                    upward.close()
                recorder.exchanges.append(
                    Exchanged(self.command, self.path, headers, body, response.status, answer)
                )
                self.send_response(response.status)
                self.send_header("Content-Type", response.headers["Content-Type"])
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = _pass_on  # noqa: N815  # the names that http.server calls

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class UnpublishedError(Exception):
    """A field that the description does not know."""


class Published:
    """The description, and the two checks against it. `openapi-core` reads only the fields that it expects, so
    names that nobody expects are looked for here."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._api = OpenAPI.from_dict(document)

    def check_request(self, exchanged: Exchanged) -> None:
        """Raises OpenAPIError or UnpublishedError."""
        self._api.validate_request(_request(exchanged))
        operation = self._operation(exchanged)
        query = {name for name, _ in parse_qsl(urlsplit(exchanged.target).query)}
        unknown = query - {field["name"] for field in operation["parameters"] if field["in"] == "query"}
        form = {name for name, _ in parse_qsl(exchanged.body.decode())}
        if form:
            unknown |= form - set(operation["requestBody"]["content"][FORM]["schema"]["properties"])
        if unknown:
            raise UnpublishedError(f"{exchanged.method} {exchanged.target}: {sorted(unknown)}")

    def check_answer(self, exchanged: Exchanged) -> None:
        """Raises OpenAPIError."""
        answer = MockResponse(exchanged.answer, exchanged.status, content_type="application/json")
        self._api.validate_response(_request(exchanged), answer)

    def fields(self, schema: str) -> set[str]:
        return set(self._document["components"]["schemas"][schema]["properties"])

    def _operation(self, exchanged: Exchanged) -> dict[str, Any]:
        last = urlsplit(exchanged.target).path.split("/")[4:]
        name = last[0] if len(last) == 1 else f"{last[0]}/{{Sid}}.json"
        path = self._document["paths"]["/2010-04-01/Accounts/{AccountSid}/" + name]
        operation: dict[str, Any] = path[exchanged.method.lower()]
        return operation


def _request(exchanged: Exchanged) -> MockRequest:
    parts = urlsplit(exchanged.target)
    return MockRequest(
        "http://api",
        exchanged.method.lower(),
        parts.path,
        args=dict(parse_qsl(parts.query)),
        headers=exchanged.headers,
        data=exchanged.body,
        content_type=exchanged.headers.get("Content-Type", FORM),
    )
