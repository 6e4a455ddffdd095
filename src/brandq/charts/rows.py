"""Rows: one number for each name, drawn as a point or a bar with its interval, and written out beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from brandq.charts.chart import Spec, specification, tooltip
from brandq.charts.labels import clean, wrapped
from brandq.charts.telling import ABSENT, Number, has_interval, interval
from brandq.words import Words

#: of two lines of a label, in ems
LABEL_WIDTH = 13.0
_LINE_STEP, _LINES_STEP = 30, 38
_LEAST_WIDTH = 420


@dataclass(frozen=True)
class Row:
    """``told`` is written at its right end. ``own``: it is the subject's. ``kind`` decides its colour.

    ``more`` is told of it besides its number, as title and text.
    """

    name: str
    number: Number
    told: str
    own: bool = False
    kind: str | None = None
    shape: str = ""
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scale:
    """The axis that numbers are read off: its ends, its ticks, how they are written, and what it measures.

    ``zero``: a line is drawn there. ``mean``: numbers are means, not proportions; ``differ``: they are differences of
    proportions. ``labels`` is an expression for the labels of ticks, instead of their format.
    """

    title: str
    ends: tuple[float, float]
    ticks: Sequence[float]
    format: str = ".0%"
    zero: bool = False
    mean: bool = False
    differ: bool = False
    labels: str | None = None


def rate_scale(title: str, numbers: Sequence[Number]) -> Scale:
    """From 0 to 100 %, or to 50 % or 25 % where no interval reaches further."""
    top, ticks = rate_ticks(max((number.get("high") or number["value"] or 0.0 for number in numbers), default=1.0))
    return Scale(title, (0.0, top), ticks)


def rate_ticks(most: float) -> tuple[float, list[float]]:
    """The end of an axis of rates up to ``most``, and its ticks."""
    top = next((top for top in (0.25, 0.5) if most <= top), 1.0)
    steps = 4 if top == 1 else 5
    return top, [round(top * step / steps, 4) for step in range(steps + 1)]


def row_axis(names: Sequence[str], own: Sequence[int] = (), *, width: float = LABEL_WIDTH) -> tuple[Spec, list[Any]]:
    """The axis of names, and the list ``rows`` that it takes them from; the rows of the subject are bold."""
    bold = " || ".join(f"datum.value === {number}" for number in own) or "false"
    axis = {
        "style": "rows",
        "orient": "left",
        "title": None,
        "labelExpr": "rows[datum.value]",
        "labelFontWeight": {"condition": {"test": bold, "value": "bold"}, "value": "normal"},
        # the middle of a label is that of its first line
        "labelOffset": {"condition": {"test": "isArray(rows[datum.value])", "value": -7}, "value": 0},
    }
    return axis, [_lines(name, width) for name in names]


def _lines(name: str, width: float) -> str | list[str]:
    lines = wrapped(name, width, 2)
    return lines if len(lines) > 1 else lines[0]


def row_step(labels: Sequence[Any], one: int = _LINE_STEP, two: int = _LINES_STEP) -> int:
    """The height of a row in pixels, by the tallest label."""
    return two if any(isinstance(label, list) for label in labels) else one


def row_scale(count: int, padding: float = 0.3) -> Spec:
    return {"type": "band", "domain": list(range(count)), "paddingInner": padding, "paddingOuter": padding / 2}


def interval_rows(
    rows: Sequence[Row],
    scale: Scale,
    words: Words,
    *,
    said: str,
    titles: tuple[str, str],
    kinds: Mapping[str, str] | None = None,
    colours: str = "sides",
    bars: bool = False,
    shapes: bool = False,
) -> Spec:
    """A point or a bar for each row, with its interval. ``titles``: what the name and the number are called.

    ``kinds`` maps the kinds of rows to their names, in the order of the colours; without, it is the subject and all
    others. There is no legend: what a colour says stands in words at the end of each row, or is its name. A number
    without an interval is a hollow point, an absent one a dash.
    """
    kinds = kinds or {"own": "own", "other": "other"}
    axis, labels = row_axis([row.name for row in rows], [n for n, row in enumerate(rows) if row.own])
    position = {"field": "row", "type": "ordinal", "scale": row_scale(len(rows), 0.34), "axis": None}
    told_axis = {"orient": "right", "style": "told", "title": None, "labelExpr": "told[datum.value]"}
    colour: Spec = {"field": "kind", "type": "nominal", "legend": None}
    colour["scale"] = {"domain": list(kinds.values()), "range": _bars(colours) if bars else colours}
    measure = _measure(scale)
    tips = tooltip(
        {"name": titles[0], "written": titles[1], "interval": words.say("95% interval")}
        | {f"more_{number}": title for number, title in enumerate(rows[0].more)}
    )

    def layer(test: str, mark: Spec, **encoding: Any) -> Spec:
        encoding = {"y": position, "tooltip": tips, **encoding}
        return {"transform": [{"filter": test}], "mark": mark, "encoding": encoding}

    def labelled(axis: Spec) -> Spec:
        return {"mark": {"type": "point", "opacity": 0}, "encoding": {"y": {**position, "axis": axis}}}

    layers = [labelled(axis), labelled(told_axis)]
    if scale.zero:
        zero = {**measure, "field": "zero"}
        layers.append({"mark": {"type": "rule", "style": "zero"}, "encoding": {"x": zero}})
    bounds = {"x": {**measure, "field": "low"}, "x2": {"field": "high"}}
    if bars:
        layers.append(layer("datum.present", {"type": "bar"}, x=measure, fill=colour))
        layers += [layer("datum.bounded", {"type": "rule", "style": style}, **bounds) for style in _OVER_BARS]
    else:
        point = {"x": measure, "color": colour}
        if shapes:
            point["shape"] = {"field": "shape", "type": "nominal", "scale": None}
        layers += [
            layer("datum.bounded", {"type": "rule", "style": "interval"}, **bounds, color=colour),
            layer("datum.bounded", {"type": "point", "style": "point", "filled": True}, **point),
            layer("datum.present && !datum.bounded", {"type": "point", "style": "hollow", "filled": False}, **point),
        ]
    dash = {"type": "text", "style": "quiet", "align": "left", "dx": 4, "text": ABSENT}
    layers.append(layer("!datum.present", dash, x={**measure, "field": "zero"}))
    return specification(
        layers,
        said=said,
        height=len(rows) * row_step(labels),
        least_width=_LEAST_WIDTH,
        values=[_record(number, row, kinds, scale, words) for number, row in enumerate(rows)],
        texts={"rows": labels, "told": [row.told for row in rows]},
        resolve={"axis": {"y": "independent"}},
    )


#: an interval that lies over a bar is set off from it
_OVER_BARS = ("halo", "bar-interval")


def _bars(colours: str) -> str:
    return "side_bars" if colours == "sides" else colours


def _measure(scale: Scale) -> Spec:
    """The channel along which numbers are drawn."""
    labels = {"labelExpr": scale.labels} if scale.labels else {"format": scale.format}
    return {
        "field": "value",
        "type": "quantitative",
        "title": scale.title,
        "scale": {"domain": list(scale.ends), "nice": False},
        "axis": {"style": "scale", "values": list(scale.ticks), "labelFlush": False, **labels},
    }


def _record(number: int, row: Row, kinds: Mapping[str, str], scale: Scale, words: Words) -> dict[str, Any]:
    measured = row.number
    record: dict[str, Any] = {
        "row": number,
        "name": clean(row.name),
        "kind": kinds[row.kind if row.kind is not None else "own" if row.own else "other"],
        "value": measured["value"],
        "present": measured["value"] is not None,
        "bounded": measured["value"] is not None and has_interval(measured),
        "zero": max(0.0, scale.ends[0]),
        "shape": row.shape,
        "written": row.told,
        "interval": interval(measured, words, mean=scale.mean, differ=scale.differ),
    }
    if record["bounded"]:
        record |= {"low": max(scale.ends[0], measured["low"]), "high": min(scale.ends[1], measured["high"])}
    return record | {f"more_{place}": clean(text) for place, text in enumerate(row.more.values())}
