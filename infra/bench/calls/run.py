"""The whole measurement: runs in turn, medians, a table, a verdict."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from infra.bench.calls.life import Life, live
from infra.bench.calls.member import Line, Placing
from infra.bench.reporting import Progress
from infra.cluster import LocalCluster

BAR_PER_S = 1_500.0
GOAL_RATIO = 0.5
WARM_UP = 2_000


@dataclass(frozen=True, slots=True)
class Plain:
    """The same requests alone."""

    per_s: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Report:
    plain: list[Plain]
    placing: list[Placing]
    life: Life | None

    @property
    def per_s(self) -> float:
        return median(run.per_s for run in self.placing)

    @property
    def ratio(self) -> float:
        return self.per_s / median(run.per_s for run in self.plain)

    @property
    def faults(self) -> dict[str, int]:
        found: dict[str, int] = {}
        lives = [self.life.faults] if self.life else []
        for faults in [*(run.faults for run in self.placing), *lives]:
            for name, number in faults.items():
                found[name] = found.get(name, 0) + number
        return found

    @property
    def fine(self) -> bool:
        return self.per_s >= BAR_PER_S and not self.faults

    def as_json(self) -> dict[str, Any]:
        found = {"fine": self.fine, "bar_per_s": BAR_PER_S, "per_s": self.per_s, "ratio": self.ratio}
        return {**found, **asdict(self)}


def measure(number: int, in_flight: int, runs: int, *, with_life: bool, progress: Progress) -> Report:
    """Always on a cluster of our own, which ends with it."""
    with tempfile.TemporaryDirectory(prefix="bench-calls-") as name:
        folder = Path(name)
        with LocalCluster.start(folder / "cluster", progress=progress) as cluster:
            line = Line(cluster.bootstrap_servers, cluster.redis_url, folder)
            plain, placing = [], []
            try:
                # First: calls of which nobody tells the end, as the others', would be asked for meanwhile.
                life = live(cluster, folder, number // 10, progress) if with_life else None
                line.start()
                line.place(WARM_UP)
                for run in range(runs):
                    plain.append(_plain(line.carrier.base_url, number, in_flight))
                    placing.append(line.place(number))
                    progress(
                        f"run {run + 1}: plain {plain[-1].per_s:,.0f}/s, exactly once {placing[-1].per_s:,.0f}/s"
                    )
            finally:
                line.close()
    return Report(plain, placing, life)


def _plain(base_url: str, number: int, in_flight: int) -> Plain:
    command = [sys.executable, "-m", "infra.bench.calls.plain", base_url, str(number), str(in_flight)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    return Plain(**json.loads(done.stdout))


def table(report: Report) -> str:
    """Medians over the runs."""
    lines = [
        f"{'calls placed, medians of ' + str(len(report.placing)) + ' runs':44}{'calls/s':>10}{'CPU us a call':>16}",
        f"{'the same HTTP requests alone':44}{median(r.per_s for r in report.plain):10,.0f}"
        f"{median(r.cpu_us for r in report.plain):16,.0f}",
        f"{'one member, exactly once':44}{report.per_s:10,.0f}"
        f"{median(r.cpu_us for r in report.placing):16,.0f}",
        f"{'ratio':44}{report.ratio:10.2f}    goal {GOAL_RATIO}; bar {BAR_PER_S:,.0f} calls/s: "
        + ("met" if report.per_s >= BAR_PER_S else "missed"),
    ]
    if report.life:
        life = report.life
        lines += [
            "",
            "the whole life of a call (ringing, words, key, callbacks):",
            f"  {life.number:,} calls at {life.per_s:,.0f}/s, {life.given_back:,} given back",
            *(f"{'  ' + name + ', CPU us a call':44}{cpu_us:10,.0f}" for name, cpu_us in life.cpu_us.items()),
        ]
    lines.append(f"faults: {report.faults or 'none'}")
    return "\n".join(lines)
