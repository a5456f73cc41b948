"""A process as the image would run it, without an image: its user, its environment, a root that cannot be written.

As root (a CI machine is) that is a mount namespace of its own whose root is read-only but for the state folder, a user
without name, home or rights, and the environment of the Dockerfile alone. Without those rights, only the environment.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.cluster import ChildProcess

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "infra" / "deploy" / "Dockerfile").read_text()
USER = 10001
SANDBOX = os.geteuid() == 0 and all(shutil.which(tool) for tool in ("unshare", "setpriv", "mount"))


def image_environment(state: Path) -> dict[str, str]:
    """ENV of the Dockerfile's last stage, with the folders of this machine in the place of the image's."""
    last = DOCKERFILE.rpartition("\nFROM ")[2].replace("\\\n", " ")
    found = dict(re.findall(r"(\w+)=(\S+)", re.findall(r"^ENV (.*)$", last, re.MULTILINE)[0]))
    assert found["RINGBACK_STATE_DIR"] == "/state"
    return found | {"RINGBACK_STATE_DIR": str(state), "PYTHONPATH": str(ROOT)}


def command(arguments: Sequence[str], state: Path, environment: Mapping[str, str]) -> list[str]:
    """What starts `python ARGUMENTS` like a container. `state` is made the user's own."""
    variables = [f"{name}={value}" for name, value in (image_environment(state) | dict(environment)).items()]
    python = ["env", "-i", *variables, sys.executable, *arguments]
    if not SANDBOX:
        return python
    state.mkdir(parents=True, exist_ok=True)
    os.chown(state, USER, USER)
    user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs"]
    user += ["--bounding-set=-all", "--inh-caps=-all"]
    needed = {Path(sys.prefix), Path(sys.base_prefix), ROOT, state}
    script = [
        "set -e",
        *(
            line
            for folder in sorted({_closed(path) for path in needed} - {None}, key=str)
            if folder
            for line in _opened(folder, sorted(path for path in needed if folder in path.parents))
        ),
        f"mount --bind {shlex.quote(str(state))} {shlex.quote(str(state))}",
        "mount -o remount,ro,bind /",
        "cd /",
        "exec " + shlex.join([*user, *python]),
    ]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script)]


def _closed(path: Path) -> Path | None:
    """The outermost folder on the way to `path` that others may not enter, as root's home."""
    return next((p for p in reversed(path.parents) if not p.stat().st_mode & 0o001), None)


def _opened(folder: Path, paths: Sequence[Path]) -> list[str]:
    """Lines that put an empty folder in the place of `folder`, and in it only `paths` as they were."""
    old, new = "/mnt", shlex.quote(str(folder))
    lines = [f"mount --bind {new} {old}", f"mount -t tmpfs -o mode=755 tmpfs {new}"]
    for path in paths:
        inside = shlex.quote(str(path))
        lines += [
            f"mkdir -p {inside}",
            f"mount --bind {old}/{shlex.quote(str(path.relative_to(folder)))} {inside}",
        ]
    return [*lines, f"umount {old}"]


def run(
    arguments: Sequence[str], state: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """To its end, within 30 s."""
    return subprocess.run(
        command(arguments, state, environment), capture_output=True, text=True, timeout=30, check=False
    )


def start(
    name: str, arguments: Sequence[str], state: Path, environment: Mapping[str, str], log: Path
) -> ChildProcess:
    return ChildProcess.spawn(command(arguments, state, environment), name=name, log=log, grace_s=30.0)
