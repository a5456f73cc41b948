"""Answers of the API as Twilio gives them, errors included."""

from typing import Any

import msgspec
from starlette.responses import Response

_encode = msgspec.json.Encoder().encode
MESSAGES = {
    20003: "Authenticate",
    20404: "The requested resource {detail} was not found",
    20004: "Method not allowed",
    20001: "{detail}",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    20503: "Service Unavailable",
    21201: "No 'To' number is specified",
    21205: "Url parameter is required.",
    21211: "The 'To' number {detail} is not a valid phone number.",
    21212: "The source phone number provided, {detail}, is not yet verified for your account.",
    21213: "No 'From' number specified",
    21220: "Call is not in-progress. Cannot redirect.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21617: "The concatenated message body exceeds the 1600 character limit.",
}
USUAL_CODE = {400: 20001, 401: 20003, 404: 20404, 405: 20004, 429: 20429, 500: 20500, 503: 20503}


def json_reply(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(
        _encode(body), status, {"Twilio-Concurrent-Requests": "1", **(headers or {})}, "application/json"
    )


class RefusedError(Exception):
    """The request ends with an error body."""

    def __init__(self, status: int, code: int | None = None, detail: str = "") -> None:
        super().__init__(f"{status} {code} {detail}")
        self.status = status
        self.code = code or USUAL_CODE.get(status, 20500)
        self.detail = detail

    def reply(self, headers: dict[str, str] | None = None) -> Response:
        message = MESSAGES.get(self.code, f"Error {self.code}").format(detail=self.detail)
        body = {
            "code": self.code,
            "message": message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
        extra = dict(headers or {})
        if self.status == 401:
            extra["WWW-Authenticate"] = 'Basic realm="Twilio API"'
        return json_reply(self.status, body, extra)
