"""Charts are data: what a report's figures look like, as Vega-Lite specifications made from its document alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Chart:
    """One figure. ``said`` tells in a sentence what is to be seen, for who cannot see it; colours and fonts are not
    in ``spec``: it is drawn under one of the themes."""

    name: str
    title: str
    said: str
    spec: Mapping[str, Any]
