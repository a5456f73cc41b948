"""All dashboards, in the order in which one looks at them."""

from __future__ import annotations

from infra.generated import Files
from infra.monitoring.boards.carrier import CARRIER_BOARD
from infra.monitoring.boards.document import document, runbook_document
from infra.monitoring.boards.groups import GROUPS_BOARD
from infra.monitoring.boards.model import Board
from infra.monitoring.boards.pipeline import PIPELINE
from infra.monitoring.boards.tenants import TENANTS_BOARD
from infra.monitoring.rules import GROUPS

FOLDER = "infra/monitoring/dashboards"
BOARDS: tuple[Board, ...] = (PIPELINE, GROUPS_BOARD, CARRIER_BOARD, TENANTS_BOARD)


def files() -> Files:
    """Path from the root of the repository -> content."""
    return {
        **{f"{FOLDER}/{board.name}.json": document(board) for board in BOARDS},
        f"{FOLDER}/runbook.json": runbook_document(GROUPS),
    }
