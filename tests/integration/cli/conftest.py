from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.settings import Settings
from infra.cli.main import run

Lines = list[dict[str, Any]]


@pytest.fixture
def ringback(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Lines]]:
    """`ringback("cat", …)`: run a command with --json against the shared cluster: exit code and objects."""
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> tuple[int, Lines]:
        capsys.readouterr()
        code = run([*arguments, "--json"])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return command
