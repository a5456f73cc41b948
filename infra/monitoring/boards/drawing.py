"""How Grafana draws each kind of panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as commons
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmaps
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from infra.monitoring.boards.model import Bounds, Kind, Panel, Query
from infra.monitoring.boards.telling import NEUTRAL, alerts_of, description, panel_id, section

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
PALE = 8  # per cent: how far lines fill what is below them
Drawn = timeseries.Panel | stat.Panel | heatmap.Panel | statetimeline.Panel | bargauge.Panel | table.Panel


def drawn(panel: Panel, x: int, y: int) -> Drawn:
    """The panel in its place, ready to be built."""
    made: Drawn = _KINDS[panel.kind](panel)
    made.id(panel_id(panel.title)).title(panel.title).description(description(panel))
    made.datasource(SOURCE).grid_pos(models.GridPos(panel.height, panel.width, x, y))
    made.unit(panel.unit).links([_link(alert.name, section(alert)) for alert in alerts_of(panel)])
    if panel.decimals is not None:
        made.decimals(panel.decimals)
    if panel.states is not None:
        made.mappings([_names(panel)])
    if panel.bounds:
        made.thresholds(_steps(panel.bounds))
    for number, query in enumerate(panel.queries):
        made.with_target(_target(query, chr(ord("A") + number), panel))
    return made


def _link(title: str, url: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(f"Runbook: {title}").type(models.DashboardLinkType.LINK).url(url)


def _names(panel: Panel) -> models.ValueMap:
    assert panel.states is not None
    return models.ValueMap(
        {
            str(value): models.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(panel.states.items())
        }
    )


def _steps(bounds: Bounds) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value, colour) for value, colour in bounds]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _target(query: Query, ref: str, panel: Panel) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expression).ref_id(ref).datasource(SOURCE)
    if panel.kind in ("number", "bars"):
        target.instant()
    elif panel.kind == "table":
        target.instant().format(PromQueryFormat.TABLE)
    else:
        target.range()
    if panel.kind == "heat":
        target.format(PromQueryFormat.HEATMAP)
    return target.legend_format(query.legend or "__auto")


# -- kinds


def _lines(panel: Panel) -> timeseries.Panel:
    """With the last and the highest value of each, so that a peak has a figure."""
    legend = common.VizLegendOptions().display_mode(commons.LegendDisplayMode.TABLE).show_legend(True)
    legend.placement(commons.LegendPlacement.BOTTOM).calcs(["lastNotNull", "max"])
    tooltip = common.VizTooltipOptions().mode(commons.TooltipDisplayMode.MULTI)
    made = timeseries.Panel().legend(legend).tooltip(tooltip.sort(commons.SortOrder.DESCENDING))
    made.line_width(1).fill_opacity(PALE).show_points(commons.VisibilityMode.NEVER).axis_soft_min(0)
    if panel.bounds:
        made.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(commons.GraphThresholdsStyleMode.DASHED)
        )
    return made.color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))


def _stacked(panel: Panel) -> timeseries.Panel:
    stacking = common.StackingConfig().mode(commons.StackingMode.NORMAL).group("A")
    return _lines(panel).stacking(stacking).fill_opacity(40)


def _number(panel: Panel) -> stat.Panel:
    """On its colour, so that a wall of them is read from afar; of many series each."""
    last = common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)
    made = stat.Panel().reduce_options(last).graph_mode(commons.BigValueGraphMode.NONE)
    made.color_mode(commons.BigValueColorMode.BACKGROUND).text_mode(commons.BigValueTextMode.AUTO)
    return made if panel.bounds else made.thresholds(_steps(((None, NEUTRAL),)))


def _heat(panel: Panel) -> heatmap.Panel:
    colour = heatmap.HeatmapColorOptions().mode(heatmaps.HeatmapColorMode.SCHEME).scheme("Oranges").steps(64)
    axis = heatmap.YAxisConfig().unit(panel.unit).axis_placement(commons.AxisPlacement.LEFT)
    made = heatmap.Panel().calculate(False).color(colour.exponent(0.5).fill("dark-orange"))
    made.y_axis(axis).cell_gap(1).show_legend().hide_y_histogram()
    made.cell_values(heatmap.CellValues().unit("short").decimals(1))
    return made.rows_frame(heatmap.RowsHeatmapOptions().layout(commons.HeatmapCellLayout.AUTO))


def _states(panel: Panel) -> statetimeline.Panel:  # noqa: ARG001 (one signature for all kinds)
    legend = common.VizLegendOptions().display_mode(commons.LegendDisplayMode.LIST).show_legend(True)
    made = statetimeline.Panel().legend(legend.placement(commons.LegendPlacement.BOTTOM).calcs([]))
    return made.merge_values(True).show_value(commons.VisibilityMode.NEVER).row_height(0.8).fill_opacity(80)


def _bars(panel: Panel) -> bargauge.Panel:
    last = common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(False)
    made = bargauge.Panel().reduce_options(last).orientation(commons.VizOrientation.HORIZONTAL)
    made.display_mode(commons.BarGaugeDisplayMode.BASIC).min(0)
    return made if panel.bounds else made.thresholds(_steps(((None, NEUTRAL),)))


def _table(panel: Panel) -> table.Panel:
    """Queries with the same labels, side by side: a row for each set of labels, a column for each query."""
    made = table.Panel().with_transformation(models.DataTransformerConfig("merge", options={}))
    titles = {f"Value #{chr(ord('A') + n)}": query.legend for n, query in enumerate(panel.queries)}
    organized = {"excludeByName": {"Time": True}, "renameByName": titles}
    made.with_transformation(models.DataTransformerConfig("organize", options=organized))
    for query in panel.queries:
        made.override_by_name(query.legend, [models.DynamicConfigValue("unit", query.unit or panel.unit)])
    return made.show_header(True)


_KINDS: Mapping[Kind, Callable[[Panel], Drawn]] = {
    "lines": _lines,
    "stacked": _stacked,
    "number": _number,
    "heat": _heat,
    "states": _states,
    "bars": _bars,
    "table": _table,
}
