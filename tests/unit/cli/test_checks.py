"""What `doctor` thinks of settings: the pure part, and what it says when nobody answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.settings import Settings
from infra.cli.checks import examine
from infra.cli.checks.kafka import judge_broker
from infra.cli.main import run

GOOD = {
    "group.min.session.timeout.ms": "6000",
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.min.session.timeout.ms": "6000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "transaction.max.timeout.ms": "900000",
    "message.max.bytes": "1048588",
    "unclean.leader.election.enable": "false",
    "transaction.state.log.replication.factor": "3",
    "offsets.topic.replication.factor": "3",
}


def test_a_broker_as_we_start_it_has_no_findings() -> None:
    """Nothing is said where nothing is wrong; what a broker does not tell is passed over."""
    assert list(judge_broker(GOOD, 3, "consumer")) == []
    assert list(judge_broker({}, 3, "consumer")) == []


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("group.min.session.timeout.ms", "10000", "fail"),
        ("group.consumer.session.timeout.ms", "45000", "warn"),
        ("transaction.abort.timed.out.transaction.cleanup.interval.ms", "10000", "warn"),
        ("transaction.max.timeout.ms", "1000", "fail"),
        ("message.max.bytes", "100000", "warn"),
        ("unclean.leader.election.enable", "true", "fail"),
        ("offsets.topic.replication.factor", "1", "warn"),
    ],
)
def test_each_broker_setting_that_hurts_is_named(name: str, value: str, state: str) -> None:
    """With what happens otherwise, and what to set it to."""
    [finding] = judge_broker({**GOOD, name: value}, 3, "consumer")
    assert (finding.subject, finding.state) == (f"broker {name}", state)
    assert finding.advice


def test_consumer_timeouts_do_not_matter_to_the_classic_protocol() -> None:
    """A setting is judged only where it is used."""
    assert list(judge_broker({**GOOD, "group.consumer.session.timeout.ms": "45000"}, 3, "classic")) == []


def test_what_does_not_answer_is_unreachable_and_says_what_to_do(tmp_path: Path) -> None:
    """Nobody listens on port 1: broker, Redis, carrier, gateway and registry are each named."""
    away = Settings(
        kafka_bootstrap_servers="127.0.0.1:1",
        redis_url="redis://127.0.0.1:1/0",
        schema_registry_url="http://127.0.0.1:1",
        twilio_account_sid="AC" + "0" * 32,
        twilio_auth_token="x",
        twilio_base_url="http://127.0.0.1:1",
        public_url="http://127.0.0.1:1",
        state_dir=str(tmp_path),
    )
    found = {f.subject: f for f in examine(away)}
    for subject in ("kafka", "redis", "carrier", "gateway", "registry"):
        assert found[subject].state == "unreachable"
        assert found[subject].advice
    assert found["state"].state == "ok"


def test_exit_code_is_one_for_what_is_wrong_and_three_for_what_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is set: that is wrong, not unreachable. A broker that does not answer is."""
    assert run(["doctor"]) == 1
    assert "KAFKA_BOOTSTRAP_SERVERS is not set" in capsys.readouterr().out
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    assert run(["doctor", "--json"]) == 3


def test_a_state_folder_that_cannot_be_written_fails() -> None:
    """The reason is the system's own word."""
    [finding] = examine(Settings(state_dir="/proc/ringback"), ["state"])
    assert finding.state == "fail"
