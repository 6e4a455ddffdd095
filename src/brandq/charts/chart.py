"""A chart: its specification in Vega-Lite, and what is said of it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


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
    return {**spec, "width": max(width, spec["usermeta"]["least_width"])}


def specification(
    layers: Sequence[Spec],
    *,
    said: str,
    height: int | Spec,
    least_width: int,
    values: Sequence[Mapping[str, Any]] = (),
    texts: Mapping[str, Sequence[Any]] | None = None,
    resolve: Spec | None = None,
) -> Spec:
    """Layers over one set of records. ``texts``: lists that expressions of axes take a text from, by its number."""
    spec: Spec = {
        "$schema": SCHEMA,
        "description": said,
        "usermeta": {"least_width": least_width},
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }
    if texts:
        spec["params"] = [{"name": name, "value": list(told)} for name, told in texts.items()]
    if values:
        spec["data"] = {"values": [dict(one) for one in values]}
    spec["layer"] = list(layers)
    if resolve:
        spec["resolve"] = resolve
    return spec


def tooltip(fields: Mapping[str, str]) -> list[Spec]:
    """What is told of the record under the pointer: each field of it under its title, in this order."""
    return [{"field": field, "type": "nominal", "title": title} for field, title in fields.items()]
