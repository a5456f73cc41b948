"""Panels on a page, where the dashboard's file has them. Imports matplotlib (extra `bench`) only when it paints."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

from infra.monitoring.boards.queries import Object, asked
from infra.monitoring.picture.asking import Prometheus, Span
from infra.monitoring.picture.frame import FAINT, INK, PAGE, Frame
from infra.monitoring.picture.kinds import KINDS

STEP_W, STEP_H = 0.6, 0.33  # inches a step of Grafana's grid
GAP = 0.06
HEAD, FOOT = 0.5, 0.35
DPI = 100
COLOURS = 128


def paint(document: str, prometheus: Prometheus, span: Span, file: Path, below: str) -> None:
    """Write a PNG. Raises PrometheusError, ImportError without matplotlib, KeyError for a kind that is not painted."""
    import matplotlib

    matplotlib.use("Agg")  # no window, no display
    from matplotlib.figure import Figure

    board = json.loads(document)
    steps = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"])
    width, height = 24 * STEP_W, steps * STEP_H + HEAD + FOOT
    figure = Figure(figsize=(width, height), facecolor=PAGE)
    page = Frame(figure, 0, 0, width, height)
    page.write(GAP, height - HEAD / 2, board["title"], size=13, weight="bold")
    for panel in board["panels"]:
        frame = _frame(page, panel["gridPos"])
        if panel["type"] == "row":
            frame.write(0, frame.height / 2, panel["title"], size=11, weight="bold", color=INK)
            continue
        frame.lay(panel["title"])
        KINDS[panel["type"]](frame, panel, [(q, prometheus.answer(q, span)) for q in asked(panel)], span)
    page.write(GAP, FOOT / 2, below, size=8, color=FAINT)
    _save(figure, file)


def _save(figure: Any, file: Path) -> None:
    """In few colours: a page of flat areas and thin lines takes a third of the bytes so."""
    from PIL import Image  # of matplotlib's own dependencies

    drawn = BytesIO()
    figure.savefig(drawn, dpi=DPI, facecolor=PAGE, format="png")
    drawn.seek(0)
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
        few.save(file, optimize=True)


def _frame(page: Frame, place: Object) -> Frame:
    """From steps of the grid, whose origin is above, to inches, whose origin is below."""
    tall = place["h"] * STEP_H - 2 * GAP
    bottom = page.height - HEAD - place["y"] * STEP_H - GAP - tall
    return Frame(page.figure, place["x"] * STEP_W + GAP, bottom, place["w"] * STEP_W - 2 * GAP, tall)
