"""A chart: its specification in Vega-Lite, and what is said of it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brandq.charts.labels import ems

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_USUAL_WIDTH = 720


@dataclass(frozen=True)
class Chart:
    """One figure. ``said`` tells in a sentence what is to be seen, with the main numbers, for who cannot see it.

    ``note`` says how to read it, and what is missing in it and why; it stands under the figure. Colours and fonts are
    not in ``spec``: it is drawn under one of the ``themes``. Texts in it are data: no expression holds one.

    ``spec`` takes the width of what contains it. Under ``usermeta.least_width`` pixels its texts would overlap, so a
    narrower page lets it scroll.
    """

    name: str
    title: str
    said: str
    note: str
    spec: Spec


def for_export(spec: Mapping[str, Any], width: int) -> Spec:
    """The same figure with a fixed width in pixels, but not narrower than it can be read."""
    width = max(width, spec["usermeta"]["least_width"])
    fixed = {**spec, "width": width, "autosize": {"type": "fit-x", "contains": "padding"}}
    legend = spec["usermeta"].get("legend")
    if legend is None:
        return fixed
    columns = legend_columns(legend["names"], width - legend["beside"])
    kept = [param for param in spec["params"] if param["name"] != LEGEND_COLUMNS]
    return {**fixed, "params": [*kept, {"name": LEGEND_COLUMNS, "value": columns}]}


#: the parameter that says in how many columns the names of a legend stand; who draws the figure knows its width
LEGEND_COLUMNS = "legend_columns"


def legend_columns(names: Sequence[int], width: int) -> int:
    """How many names of these widths stand beside one another, each column as wide as its widest; at least one."""
    for columns in range(len(names), 1, -1):
        if sum(max(names[place::columns]) for place in range(columns)) <= width:
            return columns
    return 1


@dataclass(frozen=True)
class Legend:
    """The widths in pixels of the names in a legend, and of what stands left and right of it."""

    names: Sequence[int]
    beside: int

    @classmethod
    def of(cls, names: Sequence[str], labels: Sequence[str | Sequence[str]], told: Sequence[str]) -> Legend:
        """Of these ``names``, in a figure with these labels at the left and texts at the right of its rows."""
        lines = [line for label in labels for line in ([label] if isinstance(label, str) else label)]
        beside = sum(round(12 * max(map(ems, texts), default=0.0)) + 12 for texts in (lines, told))
        return cls([round(12 * ems(name)) + 44 for name in names], beside)


def specification(
    layers: Sequence[Spec],
    *,
    said: str,
    height: int,
    least_width: int,
    over: int = 0,
    above: int = 0,
    values: Sequence[Mapping[str, Any]] = (),
    texts: Mapping[str, Sequence[Any]] | None = None,
    legend: Legend | None = None,
    resolve: Spec | None = None,
) -> Spec:
    """Layers over one set of records. ``texts``: lists that expressions of axes take a text from, by its number.

    ``over`` and ``above``: how many pixels of a label reach beyond the right end, and beyond the top.
    """
    params: list[Spec] = [{"name": name, "value": list(told)} for name, told in (texts or {}).items()]
    usermeta: Spec = {"least_width": least_width}
    if legend is not None:
        usermeta["legend"] = {"names": list(legend.names), "beside": legend.beside}
        columns = legend_columns(legend.names, _USUAL_WIDTH - legend.beside)
        params.append({"name": LEGEND_COLUMNS, "value": columns})
    spec: Spec = {
        "$schema": SCHEMA,
        "description": said,
        "usermeta": usermeta,
        "width": "container",
        "height": height,
    }
    if over or above:
        spec["padding"] = {"left": 2, "top": 2 + above, "bottom": 2, "right": 2 + over}
    if params:
        spec["params"] = params
    if values:
        spec["data"] = {"values": [dict(one) for one in values]}
    spec["layer"] = list(layers)
    if resolve:
        spec["resolve"] = resolve
    return spec


def tooltip(fields: Mapping[str, str]) -> list[Spec]:
    """What is told of the record under the pointer: each field of it under its title, in this order."""
    return [{"field": field, "type": "nominal", "title": title} for field, title in fields.items()]
