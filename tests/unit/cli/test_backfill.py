"""`ringback backfill`: what it refuses, and what it says when something is away."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.backfill import Comparison, Lost
from infra.cli.main import run
from infra.run import backfill
from streams.once.carrier import CarrierMessage, CarrierUnavailableError

FOUND = CarrierMessage("SM1", "+14155550100", "+14155550101", "received", 1_795_000_000_000, "my secret")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since", "7d"], "keeps 7 days"),
        (["--since", "soon"], "such as 90s"),
        (["--since", "10s"], "leaves nothing"),
        (["--dry-run", "--every", "60s"], "looks once"),
        (["--http-port", "9401"], "--follow or --every"),
        ([], "KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_wrong_use_is_said(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and one line that names what is wrong."""
    account = ["--twilio-account-sid", "AC" + "0" * 32, "--twilio-auth-token", "t"]
    assert run(["backfill", *account, *arguments]) == 2
    assert says in capsys.readouterr().err


def test_a_carrier_without_a_token_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is asked."""
    assert run(["backfill", "--kafka-bootstrap-servers", "127.0.0.1:9"]) == 2
    assert "TWILIO_AUTH_TOKEN" in capsys.readouterr().err


def a_round(action: str, error: Exception | None = None) -> Any:
    def one_round(_: Any, since_ms: int, until_ms: int, report: Any, **__: Any) -> Comparison:
        report.lost(Lost(FOUND, "acme", action))
        if error is not None:
            raise error
        return Comparison(since_ms, until_ms, listed=3, known=2, lost=1, injected=int(action == "injected"))

    return one_round


@pytest.mark.parametrize(("dry", "action", "code"), [(["--dry-run"], "lost", 1), ([], "injected", 0)])
def test_people_read_masked_numbers_and_no_text(
    dry: list[str],
    action: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line an SMS, and a summary beside it; a dry run that finds something answers no."""
    monkeypatch.setattr(backfill, "one_round", a_round(action))
    assert run(["backfill", *dry]) == code
    said = capsys.readouterr()
    assert "SM1  +…0101 → +…0100 of acme  " + action in said.out
    assert "3 SMS listed" in said.err
    assert "secret" not in said.out + said.err


@pytest.mark.parametrize(
    ("error", "hint"), [("HTTP 503", "run it again"), ("HTTP 401", "TWILIO_AUTH_TOKEN right")]
)
def test_a_carrier_that_went_away_says_what_was_done(
    error: str, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3, how many are injected already, and what to do."""
    monkeypatch.setattr(backfill, "one_round", a_round("injected", CarrierUnavailableError(error)))
    assert run(["backfill", "--json"]) == 3
    said = capsys.readouterr().err
    assert f"could not be read: {error}; 1 SMS were injected before" in said
    assert hint in said
