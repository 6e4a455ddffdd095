"""Figures of change: two executions against one another, and a rate over time, with nothing drawn that was not measured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from brandq.charts import Chart, Point, compared, config, drawing, for_export, history
from brandq.measures.comparing import adjust, compare
from brandq.measures.counting import Cluster
from brandq.words import words_in
from tests.charts.documents import HOSTILE, NOW

EN = words_in("en")


def change(brand: str, before: int, after: int, *, measure: str = "mention_rate", engine: str | None = None) -> Any:
    """A row of a comparison over eight prompts, of whose ten answers so many counted before and after."""
    sides = [[Cluster(prompt, k, 10, "e") for prompt in range(8)] for k in (before, after)]
    return {"brand": brand, "measure": measure, "engine": engine, **compare(*sides)}


def comparison(subject: str, others: Sequence[Any]) -> dict[str, Any]:
    return {"primary": change(subject, 2, 7), "others": adjust(others)}


def values(chart: Chart) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chart.spec["data"]["values"]
    return found


def test_what_changed_is_drawn_with_its_interval_and_verdict() -> None:
    """Given a brand that rose, one that fell and one that hardly moved, then their differences and intervals are those
    of the comparison, and a triangle up, one down, and a circle tell their verdicts besides the colour."""
    given = comparison("A", [change("B", 8, 3), change("C", 5, 5), change("A", 4, 4, measure="top_3_rate")])
    charts = compared(given, EN)
    assert list(charts) == ["compared_brands", "compared_measures"]
    rows = values(charts["compared_brands"])
    assert [(row["name"], row["shape"], row["kind"]) for row in rows] == [
        ("A", "triangle-up", "Up"),
        ("B", "triangle-down", "Down"),
        ("C", "circle", "No clear change"),
    ]
    for row, told in zip(rows, (given["primary"], *given["others"]), strict=False):
        assert [row[end] for end in ("value", "low", "high")] == [told[end] for end in ("difference", "low", "high")]
    assert charts["compared_brands"].said.startswith("A: +50.0 points from the first to the second execution")
    assert [row["name"] for row in values(charts["compared_measures"])] == ["Mention rate", "Top 3 rate"]


def test_the_axis_of_changes_has_zero_in_its_middle() -> None:
    """Given small changes and large ones, then the axis goes as far down as up, and holds every interval."""
    for after in (2, 3, 9):
        given = {"primary": change("A", 2, after), "others": []}
        spec = compared(given, EN)["compared_brands"].spec
        scales = [layer["encoding"]["x"]["scale"] for layer in spec["layer"] if "x" in layer["encoding"]]
        (low, high), row = scales[0]["domain"], given["primary"]
        assert low == -high
        assert low <= row["low"] <= row["high"] <= high
        assert drawing.svg(for_export(spec, 720), config("dark"))


def test_each_engine_has_its_own_change() -> None:
    """Given a comparison over two engines, then the subject's change on each of them has a figure of its own."""
    others = [change(brand, 3, 6, engine=engine) for brand in "AB" for engine in ("doubao", "qwen")]
    charts = compared(comparison("A", others), EN)
    assert [row["name"] for row in values(charts["compared_engines"])] == ["doubao", "qwen"]


def test_what_cannot_be_compared_is_left_out() -> None:
    """Given a brand without common answers, then it has no row; and where no brand has, there is no figure."""
    nothing = {"brand": "B", "measure": "mention_rate", "engine": None, **compare([], [])}
    assert [row["name"] for row in values(compared(comparison("A", [nothing]), EN)["compared_brands"])] == ["A"]
    assert compared({"primary": {**nothing, "brand": "A"}, "others": []}, EN) == {}


def point(day: int, value: float | None = 0.5, **fields: Any) -> Point:
    low, high = (None, None) if value is None else (max(0.0, value - 0.1), min(1.0, value + 0.1))
    k = 0 if value is None else round(60 * value)
    return Point(NOW + timedelta(days=day), f"id-{day}", value, **{"low": low, "high": high, "k": k, "n": 60, **fields})


def over_time(points: Sequence[Point]) -> Chart:
    chart = history(points, EN)
    assert chart is not None
    return chart


