"""The admin API from Python, blocking, with nothing but the standard library: for the CLI, demos and tests."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

Event = dict[str, Any]


class SimulatorError(Exception):
    """The simulator said no, or is not there."""


class SimulatorClient:
    def __init__(self, url: str, timeout_s: float = 30.0) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s

    def healthy(self) -> bool:
        try:
            return bool(json.loads(self._call("GET", "healthz"))["ok"])
        except SimulatorError:
            return False

    def send_sms(self, from_: str, to: str, body: str, **more: Any) -> dict[str, Any]:
        """A user texts us; `more` as in admin.TextFromUser. The sid, and what our webhook answered."""
        text = {"from": from_, "to": to, "body": body, **more}
        answer: dict[str, Any] = json.loads(self._call("POST", "sms", text))
        return answer

    def behave(
        self, number: str, *calls: Mapping[str, Any], messages: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """The steps of one number; `*` for all others."""
        behaviour: dict[str, Any] = {"number": number}
        if calls:
            behaviour["calls"] = calls
        if messages:
            behaviour["messages"] = messages
        self._call("POST", "behaviours", behaviour)

    def fault(self, kind: str, action: str, **more: Any) -> None:
        """Add a rule; fields as in script.Fault (`from_` for `from`)."""
        rule = {"kind": kind, "action": action, **more}
        if "from_" in rule:
            rule["from"] = rule.pop("from_")
        self._call("POST", "faults", rule)

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force, with how often each has `matched`."""
        rules: list[dict[str, Any]] = json.loads(self._call("GET", "faults"))
        return rules

    def clear_faults(self) -> None:
        self._call("DELETE", "faults")

    def open_account(self, **account: Any) -> None:
        self._call("POST", "accounts", account)

    def pause(self, for_s: float | None = None) -> None:
        self._call("POST", "pause", {} if for_s is None else {"for_s": for_s})

    def resume(self) -> None:
        self._call("POST", "resume")

    def reset(self) -> None:
        self._call("POST", "reset")

    def truth(self, after: int = 0, type_: str | None = None, wait_s: float = 0.0) -> list[Event]:
        """Ground-truth events after a `seq`; with wait_s it waits so long for the first."""
        query: dict[str, Any] = {"after": after, "wait_s": wait_s}
        if type_ is not None:
            query["type"] = type_
        return [json.loads(line) for line in self._call("GET", f"truth?{urlencode(query)}").splitlines()]

    def wait_for(
        self,
        type_: str,
        matches: Callable[[Event], bool] = lambda _: True,
        timeout_s: float = 10.0,
        after: int = 0,
    ) -> Event:
        """The first event of this type that matches, past or to come. Raises TimeoutError."""
        for event in self.follow(type_, timeout_s, after):
            if matches(event):
                return event
        raise TimeoutError(f"no such {type_} within {timeout_s} s")

    def follow(self, type_: str | None = None, timeout_s: float = 10.0, after: int = 0) -> Iterator[Event]:
        """Events as they come, until `timeout_s` has passed in all."""
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            for event in self.truth(after, type_, min(left_s, 20.0)):
                after = event["seq"]
                yield event

    def _call(self, method: str, path: str, body: Any = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/simulator/{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as response:
                content: bytes = response.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                raise SimulatorError(error.read().decode("utf-8", "replace")) from error
        except OSError as error:
            raise SimulatorError(f"{self.url}: {error}") from error
