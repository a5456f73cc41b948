"""`ringback simulator --port P`: the carrier simulator's own command."""

from __future__ import annotations

from infra.simulator.__main__ import main as simulator

__all__ = ["simulator"]
