"""The customer's side of the carrier: an HTTP server that takes webhooks, notes them and answers as told."""

import queue
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Webhook:
    path: str
    url: str
    params: dict[str, str]
    signature: str


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: str = "<Response/>"
    after_s: float = 0.0


class Customer:
    """Answers stand in a list per path: each request takes the first, the last one stays."""

    def __init__(self) -> None:
        self._received: queue.Queue[Webhook] = queue.Queue()
        self._answers: dict[str, list[Answer]] = {}
        customer = self

        class Handler(BaseHTTPRequestHandler):  # HTTP/1.0: no connection outlives its request
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                path = self.path.partition("?")[0]
                customer._received.put(
                    Webhook(
                        path,
                        customer.url(self.path),
                        dict(parse_qsl(body, keep_blank_values=True)),
                        self.headers["X-Twilio-Signature"],
                    )
                )
                answer = customer._next(path)
                time.sleep(answer.after_s)  # a slow customer is the point here
                self.send_response(answer.status)
                self.send_header("Content-Type", "text/xml")
                self.end_headers()
                self.wfile.write(answer.body.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def answers(self, path: str, *answers: Answer | str) -> None:
        self._answers[path] = [
            answer if isinstance(answer, Answer) else Answer(200, answer) for answer in answers
        ]

    def receive(self, path: str | None = None, timeout_s: float = 10.0) -> Webhook:
        """The next webhook (to `path`; others before it are passed over). Raises queue.Empty."""
        while True:
            webhook = self._received.get(timeout=timeout_s)
            if path is None or webhook.path == path:
                return webhook

    def receive_until(self, status: str, timeout_s: float = 10.0) -> list[Webhook]:
        """All webhooks up to the one that tells this CallStatus or MessageStatus."""
        received = [self.receive(timeout_s=timeout_s)]
        while status not in (received[-1].params.get("CallStatus"), received[-1].params.get("MessageStatus")):
            received.append(self.receive(timeout_s=timeout_s))
        return received

    def waiting(self) -> int:
        return self._received.qsize()

    def _next(self, path: str) -> Answer:
        answers = self._answers.get(path, [Answer()])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
