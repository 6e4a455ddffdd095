"""A number on its axis: a band for the interval, a point for the value, as a drawing that stands beside the figures.

It repeats what these say, so it is hidden from who has a page read aloud.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

_WIDTH = 100
#: an interval without any width would not be seen
_LEAST_WIDTH = 0.5

#: what each part looks like: by class, where a style sheet reaches into drawings ...
_CLASSES = {
    # the first path of each
    "axis": "",
    "zero": ' class="zero"',
    "range": ' class="range"',
    "point": ' class="point"',
    "hollow": ' class="hollow"',
}
#: ... and in itself, where none does, as when a PDF is made
_COLOURS = {
    "axis": ' stroke="#dfe3e8" stroke-width="2"',
    "zero": ' stroke="#8b94a1"',
    "range": ' stroke="#a7bce7" stroke-width="5"',
    "point": ' fill="#2257c4"',
    "hollow": ' fill="#fff" stroke="#2257c4" stroke-width="2"',
}


def interval(number: Mapping[str, Any], least: float = 0.0, most: float = 1.0) -> Markup:
    """The number between ``least`` and ``most``. Without an interval its point is hollow."""
    return _drawn(number, least, most, _CLASSES)


def interval_on_paper(number: Mapping[str, Any], least: float = 0.0, most: float = 1.0) -> Markup:
    """The same in the colours of paper, without a style sheet."""
    return _drawn(number, least, most, _COLOURS)


def _drawn(number: Mapping[str, Any], least: float, most: float, looks: Mapping[str, str]) -> Markup:
    def at(value: float) -> float:
        return round(_WIDTH * (min(max(value, least), most) - least) / (most - least), 1)

    parts = [f'<path{looks["axis"]} d="M0 6h{_WIDTH}"/>']
    if least < 0 < most:
        parts.append(f'<path{looks["zero"]} d="M{at(0):g} 1v10"/>')
    point = at(number["value"])
    if number.get("low") is None:
        parts.append(f'<circle{looks["hollow"]} cx="{point:g}" cy="6" r="3"/>')
    else:
        low, high = at(number["low"]), at(number["high"])
        parts.append(f'<path{looks["range"]} d="M{low:g} 6H{max(high, low + _LEAST_WIDTH):g}"/>')
        parts.append(f'<circle{looks["point"]} cx="{point:g}" cy="6" r="3"/>')
    drawing = f'<svg class="interval" viewBox="0 0 {_WIDTH} 12" aria-hidden="true">{"".join(parts)}</svg>'
    return Markup(drawing)  # noqa: S704  # words of ours, and figures