def test_a_rate_over_time_has_its_points_in_order() -> None:
    """Given executions in any order, then their points stand in the order of time, with their intervals and n, on an
    axis that begins at zero."""
    chart = over_time([point(7, 0.6), point(0, 0.4), point(14, 0.5, label="March")])
    assert [row["value"] for row in values(chart)] == [0.4, 0.6, 0.5]
    assert values(chart)[0]["low"] == pytest.approx(0.3)
    assert [row["label"] for row in values(chart)] == ["id-0", "id-7", "March"]
    assert {row["n"] for row in values(chart)} == {"n = 60"}
    assert "From 40% on Nov 24, 2026 to 50% on Dec 8, 2026" in chart.said
    levels = [layer["encoding"]["y"] for layer in chart.spec["layer"] if "axis" in layer["encoding"].get("y", {})]
    assert {level["scale"]["domain"][0] for level in levels} == {0}


def paths(chart: Chart, part: str) -> list[str]:
    """What is drawn of this part of the figure: the commands of each path."""
    root = ElementTree.fromstring(drawing.svg(for_export(chart.spec, 720), config("light")))
    groups = [group for group in root.iter() if part in group.get("class", "").split()]
    return [path.get("d", "") for group in groups for path in group.iter() if path.tag.endswith("path")]


def test_nothing_is_drawn_across_what_is_missing() -> None:
    """Given an execution without usable answers between others, then no line and no band goes across it."""
    whole = over_time([point(day) for day in (0, 7, 14, 21, 28)])
    broken = over_time([point(0), point(7), point(14, None), point(21), point(28)])
    assert [len(paths(whole, part)) for part in ("mark-line", "mark-area")] == [1, 1]
    assert [len(paths(broken, part)) for part in ("mark-line", "mark-area")] == [2, 2]
    assert len({row["piece"] for row in values(broken) if row["present"]}) == 2


def test_a_change_of_the_model_breaks_the_line_and_is_told() -> None:
    """Given a point from which on another model answers, then there is a mark at it with what changed, and neither line
    nor band goes across."""
    chart = over_time([point(0), point(7), point(14, model_change="gpt-5.6 → gpt-6"), point(21)])
    assert len(paths(chart, "mark-line")) == 2
    svg = drawing.svg(for_export(chart.spec, 720), config("light"))
    assert "gpt-5.6 → gpt-6" in svg
    assert svg.count('stroke-dasharray="5,4"') == 1
    assert "The model changed once." in chart.said


def test_a_point_without_an_interval_is_hollow_and_has_no_band() -> None:
    """Given a point without an interval between others, then the line goes through it and the band does not."""
    chart = over_time([point(0), point(7), point(14, 0.5, low=None, high=None), point(21), point(28)])
    assert len(paths(chart, "mark-line")) == 1
    assert len(paths(chart, "mark-area")) == 2
    assert "A hollow point has no interval." in chart.note


def test_several_engines_are_told_apart_by_shape_as_well() -> None:
    """Given eight engines, then each has a name in the legend, a colour, and with the colour a shape, and there are no
    bands over one another."""
    engines = [f"engine {n}" for n in range(8)]
    chart = over_time([point(day, 0.1 * (n + 1), engine=name) for n, name in enumerate(engines) for day in (0, 7)])
    svg = drawing.svg(for_export(chart.spec, 720), config("light"))
    assert all(name in svg for name in engines)
    assert paths(chart, "mark-area") == []
    symbols = [path for path in paths(chart, "mark-symbol") if path]
    assert len(set(symbols)) >= 7


def test_one_point_and_none() -> None:
    """Given a single execution, then its point stands alone, and is said to; without any number there is no figure."""
    chart = over_time([point(0, 0.25)])
    assert "One point only: 25%" in chart.said
    assert drawing.svg(for_export(chart.spec, 720), config("light"))
    assert history([point(0, None)], EN) is None
    assert history([], EN) is None


def test_names_of_any_kind_are_harmless_in_figures_of_change() -> None:
    """Given executions, engines and models called like scripts, then figures over time and of change can be drawn, and
    the names stand in records alone."""
    points = [
        point(day, 0.5, engine=name, label=name, model_change=name if day else None)
        for name in HOSTILE
        for day in (0, 7)
    ]
    charts = [
        over_time(points),
        *compared(comparison(HOSTILE[0], [change(name, 3, 6) for name in HOSTILE[1:]]), EN).values(),
    ]
    for chart in charts:
        ElementTree.fromstring(drawing.svg(for_export(chart.spec, 720), config("light")))
        for layer in chart.spec["layer"]:
            assert "alert" not in str(layer["mark"]) + str(layer.get("transform"))
