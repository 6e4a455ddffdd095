"""The answers as CSV: its form, its rows, and what a program makes of them without knowing more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from statistics import fmean

from brandq.exports import csv
from brandq.exports.csv import COLUMNS
from brandq.reports.facts import SampleWithText
from tests.exports.at_hand import csv_rows, report
from tests.house_rules import ROOT
from tests.reports.test_reports import TEXTS


def test_its_form_is_the_one_that_excel_and_programs_read() -> None:
    """Given a report, when its CSV is made, then it is UTF-8 with a byte order mark, its rows end with CR LF, and its columns
    are named in its first row."""
    document, samples = report(('He said "no, no"\nand left',))
    body = b"".join(csv.render(document, samples))
    assert body.startswith(b"\xef\xbb\xbfexecution_id,")
    assert body.endswith(b"\r\n")
    assert body.count(b"\xef\xbb\xbf") == 1
    assert b'"He said ""no, no""\nand left"\r\n' in body
    assert body[3:].split(b"\r\n")[0].decode().split(",") == list(COLUMNS)


def test_every_column_is_documented() -> None:
    """Given docs/exports.md, when its table of columns is read, then it names each column of the file, in their order."""
    page = (ROOT / "docs/exports.md").read_text(encoding="utf-8").split("## Columns of the csv")[1]
    names = [name for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    assert names == list(COLUMNS)


def test_each_sample_has_a_row_for_each_brand() -> None:
    """Given eight samples, two of them failed, and three brands, then the six answers have three rows each, the subject's
    first, and the failed ones have one, with the error and without a brand."""
    document, samples = report((*TEXTS[:3], None))
    rows = csv_rows(document, samples)
    assert len(rows) == 6 * 3 + 2
    failed = [row for row in rows if row["state"] == "failed"]
    assert [(row["brand"], row["mentioned"], row["usable"], row["error_code"]) for row in failed] == [
        ("", "", "0", "rate_limit")
    ] * 2
    by_sample: dict[str, list[str]] = {}
    for row in rows:
        if row["kind"]:
            by_sample.setdefault(row["sample_id"], []).append(row["brand"])
    assert set(map(tuple, by_sample.values())) == {("趣车良品", "AT&T", "车蚂蚁")}
    assert {row["subject"] for row in rows if row["brand"] == "趣车良品"} == {"1"}


def test_what_is_long_or_added_up_stands_once() -> None:
    """Given answers with a cost, when all rows are added up, then each cost is counted once, and who filters for the first
    rows, or for the subject, has every answer once."""
    document, samples = report()
    rows = csv_rows(document, samples)
    total = sum(Decimal(row["cost"]) for row in rows if row["cost"])
    assert total == Decimal(document["cost"]["totals"][0]["value"])
    first = [row["answer"] for row in rows if row["first_row"] == "1"]
    assert first == [sample.text for sample in samples]
    assert first == [row["answer"] for row in rows if row["subject"] == "1"]
    assert {row["answer"] for row in rows if row["first_row"] == "0"} == {""}


def test_averages_of_rows_are_the_rates_of_the_report() -> None:
    """Given usable, refused and failed samples, when a program averages a brand's columns over all of its rows, then it gets
    the report's mention rate, recommended rate and average rank."""
    document, samples = report((*TEXTS, "抱歉，我无法回答这个问题。", None))
    rows = csv_rows(document, samples)
    assert {row["usable"] for row in rows} == {"0", "1"}
    for brand in document["brands"]:
        mine = [row for row in rows if row["brand"] == brand["name"]]
        for column, measure in (
            ("mentioned", "mention_rate"),
            ("recommended", "recommended_rate"),
            ("rank", "average_rank"),
        ):
            given = [float(row[column]) for row in mine if row[column]]
            number = brand["overall"][measure]
            assert (round(fmean(given), 6), len(given)) == (number["value"], number["n"]), (brand["name"], measure)


def test_an_answer_that_is_not_usable_says_nothing_of_brands() -> None:
    """Given a refusal that names the brand, then its rows are there, not usable, and blank in every column about the brand."""
    document, samples = report(("抱歉，我无法评价趣车良品。",))
    blank = ("mentioned", "count", "position", "rank", "sentiment", "caveat", "strength", "recommended")
    for row in csv_rows(document, samples):
        assert (row["kind"], row["usable"]) == ("ok", "0")
        assert [row[name] for name in blank] == [""] * len(blank)


def test_two_instruments_are_not_mixed() -> None:
    """Given a report in which a judge said how brands are spoken of, then what the rules said of that stays out of the rows,
    while mentions and ranks stay in."""
    document, samples = report()
    judged = {**document, "judge": {"method": "kimi"}, "method_version": document["method_version"] + "+judge.12345678"}
    rows = csv_rows(judged, samples)
    assert {row[name] for row in rows for name in ("sentiment", "caveat", "strength", "recommended")} == {""}
    assert {row["mentioned"] for row in rows} == {"0", "1"}
    assert {row["rank"] for row in rows} >= {"1", "2"}


def test_sources_stand_once_each() -> None:
    """Given an answer with two pages of one site, and one that it only retrieved, then the site stands once, and the other
    not at all."""
    document, samples = report(("见 https://a.com/1 和 https://a.com/2 和 https://b.com/3",))
    cut = [
        replace(
            sample,
            facts=replace(
                sample.facts,
                citations=[replace(each, cited=each.domain == "a.com") for each in sample.facts.citations],
            ),
        )
        for sample in samples
    ]
    assert {row["cited_domains"] for row in csv_rows(document, cut) if row["first_row"] == "1"} == {"a.com"}


def test_answers_are_taken_as_they_go_out() -> None:
    """Given samples without end, when the first pieces are read, then they come, and no more was taken than they hold."""
    document, samples = report(("a" * 10_000,))
    taken = 0

    def endless() -> Iterator[SampleWithText]:
        nonlocal taken
        while True:
            taken += 1
            yield samples[0]

    pieces = csv.render(document, endless())
    sizes = [len(next(pieces)) for _ in range(3)]
    assert taken * 10_000 <= sum(sizes) < 400_000
