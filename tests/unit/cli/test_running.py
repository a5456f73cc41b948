"""Finding the `up` that runs here."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.settings import default_state_dir
from infra.cli.main import run
from infra.cli.running import Running, announced, settings_of_running_up

SETTINGS = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "TWILIO_AUTH_TOKEN": "secret"}


def test_it_is_found_as_long_as_it_runs(tmp_path: Path) -> None:
    """Nobody is found before, the announced one during, nobody after; only its owner may read the file."""
    assert settings_of_running_up() is None
    with announced(Running("up", str(tmp_path), SETTINGS)):
        assert settings_of_running_up() == Running("up", str(tmp_path), SETTINGS)
        files = [tmp_path / "running.json", *Path(default_state_dir(), "running").iterdir()]
        assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert settings_of_running_up() is None
    assert not (tmp_path / "running.json").exists()


def test_one_that_was_killed_is_not_found(tmp_path: Path) -> None:
    """The file of a process that died by SIGKILL is known to be dead, and removed."""
    code = (
        "import os, signal\n"
        "from infra.cli.running import Running, announced\n"
        f"with announced(Running('up', {str(tmp_path)!r}, {SETTINGS!r})):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    folder = Path(default_state_dir(), "running")
    assert len(list(folder.iterdir())) == 1
    assert settings_of_running_up() is None
    assert list(folder.iterdir()) == []


def test_commands_use_it_unless_brokers_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without KAFKA_BOOTSTRAP_SERVERS the running one serves, and stderr says so; with it, nothing is mixed in."""

    def sources() -> tuple[dict[str, str], str]:
        assert run(["config", "--json"]) == 0
        said = capsys.readouterr()
        return {r["setting"]: r["source"] for r in map(json.loads, said.out.splitlines())}, said.err

    with announced(Running("up", str(tmp_path), SETTINGS)):
        found, said = sources()
        assert (found["KAFKA_BOOTSTRAP_SERVERS"], found["TWILIO_AUTH_TOKEN"]) == ("running up", "running up")
        assert str(tmp_path) in said
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "other:1")
        found, said = sources()
        assert (found["KAFKA_BOOTSTRAP_SERVERS"], found["TWILIO_AUTH_TOKEN"]) == ("environment", "default")
        assert said == ""
