"""The report as a file: whole in itself, true to its document, the same in both languages, and made for paper too."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from brandq.exports import html
from brandq.exports.plots import interval, interval_on_paper
from brandq.plan import Brand, Plan
from brandq.reports import build, digest
from brandq.words import words_in
from tests.reports.test_reports import BRANDS, NOW, TEXTS, engine, facts, hostile_facts

EN, ZH = words_in("en"), words_in("zh")
_VOID = {"meta", "br", "link", "input", "hr", "img", "circle", "path"}


class Tree(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and whether every one is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-3:]}"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def document(texts: tuple[str | None, ...] = TEXTS, *, prompts: int = 6, engines: int = 2) -> dict[str, Any]:
    asked = tuple(f"Which one for purpose {n}?" for n in range(1, prompts + 1))
    plan = Plan(BRANDS, asked, tuple(engine(f"engine-{n}") for n in range(engines)), repeats=2, label="march")
    return build(facts(texts, plan=plan), built_at=NOW)


SECTIONS = [
    *("verdict", "mentions", "voice", "ranks", "prompts", "spoken", "instead", "sources"),
    *("found", "alike", "coverage", "cost", "method"),
]


@pytest.mark.parametrize("medium", ["file", "print"])
@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_it_is_whole_and_needs_nothing(medium: html.Medium, words: Any) -> None:
    """Given a report, when it is made a file, then every section is there in its order, every element is closed, its
    styles stand in it, and it runs and loads nothing."""
    page = html.render(document((*TEXTS, None)), words=words, medium=medium)
    tree = Tree(page)
    assert tree.open == []
    assert [section["id"] for section in tree.of("section")] == SECTIONS
    assert tree.of("html")[0]["lang"] == words.tag
    assert len(tree.of("h1")) == 1
    assert len(tree.of("style")) == 1
    assert tree.of("script") == tree.of("link") == tree.of("img") == tree.of("iframe") == []
    assert not re.search(r"url\(|@import", page)
    for tag, attributes in tree.elements:
        assert not any(name == "style" or name.startswith("on") for name in attributes), tag
        if "href" in attributes:
            assert attributes["href"].startswith(("#", "https://")), "there is no service around a file"


def test_every_element_has_its_own_id() -> None:
    """Given a report, then no two elements have one id, and every link inside the file leads to one."""
    tree = Tree(html.render(document(), words=EN))
    ids = [attributes["id"] for _, attributes in tree.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in tree.of("a"):
        if link["href"].startswith("#"):
            assert link["href"][1:] in ids


def test_figures_are_drawn_in_place() -> None:
    """Given answers with ranks, opinions and sources, then the figures are drawings with a sentence for who cannot see
    them, each of well-formed XML without a style or an id of its own."""
    page = html.render(document(), words=ZH)
    figures = re.findall(r'<figure class="chart" id="chart-(\w+)">(.*?)</figure>', page, re.DOTALL)
    assert {"mention_rates", "share_of_voice", "ranks", "heat_map", "sentiments", "sources", "coverage"} <= {
        name for name, _ in figures
    }
    for name, figure in figures:
        [drawing] = re.findall(r"<svg .*</svg>", figure, re.DOTALL)
        root = ElementTree.fromstring(drawing)
        assert root.attrib["role"] == "img", name
        assert root.attrib["aria-label"], name
        for element in root.iter():
            assert not {"style", "id", "href"} & set(element.attrib), name
            assert element.tag.rpartition("}")[2] in {"svg", "g", "path", "text", "tspan", "line", "rect"}, name


def test_every_number_of_the_tables_is_the_document_s() -> None:
    """Given a report, then each brand's mention rate on each engine stands in the file with its counts and interval."""
    given = document()
    page = Tree(html.render(given, words=EN, figures=False)).text
    for brand in given["brands"]:
        for block in (brand["overall"], *brand["engines"]):
            number = block["mention_rate"]
            low, high = (EN.percent(number[end]) for end in ("low", "high"))
            assert f"{number['k']}/{number['n']} · {low.removesuffix('%')}–{high}" in page


def test_hostile_text_stays_text_in_drawings_too() -> None:
    """Given hostile names, prompts and messages, then no drawing and no sentence of one becomes markup."""
    page = html.render(build(hostile_facts(), built_at=NOW), words=EN)
    tree = Tree(page)
    assert tree.open == []
    assert tree.of("script") == tree.of("img") == []
    for tag, attributes in tree.elements:
        assert not any(name.startswith("on") for name in attributes), tag


def test_a_source_that_is_no_web_page_is_no_link() -> None:
    """Given a document with an address that a browser would run, then it stands there as text."""
    given = document()
    given["citations"]["domains"][0]["most_given_pages"] = ["javascript:alert(1)", "https://example.com/a"]
    links = [link for link in Tree(html.render(given, words=EN, figures=False)).of("a") if "rel" in link]
    assert "https://example.com/a" in [link["href"] for link in links]
    for link in links:
        assert link["href"].startswith("https://")
        assert {"noopener", "nofollow", "ugc"} <= set(link["rel"].split())


