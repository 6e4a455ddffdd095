"""Stacks: counts that add up, as the parts of one bar for each name, with each count written in its part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brandq.charts.chart import LEGEND_COLUMNS, Legend, Spec, specification, tooltip
from brandq.charts.labels import clean, ems
from brandq.charts.rows import row_axis, row_scale, row_step
from brandq.charts.telling import ABSENT, out_of
from brandq.words import Words

_LEAST_WIDTH = 420
#: a part that holds a count is wider than it by so many pixels
_MARGIN = 8
_FONT_SIZE = 11


@dataclass(frozen=True)
class Stack:
    """``parts``: how many there are of each kind. ``told`` is written at its right end."""

    name: str
    parts: Mapping[str, int]
    told: str
    own: bool = False


def stacked(
    stacks: Sequence[Stack],
    kinds: Mapping[str, str],
    colours: str,
    words: Words,
    *,
    said: str,
    titles: tuple[str, str],
) -> Spec:
    """Bars of one length, whose parts are in the order of ``kinds``, which maps each kind to its name.

    ``titles``: what a name and a kind are called.
    """
    axis, labels = row_axis([stack.name for stack in stacks], [n for n, stack in enumerate(stacks) if stack.own])
    position = {"field": "row", "type": "ordinal", "scale": row_scale(len(stacks), 0.26), "axis": None}
    told_axis = {"orient": "right", "style": "told", "title": None, "labelExpr": "told[datum.value]"}
    seen = [kinds[kind] for kind in kinds if any(stack.parts.get(kind) for stack in stacks)]
    tips = tooltip({"name": titles[0], "kind": titles[1], "written": words.say("Answers")})
    kind = {"field": "kind", "type": "nominal", "scale": {"domain": list(kinds.values()), "range": colours}}
    # by its number, since what has the domain of the bars becomes one legend with theirs
    text = {
        "field": "part",
        "type": "nominal",
        "scale": {"domain": list(range(len(kinds))), "range": f"{colours}_text"},
    }
    ends = {"domain": [0, 1], "nice": False}
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "style": "part"},
            "encoding": {
                "y": {**position, "axis": axis},
                "x": {"field": "from", "type": "quantitative", "scale": ends, "title": None, "axis": None},
                "x2": {"field": "to"},
                "fill": {**kind, "legend": {"values": seen, "columns": {"expr": LEGEND_COLUMNS}}},
                "tooltip": tips,
            },
        },
        {
            "mark": {"type": "text", "style": "value"},
            "encoding": {
                "y": {**position, "axis": told_axis},
                "x": {"field": "middle", "type": "quantitative", "axis": None},
                "text": {"field": "count", "type": "nominal"},
                "color": {**text, "legend": None},
                "opacity": {"condition": {"test": "datum.share * width >= datum.room", "value": 1}, "value": 0},
                "tooltip": tips,
            },
        },
    ]
    return specification(
        layers,
        said=said,
        height=len(stacks) * row_step(labels),
        least_width=_LEAST_WIDTH,
        values=[record for number, stack in enumerate(stacks) for record in _records(number, stack, kinds, words)],
        texts={"rows": labels, "told": [stack.told for stack in stacks]},
        legend=Legend.of(seen, labels, [stack.told for stack in stacks]),
        resolve={"axis": {"y": "independent"}},
    )


def _records(number: int, stack: Stack, kinds: Mapping[str, str], words: Words) -> list[dict[str, Any]]:
    whole = sum(stack.parts.get(kind, 0) for kind in kinds)
    if not whole:
        # the row is there, and empty
        ends = {"from": 0, "to": 0, "middle": 0, "share": 0, "room": 1}
        return [{"row": number, "name": clean(stack.name), "kind": ABSENT, "count": "", "written": ABSENT, **ends}]
    found, before = [], 0
    for part, (kind, label) in enumerate(kinds.items()):
        count = stack.parts.get(kind, 0)
        if not count:
            continue
        written = words.number(count)
        found.append(
            {
                "row": number,
                "name": clean(stack.name),
                "kind": label,
                "from": before / whole,
                "to": (before + count) / whole,
                "middle": (before + count / 2) / whole,
                "share": count / whole,
                "part": part,
                "room": round(_FONT_SIZE * ems(written)) + _MARGIN,
                "count": written,
                "written": out_of(count, whole, words),
            }
        )
        before += count
    return found
