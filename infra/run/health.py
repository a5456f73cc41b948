"""`/healthz`, `/readyz` and `/metrics` of a `ringback run` process, on the standard library's server.

`/healthz` says that the members' loops move; `/readyz` that each has its partitions, restored and moving, and that
no gate is being filled: nobody is called for a partition whose gate is. It names the partitions that stand still.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from connectors.metrics import PrometheusMetrics


class Watched(Protocol):
    name: str

    @property
    def alive(self) -> bool: ...

    @property
    def ready(self) -> bool: ...


class HealthServer:
    """Serves on all interfaces (a probe comes from outside) at `port`; 0 takes a free one, see `port`."""

    def __init__(
        self,
        port: int,
        members: Sequence[Watched],
        metrics: PrometheusMetrics,
        filling: Callable[[], dict[str, Any]] = dict,
        held: Callable[[], dict[str, str]] = dict,
    ) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    page, content_type = metrics.page(self.headers.get("Accept", ""))
                    self._send(200, page, content_type)
                elif self.path in ("/healthz", "/readyz"):
                    fine = {m.name: m.alive if self.path == "/healthz" else m.ready for m in members}
                    more = _reasons(filling(), held()) if self.path == "/readyz" else {}
                    ok = all(fine.values()) and "filling_gates" not in more
                    answer = {"ok": ok, "members": fine, **more}
                    self._send(200 if ok else 503, json.dumps(answer).encode(), "application/json")
                else:
                    self._send(404, b"/healthz, /readyz or /metrics\n", "text/plain")

            def _send(self, status: int, body: bytes, content_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """A scrape every few seconds is not worth a line."""

        self._server = _Server(("0.0.0.0", port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that gave up while we were busy, or paused, is worth no stack trace."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _reasons(gates: dict[str, Any], held: dict[str, str]) -> dict[str, Any]:
    """What keeps a process from being ready, as far as it is known: gates that are filled, partitions that are held."""
    return ({"filling_gates": gates} if gates else {}) | ({"held": held} if held else {})
