"""Kafka's own command line tools, as a second opinion: `org.apache.kafka.tools.*` on the cluster's JRE and jars."""

from __future__ import annotations

import subprocess

from infra.cluster.artifacts import Progress, ensure, read_lock
from infra.cluster.broker import environment
from infra.cluster.errors import ChildFailed
from infra.cluster.runtime import ensure_runtime

CONSUMER_GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
TIMEOUT_S = 60.0
# It lives for two seconds: the first compiler is enough.
_OPTIONS = ("-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xlog:all=error:stderr", "-Dlog4j2.level=ERROR")


def kafka_tool(main: str, *arguments: str, progress: Progress = lambda _: None) -> str:
    """What the tool with class `main` prints on stdout. Raises ChildFailed when it fails, FetchFailed."""
    runtime = ensure_runtime(progress)
    jar = ensure("tools", progress) / read_lock("tools").artifacts[0].filename
    classpath = f"{runtime.classpath}:{jar}"
    command = [str(runtime.java), *_OPTIONS, "-cp", classpath, main, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment()
    )
    if done.returncode != 0:
        raise ChildFailed(f"{main} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout
