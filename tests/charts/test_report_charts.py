"""The figures of a report: what they draw is what the document has, and whatever it has, they can be drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from brandq.charts import Chart, config, drawing, for_export, report_charts
from brandq.charts.grids import MOST_PROMPTS
from brandq.charts.sources import MOST_DOMAINS
from brandq.words import words_in
from tests.charts.documents import BRANDS, ENGINES, HOSTILE, PROMPTS, made

EN, ZH = words_in("en"), words_in("zh")
NAMES = [
    *("mention_rates", "mention_rates_by_engine", "share_of_voice", "ranks", "heat_map", "sentiments", "strength"),
    *("instead", "sources", "source_classes", "named_and_cited", "coverage"),
]
SHAPES: dict[str, dict[str, Any]] = {
    "one of each": {"brands": BRANDS[:1], "engines": ENGINES[:1], "prompts": PROMPTS[:1], "repeats": 5},
    "two of each": {"brands": BRANDS[:2], "engines": ENGINES[:2], "prompts": PROMPTS[:2]},
    "as many as may be": {"brands": BRANDS, "engines": ENGINES, "prompts": PROMPTS * 4},
    "hostile": {"brands": HOSTILE, "engines": HOSTILE[:4], "prompts": HOSTILE},
    "without answers": {"usable": False},
}


def values(chart: Chart) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chart.spec["data"]["values"]
    return found


def texts_of(chart: Chart, name: str) -> list[str]:
    """A list of texts that the axes of a figure take theirs from, each on one line."""
    told = next(param["value"] for param in chart.spec["params"] if param["name"] == name)
    return [text if isinstance(text, str) else " ".join(text) for text in told]


def test_a_report_has_its_figures_in_order() -> None:
    """Given a report with everything in it, then each figure is there under its name, in the order of the report, with
    a title, a sentence that has a number in it, and a note."""
    charts = report_charts(made(), EN)
    assert list(charts) == NAMES
    for name, chart in charts.items():
        assert (chart.name, chart.spec["description"]) == (name, chart.said)
        assert chart.title
        assert re.search(r"\d", chart.said)
        assert chart.note.endswith(".")


@pytest.mark.parametrize("shape", SHAPES)
def test_figures_can_be_drawn(shape: str) -> None:
    """Given documents of any shape, when their figures are drawn for a file, then each is well-formed SVG of the width
    that was asked for, or of the least that it can be read at, that loads nothing and holds no script."""
    for number, chart in enumerate(report_charts(made(**SHAPES[shape]), ZH if shape == "two of each" else EN).values()):
        svg = drawing.svg(for_export(chart.spec, 720), config("dark" if number % 2 else "light"))
        root = ElementTree.fromstring(svg)
        wanted = max(720, chart.spec["usermeta"]["least_width"])
        assert float(root.get("width", "0")) == pytest.approx(wanted, abs=2)
        for element in root.iter():
            assert element.tag.rpartition("}")[2] in {"svg", "g", "path", "text", "tspan", "rect", "line"}
            for name in element.attrib:
                assert not name.startswith("on")
                assert "href" not in name
        assert "url(" not in svg
        assert "undefined" not in svg
        assert "NaN" not in svg


def test_a_figure_can_be_drawn_as_png() -> None:
    """Given a figure, then its PNG is as wide as was asked for, at so many pixels to each of its own."""
    chart = report_charts(made(), EN)["mention_rates"]
    png = drawing.png(for_export(chart.spec, 720), config("light"), scale=2)
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20]) == pytest.approx(1440, abs=4)


def test_what_is_drawn_is_what_the_document_has() -> None:
    """Given a report, then the mention rates that are drawn, and their intervals, are those of the document, the
    highest first, and each is written beside its row with what it was made of."""
    document = made(BRANDS[:5])
    chart = report_charts(document, EN)["mention_rates"]
    brands = sorted(document["brands"], key=lambda brand: -brand["overall"]["mention_rate"]["value"])
    for row, brand, told in zip(values(chart), brands, texts_of(chart, "told"), strict=True):
        number = brand["overall"]["mention_rate"]
        assert row["name"] == brand["name"]
        assert [row[end] for end in ("value", "low", "high")] == [number[end] for end in ("value", "low", "high")]
        assert f"({number['k']}/{number['n']})" in told
        assert (row["kind"] == "own") == brand["subject"]
    assert f"{document['brands'][0]['overall']['mention_rate']['k']}/" in chart.said


def test_every_engine_has_its_own_rates() -> None:
    """Given two engines, then each brand's rate on each of them stands in its lane, between 0 and 100 % of it."""
    document = made(BRANDS[:4])
    chart = report_charts(document, EN)["mention_rates_by_engine"]
    drawn = iter(values(chart))
    for place, engine in enumerate(ENGINES[:2]):
        for lane, brand in enumerate(document["brands"]):
            row, number = next(drawn), brand["engines"][place]["mention_rate"]
            assert (row["row"], row["engine"], row["name"]) == (place, engine, brand["name"])
            ends = [(row[end] - lane - 0.07) / 0.86 for end in ("low", "place", "high")]
            assert ends == pytest.approx([number[end] for end in ("low", "value", "high")], abs=1e-3)
    assert texts_of(chart, "told") == [f"n = {one['usable']['k']}" for one in document["coverage"]["engines"]]


