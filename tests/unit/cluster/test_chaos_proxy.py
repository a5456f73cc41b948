"""The fault proxy on frames of our own: what is held does not arrive, and nothing else waits for it."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from infra.chaos import WRITE_TXN_MARKERS, FaultProxy
from tests.waiting import until

METADATA = 3
PATIENCE_S = 10.0


class Broker(socketserver.ThreadingTCPServer):
    """Answers each request with its own bytes, and keeps them in the order in which they came."""

    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.hung_up = threading.Event()
        super().__init__(("127.0.0.1", 0), _Echo)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class _Echo(socketserver.StreamRequestHandler):
    server: Broker

    def handle(self) -> None:
        while size := self.rfile.read(4):
            request = self.rfile.read(struct.unpack(">i", size)[0])
            self.server.got.append(request)
            self.wfile.write(size + request)
        self.server.hung_up.set()


class Client:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.answers = self.socket.makefile("rb")

    def send(self, api_key: int, body: bytes = b"") -> bytes:
        request = struct.pack(">hh", api_key, 0) + body
        self.socket.sendall(struct.pack(">i", len(request)) + request)
        return request

    def answer(self) -> bytes:
        """The next answer; empty when the connection was cut."""
        size = self.answers.read(4)
        return self.answers.read(struct.unpack(">i", size)[0]) if size else b""

    def close(self) -> None:
        self.answers.close()
        self.socket.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker
        broker.shutdown()


@pytest.fixture
def proxy(broker: Broker) -> Iterator[FaultProxy]:
    proxy = FaultProxy(broker.server_address[1])
    yield proxy
    proxy.close()


@pytest.fixture
def connect(proxy: FaultProxy) -> Iterator[Callable[[], Client]]:
    clients: list[Client] = []

    def connect() -> Client:
        clients.append(Client(proxy.port))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def until_held(proxy: FaultProxy, number: int = 1) -> None:
    until(lambda: proxy.held(WRITE_TXN_MARKERS) == number, f"{number} held", PATIENCE_S)


def test_requests_and_answers_pass_whole(connect: Callable[[], Client]) -> None:
    """Also one that is larger than every buffer on the way."""
    client = connect()
    for body in (b"", b"x" * 3_000_000, b"y"):
        assert client.send(METADATA, body) == client.answer()


def test_a_held_request_arrives_when_it_is_released(
    proxy: FaultProxy, broker: Broker, connect: Callable[[], Client]
) -> None:
    """What comes behind it on its connection waits with it, in order; other connections go on."""
    proxy.hold(WRITE_TXN_MARKERS)
    held, free = connect(), connect()
    marker = held.send(WRITE_TXN_MARKERS)
    behind = held.send(METADATA, b"behind")
    until_held(proxy)
    passed = free.send(METADATA, b"free")
    assert free.answer() == passed
    assert broker.got == [passed]
    proxy.release()
    assert (held.answer(), held.answer()) == (marker, behind)
    until_held(proxy, 0)


def test_other_keys_may_be_held_instead(proxy: FaultProxy, connect: Callable[[], Client]) -> None:
    """`hold` says what is held from now on: what it does not name any more gets through."""
    proxy.hold(WRITE_TXN_MARKERS)
    client, other = connect(), connect()
    marker = client.send(WRITE_TXN_MARKERS)
    until_held(proxy)
    proxy.hold(METADATA)
    assert client.answer() == marker
    other.send(METADATA)
    assert other.send(WRITE_TXN_MARKERS)
    proxy.drop()
    assert other.answer() == b"", "it waited behind what was held, and was lost with it"


def test_a_held_request_whose_sender_has_gone_is_late_not_lost(
    proxy: FaultProxy, broker: Broker, connect: Callable[[], Client]
) -> None:
    """It was on its way: a network delivers it."""
    proxy.hold(WRITE_TXN_MARKERS)
    client = connect()
    marker = client.send(WRITE_TXN_MARKERS)
    until_held(proxy)
    client.close()
    proxy.release()
    until(lambda: broker.got == [marker], "it arrives", PATIENCE_S)


def test_a_client_that_hangs_up_is_gone_for_the_broker_too(
    broker: Broker, connect: Callable[[], Client]
) -> None:
    """Otherwise each reconnect would leave a connection behind."""
    client = connect()
    client.send(METADATA)
    assert client.answer()
    client.close()
    assert broker.hung_up.wait(PATIENCE_S)


def test_drop_cuts_connections_and_loses_what_was_held(
    proxy: FaultProxy, broker: Broker, connect: Callable[[], Client]
) -> None:
    """The next connection is served."""
    proxy.hold(WRITE_TXN_MARKERS)
    client = connect()
    client.send(WRITE_TXN_MARKERS)
    until_held(proxy)
    proxy.drop()
    assert client.answer() == b""
    proxy.release()
    again = connect()
    request = again.send(METADATA)
    assert again.answer() == request
    assert broker.got == [request]


def test_nothing_behind_it_closes_the_connection(connect: Callable[[], Client], broker: Broker) -> None:
    """As a broker that is down looks to its clients: at once, not after a timeout."""
    broker.shutdown()
    broker.server_close()
    assert connect().answer() == b""


def test_closing_again_does_nothing(proxy: FaultProxy, connect: Callable[[], Client]) -> None:
    """With connections open; its port is free then."""
    client = connect()
    client.send(METADATA)
    assert client.answer()
    proxy.close()
    proxy.close()
    assert client.answer() == b""
    with pytest.raises(OSError, match="refused"):
        Client(proxy.port)
