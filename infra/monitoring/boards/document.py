"""A dashboard as the JSON that Grafana imports, and the runbook as one more of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from grafana_foundation_sdk.builders import dashboard, text
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.text import TextMode

from infra.monitoring import runbook
from infra.monitoring.boards.drawing import SOURCE, Drawn, drawn
from infra.monitoring.boards.model import Board, Row, Variable
from infra.monitoring.boards.telling import BAD, RUNBOOK_UID, panel_id
from infra.monitoring.model import Group

TAG = "ringback"
WIDE = 24
FIRING = 'ALERTS{alertstate="firing"}'


class _Marked(models.AnnotationQuery):
    """With the fields of Prometheus' own annotations, which the model of all data sources lacks."""

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), "titleFormat": "{{alertname}}", "tagKeys": "severity", "step": "10s"}


class _Marks(Builder[models.AnnotationQuery]):
    """What Prometheus fires, in every panel."""

    def build(self) -> models.AnnotationQuery:
        return _Marked("Alerts", SOURCE, icon_color=BAD, expr=FIRING)


def document(board: Board) -> str:
    """The dashboard. Its data source is chosen at the top; what Prometheus fires is marked in every panel."""
    made = _frame(board.uid, board.title, board.about).refresh("10s").time("now-30m", "now")
    made.tooltip(models.DashboardCursorSync.CROSSHAIR).with_variable(
        dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    )
    for variable in board.variables:
        made.with_variable(_choice(variable))
    made.annotation(_Marks())
    for each in _placed(board.rows):
        if isinstance(each, dashboard.Row):
            made.with_row(each)
        else:
            made.with_panel(each)
    return _as_json(made)


def runbook_document(groups: Sequence[Group]) -> str:
    """The runbook, a panel for each alert: so links from panels lead to it wherever the dashboards are."""
    made = _frame(RUNBOOK_UID, "Ringback: runbook", runbook.ABOUT)
    y = 0
    for group in groups:
        made.with_row(_row(group.about, y))
        y += 1
        for number, alert in enumerate(group.alerts):
            panel = text.Panel().mode(TextMode.MARKDOWN).content(runbook.told(alert))
            place = models.GridPos(9, 12, 12 * (number % 2), y + 9 * (number // 2))
            made.with_panel(panel.id(panel_id(alert.name)).title(alert.name).grid_pos(place))
        y += 9 * -(-len(group.alerts) // 2)
    return _as_json(made)


def _frame(uid: str, title: str, about: str) -> dashboard.Dashboard:
    """With the way to the others in the same place on each."""
    others = dashboard.DashboardLink("Ringback").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    made = dashboard.Dashboard(title).uid(uid).description(about).tags([TAG]).timezone("browser")
    return made.link(others.icon("dashboard").keep_time(True).include_vars(True).as_dropdown(False))


def _choice(variable: Variable) -> dashboard.QueryVariable:
    everything = models.VariableOption(selected=True, text="All", value="$__all")
    query = {
        "query": f"label_values({variable.series}, {variable.label})",
        "refId": f"variable-{variable.name}",
    }
    made = dashboard.QueryVariable(variable.name).label(variable.title).datasource(SOURCE).query(dict(query))
    made.multi(True).include_all(True).all_value(".*").current(everything)
    return made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(
        models.VariableSort.ALPHABETICAL_ASC
    )


def _row(title: str, y: int) -> dashboard.Row:
    return dashboard.Row(title).id(panel_id(f"row {title}")).grid_pos(models.GridPos(1, WIDE, 0, y))


def _placed(rows: Sequence[Row]) -> Iterator[dashboard.Row | Drawn]:
    """Panels from left to right, a new line where one has no room."""
    y = 0
    for row in rows:
        yield _row(row.title, y)
        x, y, tallest = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > WIDE:
                x, y, tallest = 0, y + tallest, 0
            yield drawn(panel, x, y)
            x, tallest = x + panel.width, max(tallest, panel.height)
        y += tallest


def _as_json(made: dashboard.Dashboard) -> str:
    return json.dumps(made.build(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