def test_parts_add_up() -> None:
    """Given ranks, sentiments and outcomes, then the parts of each bar begin where the one before ends, fill the whole,
    and have the counts of the document."""
    document = made(BRANDS[:6])
    charts = report_charts(document, EN)
    whole = {
        "ranks": {brand["name"]: brand["overall"]["rank_distribution"]["n"] for brand in document["brands"]},
        "sentiments": {brand["name"]: brand["overall"]["mention_rate"]["k"] for brand in document["brands"]},
        "coverage": {one["engine"]: one["planned"] for one in document["coverage"]["engines"]},
    }
    for name, counted in whole.items():
        found: dict[str, list[dict[str, Any]]] = {}
        for part in values(charts[name]):
            found.setdefault(part["name"], []).append(part)
        assert found.keys() == counted.keys()
        for row, parts in found.items():
            if not counted[row]:
                continue
            assert sum(int(part["count"]) for part in parts) == counted[row]
            assert [part["from"] for part in parts] == pytest.approx([0.0, *(part["to"] for part in parts[:-1])])
            assert parts[-1]["to"] == pytest.approx(1)


def test_every_prompt_stands_in_the_heat_map() -> None:
    """Given prompts of any length, then each has its number and its beginning, and each brand's rate in its row."""
    document = made(BRANDS[:3])
    chart = report_charts(document, EN)["heat_map"]
    labels = texts_of(chart, "rows")
    assert [label.split(".")[0] for label in labels] == ["1", "2", "3", "4", "5"]
    assert labels[3] == "4. Which EV has the longest range?"
    assert labels[1].endswith("…")
    for row in values(chart):
        number = document["brands"][row["column"]]["prompts"][row["row"]]["mention_rate"]
        assert row["value"] == number["value"]
        assert row["written"].endswith(f"({number['k']}/{number['n']})")


def test_of_very_many_prompts_those_that_say_most_are_shown() -> None:
    """Given an import of more prompts than a figure holds, then those that name most stand there in their order, and it
    is told how many are left out."""
    document = made(BRANDS[:3], ENGINES[:1], [f"Prompt {n}?" for n in range(MOST_PROMPTS + 7)], repeats=1)
    chart = report_charts(document, EN)["heat_map"]
    shown = [int(label.split(".")[0]) for label in texts_of(chart, "rows")]
    assert len(shown) == MOST_PROMPTS
    assert shown == sorted(shown)
    assert "7 more are left out" in chart.note

    def named(prompt_no: int) -> int:
        return sum(brand["prompts"][prompt_no - 1]["mention_rate"].get("k", 0) for brand in document["brands"])

    left_out = set(range(1, MOST_PROMPTS + 8)) - set(shown)
    assert max(map(named, left_out)) <= min(map(named, shown))


def test_who_is_recommended_instead_is_told() -> None:
    """Given competitors that are recommended where the subject is not, then they stand there with the document's rates,
    the commonest first, and the subject does not."""
    document = made(BRANDS[:4])
    chart = report_charts(document, EN)["instead"]
    rows = document["brands"][0]["overall"]["intercepted_by"]
    assert [(row["name"], row["value"]) for row in values(chart)] == [
        (row["brand"], row["rate"]["value"]) for row in rows
    ]
    assert rows[0]["brand"] in chart.said


