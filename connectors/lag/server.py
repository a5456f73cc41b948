"""The exporter over HTTP, on the standard library's server: `/metrics`, `/healthz`, and a page that names them."""

from __future__ import annotations

import contextlib
import gzip
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from connectors.lag.exporter import SCRAPE_S, Exporter
from connectors.lag.page import CONTENT_TYPE

log = logging.getLogger("ringback.lag")

PORT = 9308  # the one that people's scrape configurations name
# What is kept of a scraper's patience for the way back.
RESERVE_S = 0.5
# The page of a large cluster shrinks to a twentieth; harder compression takes four times as long for little more.
GZIP_LEVEL = 1
_INDEX = b"""<html><head><title>ringback lag</title></head><body><h1>ringback lag</h1>
<p><a href="/metrics">/metrics</a></p></body></html>
"""


class LagServer:
    """Serves at once, in threads of its own, until `close`. Raises OSError when the address is taken."""

    def __init__(self, exporter: Exporter, host: str = "0.0.0.0", port: int = PORT) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    self._send_page(patience_s(self.headers.get("X-Prometheus-Scrape-Timeout-Seconds")))
                elif path == "/healthz":
                    self._send(200, b"ok\n", "text/plain")
                elif path == "/":
                    self._send(200, _INDEX, "text/html")
                else:
                    self._send(404, b"/metrics or /healthz\n", "text/plain")

            def _send_page(self, timeout_s: float) -> None:
                try:
                    page = exporter.page(timeout_s)
                except Exception:  # our mistake; the next scrape may fare better
                    log.exception("the page could not be made")
                    self._send(500, b"the page could not be made; the log says why\n", "text/plain")
                else:
                    self._send(200, page, CONTENT_TYPE)

            def _send(self, status: int, body: bytes, content_type: str) -> None:
                with contextlib.suppress(ConnectionError):  # a scraper that has lost its patience
                    self._write(status, body, content_type)

            def _write(self, status: int, body: bytes, content_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                if len(body) > 1_000 and "gzip" in self.headers.get("Accept-Encoding", ""):
                    body = gzip.compress(body, GZIP_LEVEL)
                    self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """A scrape every few seconds is not worth a line."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="lag", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def patience_s(header: str | None) -> float:
    """How long a page may take, from what Prometheus says that it waits."""
    try:
        seconds = float(header or "")
    except ValueError:
        return SCRAPE_S
    return max(seconds / 2, seconds - RESERVE_S)
