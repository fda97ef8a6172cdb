"""What our dashboards are made of: a graph, a number, a table, a text, and their variables.

In a query `@` stands for what the variables select, so that no query forgets it. Every panel has a
description: it is what somebody reads at night.
"""

from collections.abc import Sequence
from typing import NamedTuple

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    prometheus,
    stat,
    table,
    text,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Panel,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

SELECTED = 'namespace=~"$namespace", job=~"$job"'
RECORDED = 'namespace=~"$namespace"'
"""What recording rules made has no job any more."""
SOURCE = DataSourceRef(type_val="prometheus", uid="$datasource")
TAGS = ["copilot-gateway"]
Panels = tuple[Builder[Panel], ...]
GRAPH_HEIGHT, NUMBER_HEIGHT = 8, 4


class Query(NamedTuple):
    """One expression, and what its series are called."""

    expr: str
    legend: str = ""


def selected(expr: str) -> str:
    """The expression with the variables in place of `@@` (recorded series) and `@`."""
    return expr.replace("@@", RECORDED).replace("@", SELECTED)


def quantiles(
    metric: str, by: str = "", of: Sequence[str] = ("0.5", "0.95", "0.99")
) -> list[Query]:
    """Quantiles of a histogram, by the given labels."""
    labels = ", ".join(filter(None, ("le", by)))
    buckets = f"sum by ({labels}) (rate({metric}_bucket{{@}}[$__rate_interval]))"
    called = f" {{{{{by}}}}}" if by else ""
    return [
        Query(f"histogram_quantile({each}, {buckets})", f"p{float(each) * 100:g}{called}")
        for each in of
    ]


def graph(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    span: int = 8,
    is_stacked: bool = False,
) -> Builder[Panel]:
    """Lines over time."""
    stacking = StackingMode.NORMAL if is_stacked else StackingMode.NONE
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(span)
        .height(GRAPH_HEIGHT)
        .draw_style(GraphDrawStyle.LINE)
        .show_points(VisibilityMode.NEVER)
        .fill_opacity(20 if is_stacked else 0)
        .stacking(common.StackingConfig().mode(stacking))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    for target in _targets(queries):
        panel.with_target(target)
    return panel


def number(
    title: str, description: str, unit: str, expr: str, *, red_from: float | None = None
) -> Builder[Panel]:
    """One number as it is now. red_from: where it becomes a matter for somebody."""
    steps = [Threshold(value=None, color="green")]
    if red_from is not None:
        steps.append(Threshold(value=red_from, color="red"))
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .span(6)
        .height(NUMBER_HEIGHT)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
        .with_target(_target(Query(expr), "A").instant())
    )


def listing(title: str, description: str, unit: str, expr: str, *, span: int = 8) -> Builder[Panel]:
    """A table of what there is now, a row a series."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .span(span)
        .height(GRAPH_HEIGHT)
        .with_target(_target(Query(expr), "A").instant().format(PromQueryFormat.TABLE))
    )


def prose(title: str, content: str, *, span: int = 24) -> Builder[Panel]:
    """Something to read."""
    panel = text.Panel().title(title).description("What the metrics cannot say.")
    return panel.mode(TextMode.MARKDOWN).content(content).span(span).height(GRAPH_HEIGHT)


def page(uid: str, title: str, description: str) -> dashboard.Dashboard:
    """An empty dashboard with its variables. series of `gateway` name the namespaces and jobs."""
    built = (
        dashboard.Dashboard(f"Copilot Gateway / {title}")
        .uid(f"copilot-gateway-{uid}")
        .description(description)
        .tags(TAGS)
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .link(
            dashboard.DashboardLink("Copilot Gateway")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["copilot-gateway"])
        )
    )
    built.with_variable(
        dashboard.DatasourceVariable("datasource")
        .label("Prometheus")
        .description("The Prometheus that scrapes both services.")
        .type("prometheus")
    )
    anything = '{__name__=~"gateway_store_up|copilot_store_up"'
    built.with_variable(_choice("namespace", "Namespace", f"label_values({anything}}}, namespace)"))
    jobs = f'label_values({anything}, namespace=~"$namespace"}}, job)'
    return built.with_variable(_choice("job", "Job", jobs))


def _choice(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A variable of which all values are taken at first."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _targets(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    return [_target(query, ref).range() for query, ref in zip(queries, "ABCDEFGH", strict=False)]


def _target(query: Query, ref: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .expr(selected(query.expr))
        .legend_format(query.legend)
        .ref_id(ref)
        .datasource(SOURCE)
    )
