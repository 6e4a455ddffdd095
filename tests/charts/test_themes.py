"""Themes: what can be read on what, for whoever sees how."""

from __future__ import annotations

from itertools import pairwise

import pytest

from brandq.charts.grids import _DEEP
from brandq.charts.themes import PALETTES, Theme, config

THEMES: tuple[Theme, ...] = ("light", "dark")


def light_of(colour: str) -> float:
    """Relative luminance, as WCAG 2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((light_of(one), light_of(other)))
    return (high + 0.05) / (low + 0.05)


def between(colours: list[str], value: float) -> str:
    """The colour of a value from 0 to 1 on a scale of these, as Vega finds it."""
    place = value * (len(colours) - 1)
    first = min(int(place), len(colours) - 2)
    part = place - first
    ends = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours[first : first + 2]]
    return "#" + "".join(f"{round(a * (1 - part) + b * part):02x}" for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize("theme", THEMES)
def test_texts_can_be_read_on_their_ground(theme: Theme) -> None:
    """Given a theme, then its texts have a contrast of 4.5 with the ground, and what stands in a coloured part has it
    with the part."""
    palette = PALETTES[theme]
    for colour in (palette.text, palette.quiet):
        assert contrast(colour, palette.ground) >= 4.5
    for name in ("ranks", "sentiments", "outcomes"):
        parts, texts = palette.ranges[name], palette.ranges[f"{name}_text"]
        assert len(parts) == len(texts)
        for part, text in zip(parts, texts, strict=True):
            assert contrast(part, text) >= 4.5, (name, part)


@pytest.mark.parametrize("theme", THEMES)
def test_rates_can_be_read_in_their_blocks(theme: Theme) -> None:
    """Given any rate in a heat map, then its text has a contrast of 4.5 with its block."""
    palette = PALETTES[theme]
    for percent in range(101):
        block = between(palette.ranges["rates"], percent / 100)
        text = palette.ranges["rates_text"][percent / 100 >= _DEEP]
        assert contrast(block, text) >= 4.5, percent


@pytest.mark.parametrize("theme", THEMES)
def test_lines_and_points_stand_out(theme: Theme) -> None:
    """Given a theme, then points, lines and series have a contrast of 3 with the ground, or are told in words besides:
    of the series, whose points differ in shape, none has less than 2."""
    palette = PALETTES[theme]
    for name in ("sides", "verdicts"):
        assert all(contrast(colour, palette.ground) >= 3 for colour in palette.ranges[name]), name
    assert all(contrast(colour, palette.ground) >= 2 for colour in palette.ranges["series"])


@pytest.mark.parametrize("theme", THEMES)
def test_ranks_and_rates_go_one_way(theme: Theme) -> None:
    """Given a scale of what has an order, then its colours go steadily from dark to light, or from light to dark, so
    that they keep their order for who sees no colour."""
    palette = PALETTES[theme]
    for colours in (palette.ranges["ranks"][:6], palette.ranges["rates"]):
        steps = [light_of(after) - light_of(before) for before, after in pairwise(colours)]
        assert all(step > 0 for step in steps) or all(step < 0 for step in steps)


def test_both_themes_have_the_same_parts() -> None:
    """Given both themes, then they have the same scales and styles, and no ground of their own."""
    light, dark = (config(theme) for theme in THEMES)
    assert light["background"] == dark["background"] == "transparent"
    for part in ("range", "style"):
        assert light[part].keys() == dark[part].keys()
    for name, colours in light["range"].items():
        assert len(colours) == len(dark["range"][name])
