"""What a Prometheus is told of the pipeline: whom it scrapes and which rules it evaluates; and the one that
`ringback up --metrics` runs. The compose file's configuration is made here too.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Object = dict[str, Any]
RULES = Path(__file__).with_name("rules")
SCRAPE_S = 5
JOB = "ringback-"  # the alert TargetAway looks at jobs that begin so
PROGRAM = "prometheus"
KEPT = "15d"  # the longest window of a rule is a day


def configuration(sources: Mapping[str, Mapping[str, Any]], rules: str, every_s: int) -> Object:
    """Prometheus' configuration file (its documentation, "Configuration").

    `sources`: what is scraped -> where it is found, as a `scrape_config` says it; `rules`: a glob of rule files.
    """
    return {
        "global": {"scrape_interval": f"{every_s}s", "evaluation_interval": f"{every_s}s"},
        "rule_files": [rules],
        "scrape_configs": [{"job_name": f"{JOB}{name}", **where} for name, where in sources.items()],
    }


def static(addresses: Sequence[str]) -> Object:
    """Where something is found that stays at `host:port`."""
    return {"static_configs": [{"targets": list(addresses)}]}


def find_prometheus() -> str | None:
    """The executable on PATH (Debian: the package `prometheus`); None where there is none."""
    return shutil.which(PROGRAM)


def command(executable: str, configuration_file: Path, data: Path, port: int) -> list[str]:
    """The command line of a Prometheus on loopback. It says only what goes wrong."""
    return [
        executable,
        f"--config.file={configuration_file}",
        f"--storage.tsdb.path={data}",
        f"--storage.tsdb.retention.time={KEPT}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