def test_the_most_cited_domains_are_shown() -> None:
    """Given more domains than a figure holds, then the most cited stand there with the class of each in words, and it
    is told how many do not."""
    document = made()
    row = next(row for row in document["citations"]["domains"] if row["answers"]["k"])
    many = [{**row, "domain": f"d{n}.example"} for n in range(MOST_DOMAINS + 3)]
    document["citations"] |= {"domains": many, "counts": document["citations"]["counts"] | {"domains": len(many)}}
    chart = report_charts(document, EN)["sources"]
    assert [row["name"] for row in values(chart)] == [f"d{n}.example" for n in range(MOST_DOMAINS)]
    assert "3 more domains are not shown" in chart.note
    assert texts_of(chart, "told")[0].lower().endswith(EN.term(row["source_class"]))


def test_named_and_cited_are_counted_for_brands_with_a_domain() -> None:
    """Given two brands with a domain and one without, then two stand there with four counts each that sum to the usable
    answers."""
    document = made()
    chart = report_charts(document, EN)["named_and_cited"]
    assert {row["name"] for row in values(chart)} == set(BRANDS[:2])
    for number in range(2):
        assert sum(row["value"] for row in values(chart) if row["row"] == number) == pytest.approx(1)


def test_what_has_nothing_to_show_is_left_out() -> None:
    """Given one brand, engine and prompt, then there is nothing to compare among them; and without a usable answer
    there is a figure of what became of the samples, and no other."""
    alone = report_charts(made(BRANDS[:1], ENGINES[:1], PROMPTS[:1], repeats=20), EN)
    assert not alone.keys() & {"mention_rates_by_engine", "heat_map", "instead"}
    assert {"mention_rates", "ranks", "coverage"} <= alone.keys()
    assert list(report_charts(made(usable=False), EN)) == ["coverage"]


def test_a_report_of_an_earlier_shape_has_the_figures_that_it_can() -> None:
    """Given a document without the fields that came later, then the other figures are made of it."""
    document = made()
    for brand in document["brands"]:
        for block in (brand["overall"], *brand["engines"], *brand["prompts"]):
            for field in ("rank_distribution", "intercepted_by", "sentiment", "recommendation_strength"):
                block.pop(field, None)
    del document["citations"]["by_class"], document["citations"]["named_and_cited"]
    assert list(report_charts(document, EN)) == [
        *("mention_rates", "mention_rates_by_engine", "share_of_voice", "heat_map", "sources", "coverage"),
    ]


def test_without_an_interval_a_point_is_hollow_and_the_note_says_why() -> None:
    """Given two prompts of which one has usable answers, so that there is no interval, then each point is hollow, no
    line is drawn, and the reason is told in the note and beside the point."""
    document = made(prompts=PROMPTS[:2])
    for brand in document["brands"]:
        brand["overall"]["mention_rate"] |= {
            **dict.fromkeys(("low", "high", "interval")),
            "interval_reason": "one prompt is no sample of what people ask",
        }
    chart = report_charts(document, EN)["mention_rates"]
    assert all(row["present"] and not row["bounded"] and "low" not in row for row in values(chart))
    assert "A hollow point has no interval: one prompt is no sample" in chart.note
    assert "95% intervals" not in chart.note
    assert all("one prompt is no sample" in row["interval"] for row in values(chart))
    assert "without an interval" in chart.said
    drawn = ElementTree.fromstring(drawing.svg(for_export(chart.spec, 720), config("light")))
    points = [path for path in drawn.iter("{http://www.w3.org/2000/svg}path") if path.get("stroke-width") == "2"]
    hollow = [path for path in points if path.get("opacity") != "0"]
    assert [path.get("fill", "none") for path in hollow] == ["none"] * 3
    assert all(path.get("stroke") for path in hollow)


def test_what_is_absent_is_a_dash_and_no_zero() -> None:
    """Given a brand without a share of voice, then its row is there, with a dash and the reason, and no bar."""
    document = made()
    document["brands"][1]["overall"]["share_of_voice"] = {"value": None, "n": 0, "reason": "nothing was asked"}
    chart = report_charts(document, EN)["share_of_voice"]
    row = values(chart)[-1]
    assert (row["name"], row["value"], row["present"], row["interval"]) == (BRANDS[1], None, False, "nothing was asked")
    assert texts_of(chart, "told")[-1] == "–"
    assert "A dash: there is no number." in chart.note


