"""The token of the read models: the one that was set, else one that the state folder keeps for its owner."""

from __future__ import annotations

from pathlib import Path

from connectors.settings import Settings
from connectors.views.token import token, token_file


def test_a_token_that_was_set_is_used_and_not_kept(tmp_path: Path) -> None:
    """Whoever set it keeps it somewhere else."""
    settings = Settings(state_dir=str(tmp_path), views_token="a-token-of-a-test-only")
    assert token(settings) == "a-token-of-a-test-only"
    assert list(tmp_path.iterdir()) == []


def test_a_token_that_was_made_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    """The same after a restart, another in another folder, and nobody else on the machine can read it."""
    first, other = Settings(state_dir=str(tmp_path / "a")), Settings(state_dir=str(tmp_path / "b"))
    made = token(first)
    assert len(made) >= 32
    assert token(first) == made != token(other)
    assert token_file(first).read_text() == made + "\n"
    assert token_file(first).stat().st_mode & 0o777 == 0o600
