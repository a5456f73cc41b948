"""The lag of each stage, once a second, by the very code of the lag exporter (connectors/lag)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException

from connectors.lag import Backlogs, Lag, Observer
from connectors.lag.notes import notes, overdue_s
from infra.bench.timers.cost import TICKS_PER_S
from infra.cli.lag_view import oldest_s
from streams.topology import STAGES

EVERY_S = 1.0
LOOK_S = 5.0
GROUPS = {stage.group: name for name, stage in STAGES.items()}


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. By stage: the age (s) of the oldest record that it has not committed, over all its partitions, and
    the members of its group. `overdue_s`: by how much the timer stream's next timer is late. `busy_s`: CPU seconds of
    the whole machine since it was booted. A stage that nothing is known of is absent."""

    at_ms: int
    lag_s: Mapping[str, float]
    members: Mapping[str, int]
    overdue_s: float
    busy_s: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def sample_of(found: Lag, busy_s: float) -> Sample:
    """What the exporter's page would say, made small."""
    lag_s: dict[str, float] = {}
    members: dict[str, int] = {}
    for group, topics in found.lags.groups:
        stage = GROUPS.get(group.name)
        if stage is None:
            continue
        ages = [oldest_s(topic) for topic in topics]
        if ages and None not in ages:
            lag_s[stage] = max(age for age in ages if age is not None)
        if group.members is not None:
            members[stage] = group.members
    late_s = max((overdue_s(note, found.snapshot.at_ms) for _, note in notes(found.snapshot)), default=0.0)
    return Sample(found.snapshot.at_ms, lag_s, members, late_s, busy_s)


class Sampler:
    """Looks until `close`, in a thread of its own. A look that fails leaves no sample; `failed` has why."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self._observer = Observer(config, group=GROUPS.__contains__, backlogs=Backlogs())
        self.samples: list[Sample] = []
        self.failed: list[str] = []
        self._died: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)
        self._thread.start()

    def calm(self, counts: Mapping[str, int], within_s: float, times: int) -> bool:
        """Were the last `times` samples all within that lag, with these members in the groups?

        Raises RuntimeError when the sampler itself has ended.
        """
        if self._died is not None:
            raise RuntimeError("the lag is not sampled any more") from self._died
        last = self.samples[-times:]
        return len(last) == times and all(
            sample.members.get(stage) == count and sample.lag_s.get(stage, within_s + 1) <= within_s
            for sample in last
            for stage, count in counts.items()
        )

    def last(self) -> str:
        """What was seen last, for the message of a failure."""
        seen = str(self.samples[-1]) if self.samples else "nothing was seen"
        return f"{seen}; {len(self.failed)} looks failed: {self.failed[-1:]}"

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._observer.close()

    def _run(self) -> None:
        try:
            next_s = time.monotonic()
            while not self._stop.is_set():
                self._look()
                next_s = max(next_s + EVERY_S, time.monotonic())
                self._stop.wait(next_s - time.monotonic())
        except BaseException as error:  # told by `calm`, in the thread that waits
            self._died = error

    def _look(self) -> None:
        try:
            self.samples.append(sample_of(self._observer.look(LOOK_S), busy_s()))
        except KafkaException as error:
            self.failed.append(str(error))


@contextmanager
def sampling(config: Mapping[str, str]) -> Iterator[Sampler]:
    sampler = Sampler(config)
    try:
        yield sampler
    finally:
        sampler.close()


def busy_s() -> float:
    """CPU seconds that this machine has worked, all cores (man 5 proc, /proc/stat: all but idle and iowait)."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS_PER_S
