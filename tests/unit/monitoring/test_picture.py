"""The picture of a dashboard: every kind of panel is drawn, from figures as a Prometheus gives them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from infra.cluster.ports import lease_port
from infra.generated import ROOT
from infra.monitoring.boards import every
from infra.monitoring.boards.queries import Asked, filled_in, panels
from infra.monitoring.picture.__main__ import main
from infra.monitoring.picture.asking import Prometheus, Series, Span
from infra.monitoring.picture.frame import written
from infra.monitoring.picture.kinds import KINDS

DOCUMENTS = {board.name: (ROOT / every.FOLDER / f"{board.name}.json").read_text() for board in every.BOARDS}
SPAN = Span(1_795_000_000.0, 1_795_000_300.0, 5.0, 15)


class Seen(Prometheus):
    """A Prometheus that has seen `series` series of everything."""

    def __init__(self, series: int) -> None:
        super().__init__("http://nowhere")
        self._series = series

    def answer(self, query: Asked, span: Span) -> list[Series]:
        times = (
            [span.until_s] if query.instant else [span.from_s + 5 * n for n in range(60) if n not in (7, 8)]
        )
        found = []
        for number in range(self._series):
            labels = {"tenant": f"t{number}", "stage": f"s{number}", "le": "+Inf" if number else "0.5"}
            values = (math.nan if at_s % 100 == 0 else (at_s + 50 * number) % 3 for at_s in times)
            found.append(Series(labels, tuple(zip(times, values, strict=True))))
        return found


def test_every_kind_of_panel_can_be_drawn() -> None:
    """That of a dashboard of tomorrow too, or its picture fails with a KeyError."""
    kinds = {panel["type"] for document in DOCUMENTS.values() for panel in panels(document)}
    assert kinds == set(KINDS)


@pytest.mark.parametrize(("name", "series"), [*((name, 7) for name in DOCUMENTS), ("tenants", 0)])
def test_a_dashboard_is_drawn(name: str, series: int, tmp_path: Path) -> None:
    """With nothing to show and with more than has room; a page can carry it, though noise is the worst to pack."""
    pytest.importorskip("matplotlib")
    from infra.monitoring.picture.painting import paint

    file = tmp_path / "drawn.png"
    paint(DOCUMENTS[name], Seen(series), SPAN, file, "below")
    assert file.read_bytes().startswith(b"\x89PNG")
    assert 10_000 < file.stat().st_size < 300_000


def test_legends_are_filled_from_labels() -> None:
    """As Grafana does: a label that is not there is nothing."""
    series = Series({"__name__": "up", "job": "a", "instance": "b"}, ((0.0, 1.0),))
    assert series.named("{{job}} / {{ instance }}{{no}}") == "a / b"
    assert series.named("__auto") == "b, a"


def test_variables_are_filled_in() -> None:
    """Spans by seconds, choices by everything; what only looks like one is left."""
    asked = 'sum(rate(x{topic=~"$topic",p=~"$partition"}[$__rate_interval])) + increase(y[$__range])'
    assert filled_in(asked, 15, 300) == 'sum(rate(x{topic=~".*",p=~".*"}[15s])) + increase(y[300s])'


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "s", "0 s"),
        (0.0425, "s", "42.5 ms"),
        (2.24, "s", "2.24 s"),
        (600.0, "s", "10 min"),
        (0.9914, "percentunit", "99.1 %"),
        (1234.0, "short", "1.23 k"),
        (1.866, "ops", "1.87/s"),
        (math.nan, "s", "–"),
    ],
)
def test_values_are_written_with_their_unit(value: float, unit: str, text: str) -> None:
    """Short, and as people say them."""
    assert written(value, unit) == text


def test_a_prometheus_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the exit code of what cannot be reached, and no picture."""
    pytest.importorskip("matplotlib")
    with lease_port(None) as lease:
        url = f"http://127.0.0.1:{lease.port}"
    assert main(["--prometheus", url, "--out", str(tmp_path / "p.png")]) == 3
    assert f"{url} does not answer" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
