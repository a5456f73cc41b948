"""The whole pipeline under the worst cases: what can be killed, paused and held back, and what is then known of it.

One world serves many cases, each with users of its own; so a case's history holds nothing of another's, and what a
case leaves behind may show in the next. `Scale` says how long things take: the short form keeps every order of events
(a pause is longer than the claim's age, the session and T_resolve), with smaller bounds.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from confluent_kafka import KafkaException

from infra.chaos import FaultProxy
from infra.cluster import ChildProcess, LocalCluster
from infra.oracle import History, Records, Row, Verdict, judge
from infra.simulator.client import Event
from streams.tenants import Tenant
from streams.topology import CALLING, STAGES
from tests.integration.path.pipeline import OUR_NUMBER, TENANT, Pipeline
from tests.integration.worst_cases.member import CLOCK_FILE, SESSION_MS

HOT_NUMBER = "+14155550199"
HOT = Tenant(
    id="hot",
    numbers=(HOT_NUMBER,),
    price_per_sms=Decimal("0.01"),
    price_per_answered_call=Decimal("0.10"),
    calls_per_second=20.0,
    retry_backoff_s=1.0,
    confirm_first_contact=False,
)
ANSWER: Event = {"outcome": "answer", "hang_up_after_s": 1.0}
CALLS = CALLING.name
OTHERS = tuple(name for name in STAGES if name != CALLS)


@dataclass(frozen=True, slots=True)
class Scale:
    """How long the faults last, seconds. `resolve_s` is T_resolve, `session_s` how soon a silent member is missed."""

    name: str
    resolve_s: float
    session_s: float
    pause_s: float
    hold_s: float  # an EndTxn
    markers_s: float  # markers
    callback_s: float  # how late
    outage_s: float
    back_s: float  # what a restart may take until a phone that rings is picked up
    hot: int  # reminders of the hot tenant


SHORT = Scale("short", 3, 3, 0, 6, 2, 5, 4, 8, 30)
LONG = Scale("long", 120, 6, 90, 15, 15, 100, 20, 8, 400)


class World(Pipeline):
    """A gateway, `others` (all stages but one) and members of `calls`, each a process. `proxies`: one a broker."""

    program = ("-m", "tests.integration.worst_cases.member")

    def __init__(
        self,
        cluster: LocalCluster,
        cluster_folder: Path,
        folder: Path,
        scale: Scale,
        proxies: Mapping[int, FaultProxy],
    ) -> None:
        super().__init__(
            cluster,
            cluster_folder,
            folder,
            tenants=(TENANT, HOT),
            resolve_s=scale.resolve_s,
            replication_factor=len(proxies),
        )
        # People who have heard enough: nobody waits for the end of the time in which a key may be pressed.
        self.simulator.control.behave("*", ANSWER)
        self.scale = scale
        self.proxies = proxies
        self.cases: list[Case] = []
        self._numbers = itertools.count(1)
        self._plain: set[str] = set()  # processes that run as an operator would run them
        self._records = Records(self.settings.kafka_config())

    # -- processes

    def start(self) -> None:
        self.start_gateway()
        self.run("others", *OTHERS)
        self.run(CALLS)

    def run(
        self,
        name: str,
        *stages: str,
        failpoint: str = "",
        proxied: bool = False,
        clock_file: Path | None = None,
    ) -> ChildProcess:
        """Start the process `name`, in place of the one of that name, which is killed: nothing is finished politely.

        `proxied`: its Kafka is behind the fault proxies. `clock_file`: by how much its clock is wrong.
        """
        if name in self._children:
            self._children[name].kill()
        self._plain.discard(name)
        if not (failpoint or proxied or clock_file):
            self._plain.add(name)
        environment = {SESSION_MS: str(round(self.scale.session_s * 1000))}
        if clock_file:
            environment[CLOCK_FILE] = str(clock_file)
        if failpoint:
            environment["RINGBACK_FAILPOINTS"] = failpoint
        if proxied:
            environment["KAFKA_BOOTSTRAP_SERVERS"] = ",".join(
                f"127.0.0.1:{proxy.port}" for proxy in self.proxies.values()
            )
        return self._spawn(name, "run", *(stages or (CALLS,)), **environment)

    def rest(self) -> None:
        """Both processes run, and nothing is wrong with them: restarted only where something is."""
        if "others" not in self._plain or not self._children["others"].running:
            self.run("others", *OTHERS)
        if CALLS not in self._plain or not self._children[CALLS].running:
            self.run(CALLS)

    def restart_gateway(self) -> None:
        """On the port that the carrier knows."""
        port = self.public_url.rpartition(":")[2]
        self._children["gateway"].kill()
        self._spawn("gateway", "gateway", "--port", port)

    def kill_all(self) -> None:
        for child in self._children.values():
            if child.running:
                os.kill(child.guardian_pid, signal.SIGUSR1)  # all at once: `kill` waits for each
        for child in self._children.values():
            child.kill()

    def end(self, name: str) -> None:
        """Stop a process for good, politely: its partitions move when its session is over."""
        self._children.pop(name).stop(20)

    def is_paused(self, name: str) -> bool:
        """Has the process stopped (SIGSTOP)?"""
        status = Path(f"/proc/{self.child(name).pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "T"

    def let_go_on(self, name: str) -> None:
        os.kill(self.child(name).pid, signal.SIGCONT)

    def close(self) -> None:
        self.kill_all()
        self._records.close()
        self.simulator.close()

    # -- what is known

    def rows(self) -> list[Row]:
        """Every committed record that a case is judged by, decoded. What was read once is not read again."""
        return self._records.rows()

    def missing(self) -> list[str]:
        return [f"{v.case}: {sentence}" for v in self.verdicts() for sentence in (*v.wrong, *v.missing)]

    def verdicts(self) -> list[Verdict]:
        """Of every case so far, as things stand now."""
        rows, truth = self.rows(), self.simulator.control.truth()
        return [case.judge(rows, truth) for case in self.cases]

    @contextmanager
    def case(self, name: str) -> Iterator[Case]:
        """A case: the block does the harm and undoes it; at its end all must settle, and the verdict is kept."""
        case = Case(self, name)
        self.cases.append(case)
        began_s = time.monotonic()
        try:
            yield case
            case.settle()
        finally:
            self.simulator.control.clear_faults()
            with_time = f"{name} ({time.monotonic() - began_s:.0f} s)"
            try:
                case.verdict = replace(case.judge_now(), case=with_time)
            except KafkaException:  # the block has failed with the brokers away
                case.verdict = replace(case.judge([], []), case=with_time, wrong=("the case ended early",))
        assert case.verdict.holds, "\n".join((*case.verdict.wrong, *case.verdict.missing))


class Case:
    """One worst case: its users, what they sent, and how it is judged."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.sent: dict[str, bool] = {}
        self.numbers: set[str] = set()
        self.verdict: Verdict | None = None

    def user(self) -> str:
        """A number that no other case uses."""
        number = f"+1212555{next(self.world._numbers):04d}"
        self.numbers.add(number)
        return number

    def remind(self, subject: str, in_s: int, to: str = OUR_NUMBER, phone: Event | None = None) -> str:
        """A new user asks to be reminded; returns their number. `phone`: what it does when it rings."""
        number = self.user()
        if phone is not None:
            self.world.simulator.control.behave(number, phone)
        unit = "second" if in_s == 1 else "seconds"
        self.text(number, f"Remind me to {subject} in {in_s} {unit}", to)
        return number

    def text(self, number: str, body: str, to: str = OUR_NUMBER) -> str:
        sid = f"SM{uuid.uuid4().hex}"
        sms = {"message_sid": sid, "from": number, "to": to, "body": body}
        self.sent[sid] = True
        self.world.produce("sms.inbound", json.dumps(sms).encode())
        return sid

    # -- what is known

    def judge(self, rows: list[Row], truth: list[Event]) -> Verdict:
        return judge(self.name, self._history(rows, truth))

    def judge_now(self) -> Verdict:
        return self.judge(self.world.rows(), self.world.simulator.control.truth())

    def _history(self, rows: list[Row], truth: list[Event]) -> History:
        mine = [row for row in rows if row.topic == "dead.letters" or self._is_mine(row.value["user"])]
        seen = [event for event in truth if event.get("to") in self.numbers]
        resolve_ms = round(self.world.scale.resolve_s * 1000)
        return History(self.sent, seen, mine, resolve_ms, time.time_ns() // 1_000_000)

    def _is_mine(self, user: str) -> bool:
        return user.rpartition("|")[2] in self.numbers

    def settle(self, timeout_s: float | None = None) -> None:
        """Wait until everything has its end in writing."""
        patience_s = self.world.scale.resolve_s + 120 if timeout_s is None else timeout_s
        self.world.wait_until(
            f"{self.name}: everything has ended", lambda: not self.judge_now().missing, patience_s
        )

    def states(self, number: str) -> list[str]:
        """The evidence about this user's calls, in the order of their partition."""
        return [
            row.value["state"]
            for row in self.world.rows()
            if row.topic == "calls.events" and row.value["user"].endswith(f"|{number}")
        ]

    def facts(self, number: str) -> list[str]:
        """What `reminders.events` says of this user."""
        return [
            row.value["type"]
            for row in self.world.rows()
            if row.topic == "reminders.events" and row.value["user"].endswith(f"|{number}")
        ]

    def created(self, number: str | None = None) -> int:
        """How many calls the carrier was asked for, to this number or to all of the case."""
        wanted = self.numbers if number is None else {number}
        return sum(
            event["to"] in wanted for event in self.world.simulator.control.truth(type_="call.created")
        )

    def until(self, claim: str, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        self.world.wait_until(f"{self.name}: {claim}", condition, timeout_s)
