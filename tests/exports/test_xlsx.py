"""The workbook: its sheets, its numbers, and what Excel refuses."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.escape import unescape
from xlsxwriter import Workbook

from brandq.analysis.findings import CitationFinding
from brandq.exports import sheets
from brandq.exports.sheets import MOST_CHARS, Column, Sheet, formats, written
from brandq.words import words_in
from tests.exports.at_hand import Document, report, table, workbook
from tests.reports.test_reports import HOSTILE, TEXTS

EN = words_in("en")
SHEETS = ["Summary", "Brands × engines", "Prompts", "Domains", "Other names", "Answers", "Citations", "Method"]


def number_of(row: dict[str, Any], measure: str) -> dict[str, Any]:
    """The number that a row has under this group of columns."""
    return {name: row.get(f"{measure} {name}") for name in ("value", "k", "n", "low", "high")}


def same(found: dict[str, Any], number: Document) -> bool:
    return all(found[name] == number.get(name) for name in found)


def test_every_number_is_the_documents(tmp_path: Path) -> None:
    """Given a report with failures and absent numbers, when the sheets are read, then each value, k, n and end of an interval
    is the document's, as a number; what is absent is blank, and its reason stands in its row."""
    document, samples = report((*TEXTS, None))
    book = workbook(tmp_path, document, samples)
    names = {id: definition["name"] for id, definition in document["definitions"].items()}
    by_engine = {(row["brand"], row["engine"]): row for row in table(book["Brands × engines"], "engine")}
    compared = absent = 0
    for brand in document["brands"]:
        for engine, block in [("all engines", brand["overall"]), *((b["engine"], b) for b in brand["engines"])]:
            row = by_engine[brand["name"], engine]
            assert (row["usable"], row["planned"]) == (block["coverage"]["k"], block["coverage"]["n"])
            for measure in ("mention_rate", "share_of_voice", "average_rank", "recommended_rate", "caveat_rate"):
                assert same(number_of(row, names[measure]), block[measure]), (brand["name"], engine, measure)
                compared += 1
                if block[measure]["value"] is None:
                    assert f"{names[measure]}" in row["notes"]
                    assert block[measure]["reason"] in row["notes"]
                    absent += 1
    assert compared == 45
    assert absent
    by_prompt = {(row["prompt no."], row["brand"], row["engine"]): row for row in table(book["Prompts"], "engine")}
    assert len(by_prompt) == 2 * 3 * 3
    for brand in document["brands"]:
        for prompt in brand["prompts"]:
            for engine in prompt["engines"]:
                row = by_prompt[prompt["prompt_no"], brand["name"], engine["engine"]]
                assert same(number_of(row, names["mention_rate"]), engine["mention_rate"])
    domains = table(book["Domains"], "domain")
    assert [row["domain"] for row in domains] == [row["domain"] for row in document["citations"]["domains"]]
    for row, given in zip(domains, document["citations"]["domains"], strict=True):
        assert same(number_of(row, names["citation_rate"]), given["answers"])
    summary = {row["measure"]: row for row in table(book["Summary"], "measure")}
    for measure in ("mention_rate", "average_rank", "interception_rate"):
        assert summary[names[measure]]["value"] == document["brands"][0]["overall"][measure]["value"]


def test_answers_and_sources_stand_row_by_row(tmp_path: Path) -> None:
    """Given a report, when its sheets of evidence are read, then each sample and each source has its row, and the column of a
    brand adds up to the k of its mention rate."""
    document, samples = report((*TEXTS, None))
    book = workbook(tmp_path, document, samples)
    answers = table(book["Answers"], "sample")
    assert [row["answer"] for row in answers] == [sample.text for sample in samples]
    for brand in document["brands"]:
        given = [row[f"mentioned {brand['name']}"] for row in answers]
        number = brand["overall"]["mention_rate"]
        assert (given.count(1), given.count(1) + given.count(0)) == (number["k"], number["n"])
        assert set(given) == {1, 0, None}
    sources = table(book["Citations"], "sample")
    assert len(sources) == sum(len(sample.facts.citations) for sample in samples) > 0
    assert {row["cited as a source"] for row in sources} == {"yes"}