def test_who_got_no_answer_reads_why_and_nothing_of_brands() -> None:
    """Given failures only, then the sections about brands are left out, and what went wrong is explained."""
    tree = Tree(html.render(document((None,)), words=EN))
    assert [section["id"] for section in tree.of("section")] == ["verdict", "coverage", "cost", "method"]
    assert EN.explained("rate_limit") in tree.text
    assert "429 slow down" in tree.text


def test_the_grade_is_told_in_plain_words() -> None:
    """Given each grade, then the file says what it is good for; a document without one says nothing of it."""
    given = document()
    for grade, told in (
        ("exploratory", "too little to decide by"),
        ("directional", "may be chance"),
        ("decision-grade", "Enough to decide by"),
    ):
        given["disclosure"]["grade"] = grade
        assert told in html.render(given, words=EN, figures=False)


def test_how_to_check_it_stands_at_its_end() -> None:
    """Given a report, then its digest and the command that verifies it stand in the file."""
    given = document()
    page = html.render(given, words=EN, figures=False)
    assert digest(given) in page
    assert "brandq verify 7b1e" in page


def test_the_file_names_what_lies_beside_it() -> None:
    """Given a file that is written with the answers next to it, then it says where they are."""
    assert "stand in answers.jsonl" in html.render(document(), words=EN, beside="answers.jsonl", figures=False)
    assert "next to this file" not in html.render(document(), words=EN, figures=False)


def test_paper_unfolds_everything_and_fits_its_columns() -> None:
    """Given ten engines and many prompts, when it is made for print, then nothing is folded, no table has more columns
    than a sheet holds, and prompts stand as a list beside the figure."""
    given = document(prompts=30, engines=10)
    page = html.render(given, words=EN, medium="print", figures=False)
    tree = Tree(page)
    assert all("open" in details for details in tree.of("details"))
    widest = max(
        len(re.findall(r"<th ", head))
        for head in re.findall(r'<table class="matrix">\s*<thead>(.*?)</thead>', page, re.DOTALL)
    )
    assert widest == 2 + html.PRINT_COLUMNS
    assert len(re.findall(r"<li>Which one for purpose", page)) == 30
    assert "light-dark" not in page.split(":root.print")[1].split("}")[0]


def test_long_lists_are_cut_and_say_so() -> None:
    """Given more websites than are shown, then the rest is counted."""
    given = document()
    rows = given["citations"]["domains"]
    given["citations"]["domains"] = [{**rows[0], "domain": f"d{n}.example"} for n in range(50)]
    given["citations"]["domains_left_out"] = 7
    page = html.render(given, words=EN, figures=False)
    assert f"{50 - html.ROWS_SHOWN + 7} further websites are not shown here." in page
    assert f"d{html.ROWS_SHOWN - 1}.example" in page
    assert f"d{html.ROWS_SHOWN}.example" not in page


def test_names_of_any_length_and_script_stand_in_it() -> None:
    """Given long names, emoji and right-to-left names, then they stand there whole."""
    names = ("x" * 100, "长" * 100, "🚗 مرحبا")
    plan = Plan(tuple(Brand(name) for name in names), ("Which?", "哪家？"), (engine("doubao"),), repeats=2)
    page = html.render(build(facts(plan=plan), built_at=NOW), words=ZH)
    for name in names:
        assert page.count(name) > 5


def test_an_interval_is_drawn_where_its_number_lies() -> None:
    """Given a number from 20 % to 60 % at 40 %, then band and point lie there; without an interval the point is hollow,
    and what lies beyond the axis is drawn at its end."""
    number = {"value": 0.4, "low": 0.2, "high": 0.6}
    assert 'd="M20 6H60"' in interval(number)
    assert 'class="point" cx="40"' in interval(number)
    assert 'class="hollow" cx="40"' in interval({"value": 0.4, "low": None, "high": None})
    assert 'cx="100"' in interval({"value": 12.0, "low": 9.0, "high": 14.0}, 1, 10)
    assert 'class="zero"' in interval(number, -1, 1)
    assert "class=" not in interval_on_paper(number).replace('class="interval"', "")


def test_an_execution_of_one_engine_has_one_column() -> None:
    """Given one engine, then nothing is told twice: there is no column of all engines, and no table by engine."""
    page = html.render(document(engines=1), words=EN, figures=False)
    assert "All engines" not in page
    assert "by engine" not in page


def test_what_was_taken_over_is_told() -> None:
    """Given answers that were taken over, then coverage and cost say so."""
    whole = facts()
    taken = replace(whole, samples=[replace(sample, taken_over=True) for sample in whole.samples])
    page = html.render(build(taken, built_at=NOW), words=EN, figures=False)
    assert "8 answers were taken over from earlier executions." in page
    assert "8 answers were taken over or imported, and cost nothing here." in page
