"""The one exception by which a request is turned away, and how that looks to the client."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse


class Refused(Exception):
    """Answer with `status`. `reason` is a word that is counted; `detail` names no value of the request."""

    def __init__(self, status: int, reason: str, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s

    def response(self) -> JSONResponse:
        headers: Mapping[str, str] | None = None
        if self.retry_after_s is not None:
            headers = {"Retry-After": str(self.retry_after_s)}
        return JSONResponse({"error": self.reason, "detail": self.detail}, self.status, headers)


def bad_request(reason: str, detail: str) -> Refused:
    return Refused(400, reason, detail)


def unconfirmed(detail: str) -> Refused:
    """Kafka has not taken it: the carrier must not believe that we have it."""
    return Refused(503, "not_stored", detail, retry_after_s=2)