def test_a_table_is_ready_to_be_worked_with(tmp_path: Path) -> None:
    """Given a report, when its workbook is opened, then every table's heading stays in sight under a filter over its rows, and
    shares are formatted as per cent."""
    document, samples = report()
    book = workbook(tmp_path, document, samples)
    assert book.sheetnames == SHEETS
    for sheet in book:
        if sheet.title == "Summary":
            assert sheet.freeze_panes == "A2"
            continue
        top = int("".join(filter(str.isdigit, sheet.freeze_panes)))
        assert sheet.auto_filter.ref.startswith(f"A{top - 1}:"), sheet.title
        assert sheet.print_title_rows == f"${top - 1}:${top - 1}"
    sheet = book["Brands × engines"]
    assert [each.number_format for each in sheet[4]][6:11] == ["0.0%", "#,##0", "#,##0", "0.0%", "0.0%"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_marks_stand_on_every_sheet(language: Any, tmp_path: Path) -> None:
    """Given simulated answers, when the workbook is read in either language, then each sheet says so above its table."""
    document, samples = report(simulated=True)
    mark = {"en": "SIMULATED: 8 samples", "zh": "模拟数据："}[language]
    for sheet in workbook(tmp_path, document, samples, language):
        assert str(sheet["A2"].value).startswith(mark), sheet.title
    document, samples = report()
    for sheet in workbook(tmp_path, document, samples, language):
        assert not str(sheet["A2"].value).startswith(mark), sheet.title


def test_it_speaks_chinese(tmp_path: Path) -> None:
    """Given a report, when its workbook is made in Chinese, then its sheets and the headings of its columns are Chinese."""
    document, samples = report()
    book = workbook(tmp_path, document, samples, "zh")
    assert book.sheetnames == ["概览", "品牌 × AI 引擎", "提问", "域名", "其他名称", "回答", "引用", "方法"]
    assert book["概览"]["A1"].value == "AI 助手怎么说“趣车良品”"
    headings = [each.value for each in book["回答"][4]]
    assert headings[:6] == ["样本", "提问编号", "提问", "AI 引擎", "实际模型", "重复"]
    assert not [name for name in headings if name and name.isascii() and name != "AT&T"]


def test_hostile_text_is_text(tmp_path: Path) -> None:
    """Given answers that hold markup, control characters, half surrogate pairs and Excel's own escapes, when the workbook is
    read, then it is sound, and each text comes back but for what XML cannot hold."""
    texts = (
        HOSTILE,
        "<r><t>x</t></r>",
        "<r></sheetData><evil/></r>",
        "_x0041_ stays",
        "a\x00b\x07c\x1bd",
        "\ud800 half",
        "\ufffe",
        "]]>&amp;<!--",
        "tab\tand\nbreak",
    )
    document, samples = report(texts)
    book = workbook(tmp_path, document, samples)
    found = [row["answer"] for row in table(book["Answers"], "sample")]
    replaced = {"a\x00b\x07c\x1bd": "a\ufffdb\ufffdc\ufffdd", "\ud800 half": "\ufffd half", "\ufffe": "\ufffd"}
    for sample, text in zip(samples, found, strict=True):
        # as Excel reads it: openpyxl leaves these escapes of inline texts as they are
        assert unescape(text).rstrip(" ") == replaced.get(sample.text or "", sample.text)
    with zipfile.ZipFile(tmp_path / "book/en.xlsx") as packed:
        assert packed.testzip() is None
        assert not any(b"<evil" in packed.read(name) for name in packed.namelist())


@pytest.mark.parametrize("char", ["a", "趣", "😀"])
def test_a_text_that_excel_cannot_hold_is_cut_and_says_so(char: str) -> None:
    """Given a text of as many UTF-16 units as Excel holds, then it stays; with one more it is cut to as many, and says where
    the whole of it stands."""
    units = len(char.encode("utf-16-le")) // 2
    fits = char * (MOST_CHARS // units)
    assert written(fits, EN) == fits
    cut = written(fits + char, EN)
    assert MOST_CHARS - 2 < len(cut.encode("utf-16-le")) // 2 <= MOST_CHARS
    assert cut.startswith(char * 1000)
    assert cut.endswith("[cut: Excel holds 32,767 characters; the csv export has all]")
    cut.encode()


LINKED = ("https://a.com/x?y=1#z", "HTTP://A.com/", "https://趣车.cn/路", "https://a.com/" + "x" * 2000)
TEXT = (
    "javascript:alert(1)",
    "file:///etc/passwd",
    "external:c:\\x.xlsx",
    "internal:Sheet1!A1",
    "mailto:a@b.c",
    "ftp://a.b/c",
    "//a.com",
    "https://a.com/with space",
    "https://a.com/\nx",
    "https://a.com/" + "x" * 2100,
    "=HYPERLINK(1)",
)


def test_only_links_to_the_web_can_be_clicked(tmp_path: Path) -> None:
    """Given sources with all kinds of addresses, then those of http and https are links, and all others are texts."""
    document, samples = report(("x",))
    given = [CitationFinding(url, url, "a.com") for url in (*LINKED, *TEXT)]
    samples = [replace(samples[0], facts=replace(samples[0].facts, citations=given))]
    sheet = workbook(tmp_path, document, samples)["Citations"]
    found = {row[8].value: row[8].hyperlink for row in sheet.iter_rows(min_row=3)}
    assert len(found) == len(given)
    assert [url for url in LINKED if found[url] is None] == []
    assert [url for url, link in found.items() if link is not None and url not in LINKED] == []
    targets = [link.target for link in found.values() if link]
    assert all(target.lower().startswith(("http://", "https://")) for target in targets)


def test_what_excel_has_no_room_for_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an Excel that holds 12 rows and 2 links, then answers and sources end there with a line that says so, and the
    sources behind the second are texts."""
    monkeypatch.setattr(sheets, "MOST_ROWS", 12)
    monkeypatch.setattr(sheets, "MOST_LINKS", 2)
    document, samples = report(("来源 https://a.com/1 https://a.com/2 https://a.com/3",))
    book = workbook(tmp_path, document, samples)
    for name in ("Answers", "Citations"):
        rows = list(book[name].iter_rows(values_only=True))
        assert len(rows) == 12
        assert rows[-1][0] == "Excel holds no more rows; the csv export has every answer."
    links = [row[8].hyperlink for row in book["Citations"].iter_rows(min_row=3)]
    assert [link is not None for link in links[:4]] == [True, True, False, False]


def test_a_line_of_text_shows_all_of_itself(tmp_path: Path) -> None:
    """Given a long note in Chinese, when it is written over five columns, then its row is as high as it has lines."""
    book = Workbook(tmp_path / "x.xlsx", {"constant_memory": True})
    sheet = Sheet(book.add_worksheet(), formats(book), EN, "head", ())
    sheet.headings([Column("a", 20), Column("b", 20)])
    sheet.paragraph("趣" * 50, 2, 40)
    book.close()
    read = openpyxl.load_workbook(tmp_path / "x.xlsx").active
    assert read.row_dimensions[3].height == 15 * 3
    assert [str(area) for area in read.merged_cells.ranges] == ["A3:B3"]
