"""The command line as a whole: help, exit codes, what is said on stderr."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaError, KafkaException

from infra.cli import errors
from infra.cli.main import COMMANDS, ringback, run


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help_with_an_example(name: str) -> None:
    """Whoever is lost finds an example; the group and its commands all explain themselves."""
    result = CliRunner().invoke(ringback, [name, "--help"])
    assert result.exit_code == 0, result.output
    if name != "simulator":
        assert "Examples:" in result.output
        assert f"ringback {name}" in result.output


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_listed_meaning_is_there_for_every_command(name: str) -> None:
    """The table that makes --help fast names modules that exist and hold that command."""
    module = importlib.import_module(COMMANDS[name][0])
    assert isinstance(getattr(module, name.replace("-", "_")), click.Command)


def test_help_imports_no_client_library() -> None:
    """They are what would make `ringback --help` slow: it answers in a fifth of a second without them."""
    code = "import sys; from infra.cli.main import run; run(['--help']); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not [
        lib
        for lib in ("confluent_kafka", "redis", "twilio", "rich", "fastavro", "faust", "aiohttp")
        if f"'{lib}'" in loaded
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["parse", "Remind me to nap in 5 minutes"], 0),
        (["parse", "purple monkey dishwasher"], 1),
        (["parse", "Remind me to nap in 5 minutes", "--zone", "Mars/Base"], 2),
        (["parse", "x", "--at", "yesterday"], 2),
        (["parse", "x", "--at", "2026-11-21T10:00:00"], 2),
        (["nonsense"], 2),
        (["send", "--from", "12", "--to", "+14155550100", "hi"], 2),
        (["send", "--from", "+14155550101", "--to", "+14155550100"], 2),
        (["trace", "+12"], 2),
        (["trace", "+1415555010x"], 2),
        (["topics", "plan"], 2),
        (["topics", "plan", "--kafka-bootstrap-servers", "nobody"], 2),
        (["topics", "apply", "--partitions", "0"], 2),
        (["dead-letters", "replay", "--kafka-bootstrap-servers", "127.0.0.1:1"], 2),
        (["run", "nosuchstage"], 2),
        (["tenants", "apply", "/no/such/file"], 2),
        (["config"], 0),
    ],
)
def test_exit_codes(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """0 done, 1 the answer is no, 2 wrong use; and what is wrong is one line on stderr."""
    assert run(arguments) == code
    said = capsys.readouterr().err
    if code == 2:
        assert said.count("\n") == 1
        assert said.startswith("ringback: ")


def test_an_unreachable_broker_is_three_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, no librdkafka chatter: one line that names the setting to look at."""
    assert run(["dead-letters", "list", "--kafka-bootstrap-servers", "127.0.0.1:1"]) == 3
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "KAFKA_BOOTSTRAP_SERVERS" in said


def test_debug_shows_the_traceback_wherever_it_stands() -> None:
    """`--debug` before or after the command lets the error through."""
    with pytest.raises(KafkaException):
        run(["dead-letters", "list", "--debug", "--kafka-bootstrap-servers", "127.0.0.1:1"])


def test_a_bug_is_not_an_answer() -> None:
    """An exception nobody expected never looks like "the answer is no"."""
    assert errors.exit_code(RuntimeError("x")) == errors.OUR_BUG
    assert "bug" in errors.explain(RuntimeError("x"))
    assert errors.exit_code(KafkaException(KafkaError(KafkaError._TRANSPORT))) == errors.UNREACHABLE
    assert errors.exit_code(click.FileError("x")) == errors.WRONG_USE


def test_config_as_json_is_one_object_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts read `config --json` line by line and learn where a setting comes from."""
    monkeypatch.setenv("REDIS_URL", "redis://h:1/0")
    assert run(["config", "--json", "--group-protocol", "consumer"]) == 0
    rows = {row["setting"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert (rows["REDIS_URL"]["value"], rows["REDIS_URL"]["source"]) == ("redis://h:1/0", "environment")
    assert rows["RINGBACK_GROUP_PROTOCOL"]["source"] == "flag"


def test_a_closed_pipe_ends_quietly() -> None:
    """`ringback config | head -0` says nothing and is no error."""
    code = "import sys; from infra.cli.main import run; sys.exit(run(['config', '--json']))"
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    reader.wait()
    writer = subprocess.run(
        [sys.executable, "-c", code], stdout=reader.stdin, stderr=subprocess.PIPE, check=False
    )
    assert reader.stdin is not None
    reader.stdin.close()
    assert (writer.returncode, writer.stderr) == (0, b"")


def test_parse_says_what_was_understood(capsys: pytest.CaptureFixture[str]) -> None:
    """Command, subject and the instant in UTC."""
    line = ["parse", "Remind me to buy milk at 6:30 PM", "--at", "2026-11-21T10:00:00Z", "--json"]
    assert run([*line, "--zone", "America/New_York"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["command"], shown["subject"]) == ("remind", "buy milk")
    assert shown["due_at"] == "2026-11-21T23:30:00.000Z"
