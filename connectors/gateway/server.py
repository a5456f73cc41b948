"""The gateway as a server: bind, serve, and at the end finish what is in flight."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn

from connectors.gate import RedisGate
from connectors.gateway.app import create_app
from connectors.gateway.delivery import Deliveries, Encode, single_object
from connectors.gateway.limits import GatewaySettings
from connectors.kafka.clients import KafkaClients
from connectors.metrics import PrometheusMetrics
from connectors.settings import Settings

log = logging.getLogger("ringback.gateway")

BACKLOG = 1024
KEEP_ALIVE_S = 20
MAX_HEADER_BYTES = 16_384


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the event loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class GatewayServer:
    """One gateway in the running event loop. `settings` must name the broker, Redis, the token, the public URL.

    Raises SettingsError when it does not, OSError when the address is taken.
    """

    def __init__(
        self,
        settings: Settings,
        host: str = "127.0.0.1",
        port: int = 8080,
        metrics: PrometheusMetrics | None = None,
        encode: Encode = single_object,
    ) -> None:
        settings.require("kafka_bootstrap_servers", "redis_url", "twilio_auth_token", "public_url")
        gateway = GatewaySettings(
            settings.public_url or "", settings.twilio_auth_token or "", settings.twilio_account_sid
        )
        kafka = settings.kafka_config()
        clients = KafkaClients(kafka.pop("bootstrap.servers"), kafka)
        self.metrics = metrics or PrometheusMetrics()
        self._gate = RedisGate.from_url(settings.redis_url or "", replicas=settings.redis_replicas)
        self._deliveries = Deliveries(clients.plain_producer, self.metrics, encode)
        self._socket = socket.create_server((host, port), backlog=BACKLOG, reuse_port=False)
        self.port: int = self._socket.getsockname()[1]
        self._server = _Server(
            uvicorn.Config(
                create_app(gateway, self._gate, self._deliveries, self.metrics),
                http="h11",
                h11_max_incomplete_event_size=MAX_HEADER_BYTES,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,  # query strings and addresses are nobody's business
                server_header=False,
                proxy_headers=False,  # the signature is checked against PUBLIC_URL, whatever a proxy claims
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=round(gateway.stop_wait_s),
            )
        )

    async def run(self) -> None:
        """Serve until `stop`; returns when requests in flight are answered and Kafka has their records."""
        log.info("the gateway listens on port %d", self.port)
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            await self._gate.close()

    def stop(self) -> None:
        """Take no more requests, finish those in flight. Safe to call twice."""
        self._server.should_exit = True


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8080,
    started: Callable[[int], None] | None = None,
) -> None:
    """Run the gateway until SIGTERM or SIGINT. `started` is told the port once it is bound."""

    async def main() -> None:
        server = GatewayServer(settings, host, port)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, server.stop)
        if started is not None:
            started(server.port)
        await server.run()

    asyncio.run(main())
