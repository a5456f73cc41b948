"""What an operator is told who wants another number of partitions."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from connectors.kafka.topics import PartitionsFixedError
from connectors.settings import SETTINGS
from infra.cli.main import COMMANDS
from streams.metrics import METRICS

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "streams" / "reminders" / "adding-partitions.md"


def test_the_refusal_names_a_page_that_is_there() -> None:
    """Who is refused finds out what to do."""
    (named,) = re.findall(r"\S+\.md", str(PartitionsFixedError("sms.inbound", 8, 12)))
    assert ROOT / named == PAGE
    assert PAGE.is_file()


def test_the_page_uses_only_what_there_is() -> None:
    """Each command, metric and setting that it names exists."""
    text = PAGE.read_text()
    commands = set(re.findall(r"\bringback ([a-z-]+)", text))
    assert {"cat", "send", "tenants", "topics"} <= commands <= COMMANDS.keys()
    assert set(re.findall(r"\bringback_\w+", text)) <= METRICS.keys()
    assert set(re.findall(r"\b(?:KAFKA|RINGBACK)_[A-Z_]+", text)) <= {setting.env for setting in SETTINGS}


@pytest.mark.needs("jq")
def test_the_pages_query_finds_who_is_opted_out(tmp_path: Path) -> None:
    """The last profile of each user decides; who came back, who never said STOP, and other state are left out."""

    def record(key: str, *words: bool) -> str:
        value = {"opt_words": [{"at": n, "out": out} for n, out in enumerate(words)]} if words else None
        return json.dumps({"topic": "reminders.changelog", "key": key, "value": value})

    state = tmp_path / "state.jsonl"
    records = [
        record("p|acme|+1", True),
        record("p|acme|+2", False, True),
        record("p|acme|+1", True, False),
        record("p|acme|+3"),
        record("r|acme|+2|id", True),
        json.dumps({"key": "p|acme|+4", "value": {"opt_words": []}}),
    ]
    state.write_text("\n".join(records))
    (query,) = re.findall(r"jq -rs '(.*?)' state\.jsonl", PAGE.read_text(), re.DOTALL)
    asked = subprocess.run(["jq", "-rs", query, state], capture_output=True, text=True, check=True)
    assert asked.stdout.split() == ["acme|+2"]