def walk(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, each in value.items():
            yield from walk(each, (*path, key))
    elif isinstance(value, list):
        for each in value:
            yield from walk(each, path)


def test_axes_of_rates_begin_at_zero() -> None:
    """Given any figure, then every axis that has rates begins at 0 and ends at 25, 50 or 100 %."""
    for chart in report_charts(made(BRANDS[:4]), EN).values():
        for path, value in walk(chart.spec):
            if path[-1:] == ("axis",) and isinstance(value, dict) and value.get("format") == ".0%":
                assert (value["values"][0], value["values"][-1] in (0.25, 0.5, 1.0)) == (0, True)


def frame(chart: Chart) -> Any:
    """All of a specification but its records, its lists of texts, and what depends on how long texts are."""
    kept = json.loads(json.dumps(chart.spec))
    for part in ("data", "params", "description", "padding", "usermeta", "height"):
        kept.pop(part, None)
    for _, value in walk(kept):
        if isinstance(value, dict):
            for field in ("labelAngle", "labelAlign", "labelBaseline", "labelPadding"):
                value.pop(field, None)
            if "axis" in value and "title" in value:
                value["title"] = "said of the axis"
    return kept


def test_names_are_data_and_nothing_else() -> None:
    """Given the same numbers of brands, engines and prompts called like scripts and expressions, and called plainly,
    then their figures differ in records and texts alone: no expression, and no part of the structure, has a name."""
    plain = report_charts(made([f"Brand {n}" for n in range(10)], ["a", "b"], [f"Prompt {n}" for n in range(10)]), EN)
    hostile = report_charts(made(HOSTILE, HOSTILE[:2], HOSTILE), EN)
    assert plain.keys() == hostile.keys()
    for name in plain:
        assert frame(plain[name]) == frame(hostile[name]), name


def test_chinese_is_all_chinese() -> None:
    """Given Chinese names, then in Chinese no figure says anything in English."""
    brands, engines = ("比亚迪", "理想汽车", "蔚来"), ("豆包", "通义千问")
    document = made(brands, engines, [f"提问 {n}？" for n in range(12)], repeats=6)
    for row in document["citations"]["domains"]:
        row["domain"] = "域名"
    for chart in report_charts(document, ZH).values():
        told = [chart.title, chart.said, chart.note]
        told += [value for path, value in walk(chart.spec) if path[-1:] == ("title",) and isinstance(value, str)]
        told += [text for name in ("rows", "told", "columns") for text in _texts(chart, name)]
        told += [row[key] for row in values(chart) for key in ("written", "kind", "interval") if key in row]
        for text in told:
            assert not re.search(r"[A-Za-z]{2,}", text.replace("AI", "").replace("own", "").replace("other", "")), text


def _texts(chart: Chart, name: str) -> list[str]:
    return texts_of(chart, name) if any(param["name"] == name for param in chart.spec.get("params", ())) else []


def test_a_text_that_no_file_can_hold_is_drawn_without_it() -> None:
    """Given a figure of somebody else's making with characters that XML does not allow, when it is drawn, then they are
    replaced, and the process lives on."""
    spec = {
        "data": {"values": [{"name": "a\ufffe\uffff\x00\x0b\ud800z"}]},
        "mark": "text",
        "encoding": {"text": {"field": "name", "type": "nominal"}},
    }
    svg = drawing.svg(spec, config("light"))
    assert "a\ufffd\ufffd\ufffd\ufffd\ufffdz" in svg
    assert drawing.png(spec, config("light")).startswith(b"\x89PNG")


def test_exports_fit_a_legend_to_their_width() -> None:
    """Given a figure with a legend, then a wide one has its names beside one another, and a narrow one in columns."""
    spec = report_charts(made(BRANDS), EN)["ranks"].spec

    def columns(width: int) -> int:
        return next(one["value"] for one in for_export(spec, width)["params"] if one["name"] == "legend_columns")

    assert columns(1400) == len(spec["usermeta"]["legend"]["names"])
    assert 1 <= columns(420) < columns(1400)
    assert "autosize" not in spec
