"""Finding the `up` that runs here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors.settings import default_state_dir
from infra.cli.main import run
from infra.cli.running import Running, announced, settings_of_running_up

SETTINGS = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "TWILIO_AUTH_TOKEN": "secret"}


def test_it_is_found_as_long_as_it_runs(tmp_path: Path) -> None:
    """Nobody is found before, the announced one during, nobody after; the file is for its owner only."""
    assert settings_of_running_up() is None
    with announced(Running("up", str(tmp_path), SETTINGS)):
        assert settings_of_running_up() is None, "a lock of this very process must not be taken for free"
