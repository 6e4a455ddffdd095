"""Charts are data: what a report's figures look like, as Vega-Lite specifications made from its document alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from brandq.charts import brands, coverage, grids, sources
from brandq.charts.changes import Point, compared, history
from brandq.charts.chart import Chart, for_export
from brandq.charts.themes import Theme, config
from brandq.words import Words

__all__ = ["Chart", "Point", "Theme", "compared", "config", "for_export", "history", "report_charts"]

#: in the order in which a report tells them
_CHARTS: Sequence[Callable[[Mapping[str, Any], Words], Chart | None]] = (
    brands.mention_rates,
    grids.mention_rates_by_engine,
    brands.share_of_voice,
    brands.ranks,
    grids.heat_map,
    brands.sentiments,
    brands.strength,
    brands.instead,
    sources.sources,
    sources.source_classes,
    grids.named_and_cited,
    coverage.coverage,
)


def report_charts(document: Mapping[str, Any], words: Words) -> dict[str, Chart]:
    """The figures of a report by their names, in the order of the report; without those that have nothing to show."""
    made = (chart(document, words) for chart in _CHARTS)
    return {chart.name: chart for chart in made if chart is not None}
