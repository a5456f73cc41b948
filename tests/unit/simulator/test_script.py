"""A script file: what it may say."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from infra.simulator import CallStep, load_script

GOOD = """{
  "accounts": [{"sid": "AC1", "token": "t", "calls_per_second": null}],
  "behaviours": [
    {"number": "+14155550101", "calls": [{"outcome": "no-answer"}, {"outcome": "answer", "digits": ["1"]}]},
    {"number": "*", "calls": [{"after_s": 2}]}
  ],
  "faults": [{"kind": "calls", "op": "create", "action": "act_then_drop", "from": "+14155550100", "nth": 3}]
}"""


def test_a_script_is_read(tmp_path: Path) -> None:
    """Steps in order, `from` by its own name, defaults where nothing is said."""
    path = tmp_path / "script.json"
    path.write_text(GOOD)
    script = load_script(path)
    assert script.behaviours[0].calls == (CallStep("no-answer"), CallStep("answer", digits=("1",)))
    assert (script.faults[0].from_, script.faults[0].nth, script.faults[0].count) == ("+14155550100", 3, 1)
    assert script.accounts[0].calls_per_second is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"behaviors": []}', "behaviors"),
        ('{"behaviours": [{"number": "*", "calls": [{"outcome": "sleep"}]}]}', r"calls\[0\]"),
        ('{"behaviours": [{"number": "*", "calls": []}]}', "empty list"),
        ('{"faults": [{"kind": "sms", "action": "respond"}]}', "cannot be"),
        ("{", "truncated"),
    ],
)
def test_a_wrong_script_says_where(text: str, why: str, tmp_path: Path) -> None:
    """The error names the field; the command line ends with it and status 2, before any port is opened."""
    path = tmp_path / "script.json"
    path.write_text(text)
    with pytest.raises(msgspec.DecodeError, match=why):
        load_script(path)


def test_the_command_refuses_a_wrong_script(tmp_path: Path) -> None:
    """Exit status 2, and the field in the message."""
    path = tmp_path / "script.json"
    path.write_text('{"behaviors": []}')
    command = [sys.executable, "-m", "infra.simulator", "--script", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "behaviors" in done.stderr
