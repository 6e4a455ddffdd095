"""Themes: the colours and fonts of figures, on light and on dark ground, as a Vega config.

Hues are Okabe and Ito's (2008) or keep their order of lightness, so that they are told apart by who sees no red or no
green; what is told by colour is told by order, place or words as well. Each colour that carries text has the colour of
that text beside it, in the scale of the same name with ``_text``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Theme = Literal["light", "dark"]

#: fonts with Chinese come first after the system's own: what draws to a file takes the first that there is
FONTS = 'system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif'

_BLACK, _WHITE = "#000000", "#ffffff"


@dataclass(frozen=True)
class Palette:
    """One ground. ``ranges``: the colours of each scale, by its name."""

    ground: str
    text: str
    quiet: str
    grid: str
    line: str
    ranges: dict[str, list[str]]


def _texts(*deep: bool) -> list[str]:
    return [_WHITE if each else _BLACK for each in deep]


PALETTES: dict[Theme, Palette] = {
    "light": Palette(
        ground="#ffffff",
        text="#1b2430",
        quiet="#55606e",
        grid="#e4e8ed",
        line="#8b96a3",
        ranges={
            # the subject, and everybody else
            "sides": ["#0072b2", "#6f7b89"],
            "side_bars": ["#7fb8d9", "#ccd3da"],
            # first, second, third, fourth or fifth, to tenth, beyond; named without a rank; not named
            "ranks": ["#08406f", "#1f6fa8", "#5b9fd0", "#94c3e3", "#bfdcf0", "#dcebf6", "#e3cf9b", "#eceef1"],
            "ranks_text": _texts(True, True, False, False, False, False, False, False),
            "sentiments": ["#0072b2", "#c3cad3", "#f0b44c", "#c4500a", "#eceef1"],
            "sentiments_text": _texts(True, False, False, True, False),
            "outcomes": ["#3f8fc4", "#e69f00", "#f6dfa6", "#c8a2c4", "#b8400a", "#8b96a3", "#eceef1"],
            "outcomes_text": _texts(False, False, False, False, True, False, False),
            "rates": ["#f4f8fb", "#cfe2f0", "#93c1e0", "#4a93c8", "#12639f", "#073b66"],
            "rates_text": _texts(False, True),
            # owned, competitor, news, review, ugc, reference, ecommerce, gov, other, none
            "classes": [
                *("#0072b2", "#d55e00", "#56b4e9", "#009e73", "#e69f00"),
                *("#8c6bb1", "#cc79a7", "#5b6470", "#b4bcc6", "#d9dee4"),
            ],
            "series": ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b6470", "#8c6bb1"],
            "verdicts": ["#0072b2", "#c4500a", "#6f7b89"],
        },
    ),
    "dark": Palette(
        ground="#14181d",
        text="#e8ecf1",
        quiet="#a7b1bd",
        grid="#2b323b",
        line="#6b7683",
        ranges={
            "sides": ["#56b4e9", "#98a3b0"],
            "side_bars": ["#1f5f88", "#414a55"],
            "ranks": ["#cfe9fb", "#94cdf3", "#56a5dc", "#2f78ae", "#245a85", "#1d4262", "#6e5a25", "#2b323b"],
            "ranks_text": _texts(False, False, False, True, True, True, True, True),
            "sentiments": ["#56b4e9", "#515b67", "#b57b14", "#ff9457", "#2b323b"],
            "sentiments_text": _texts(False, True, False, False, True),
            "outcomes": ["#3f8fc4", "#e69f00", "#7a5f16", "#7d5a79", "#ff9457", "#6b7683", "#2b323b"],
            "outcomes_text": _texts(False, False, True, True, False, True, True),
            "rates": ["#1b222a", "#1b3247", "#1c4565", "#1e567f", "#5aa9dd", "#c6e6fb"],
            "rates_text": _texts(True, False),
            "classes": [
                *("#56b4e9", "#ff9457", "#9bd3f5", "#33c29a", "#f0b73a"),
                *("#b49add", "#e59cc4", "#8b95a1", "#59636e", "#3a424c"),
            ],
            "series": ["#56b4e9", "#ff9457", "#33c29a", "#e59cc4", "#f0b73a", "#9bd3f5", "#a7b1bd", "#b49add"],
            "verdicts": ["#56b4e9", "#ff9457", "#98a3b0"],
        },
    ),
}


def config(theme: Theme) -> dict[str, Any]:
    """The Vega config of a theme. The ground is left to what the figure stands on."""
    palette = PALETTES[theme]
    return {
        "background": "transparent",
        "font": FONTS,
        "padding": 2,
        "view": {"stroke": None},
        # what is to be told stands beside the figure in words; its parts say the same in numbers nobody asked for
        "mark": {"aria": False},
        "text": {"color": palette.text, "fontSize": 12},
        "axis": {
            "aria": False,
            "domain": False,
            "ticks": False,
            "grid": False,
            "gridColor": palette.grid,
            "labelColor": palette.text,
            "labelFontSize": 12,
            "labelLineHeight": 15,
            "labelPadding": 8,
            "titleColor": palette.quiet,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 10,
        },
        "legend": {
            "aria": False,
            "labelColor": palette.text,
            "labelFontSize": 12,
            "labelLimit": 260,
            "symbolType": "square",
            "symbolSize": 130,
            "symbolStrokeWidth": 1,
            "orient": "top",
            "direction": "horizontal",
            "title": None,
            "columnPadding": 18,
            "rowPadding": 6,
            "offset": 12,
        },
        "style": {
            "rows": {"labelLimit": 260},
            "columns": {"labelFontSize": 11, "labelLineHeight": 13},
            "told": {"labelColor": palette.text, "labelLimit": 260},
            "scale": {"grid": True, "labelColor": palette.quiet, "labelFontSize": 11},
            "interval": {"strokeWidth": 2.5, "strokeCap": "round"},
            "thin-interval": {"strokeWidth": 2, "strokeCap": "round"},
            # sets an interval off from the bar that it lies over
            "halo": {"color": palette.ground, "strokeWidth": 4, "opacity": 0.75},
            "bar-interval": {"color": palette.text, "strokeWidth": 1.5},
            "point": {"size": 90, "filled": True, "opacity": 1},
            "small-point": {"size": 44, "filled": True, "opacity": 1},
            "hollow": {"size": 80, "filled": False, "strokeWidth": 2, "opacity": 1},
            "small-hollow": {"size": 40, "filled": False, "strokeWidth": 1.5, "opacity": 1},
            "zero": {"color": palette.line, "strokeWidth": 1.5},
            "lane": {"color": palette.grid, "strokeWidth": 1},
            "middle": {"color": palette.grid, "strokeWidth": 1, "strokeDash": [2, 3]},
            "part": {"stroke": palette.ground, "strokeWidth": 1},
            "block": {"stroke": palette.ground, "strokeWidth": 2, "cornerRadius": 3},
            "absent": {"color": palette.grid, "opacity": 0.55, "cornerRadius": 3},
            "quiet": {"color": palette.quiet, "fontSize": 11},
            "value": {"color": palette.text, "fontSize": 11},
            "break": {"color": palette.quiet, "strokeWidth": 1.5, "strokeDash": [5, 4]},
            "range": {"strokeWidth": 2, "opacity": 0.55},
            "band": {"opacity": 0.16},
            "trend": {"strokeWidth": 2.5, "strokeCap": "round", "strokeJoin": "round"},
        },
        "range": {name: list(colours) for name, colours in palette.ranges.items()},
    }
