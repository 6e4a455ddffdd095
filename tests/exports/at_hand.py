"""A report and the samples that it was made of, without a database."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl

from brandq.exports import csv as exported_csv
from brandq.exports import xlsx
from brandq.plan import Plan
from brandq.reports import build
from brandq.reports.facts import Facts, SampleWithText
from brandq.words import Language, words_in
from tests.reports.test_reports import NOW, TEXTS, facts

Document = dict[str, Any]


def report(
    texts: tuple[str | None, ...] = TEXTS, *, plan: Plan | None = None, simulated: bool = False
) -> tuple[Document, list[SampleWithText]]:
    """The document of these answers, dealt out in turn over the plan, and its samples; None is one that failed."""
    found = facts(texts, plan=plan, simulated=simulated)
    return build(found, built_at=NOW), list(with_texts(found, texts))


def with_texts(found: Facts, texts: Sequence[str | None]) -> Iterator[SampleWithText]:
    for number, sample in enumerate(found.samples):
        yield SampleWithText(sample, texts[number % len(texts)], None)


def csv_rows(document: Document, samples: Sequence[SampleWithText]) -> list[dict[str, str]]:
    """The rows as a program reads them."""
    return read_csv(b"".join(exported_csv.render(document, samples)))


def read_csv(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def workbook(
    folder: Path, document: Document, samples: Sequence[SampleWithText], language: Language = "en"
) -> openpyxl.Workbook:
    """The workbook as a program reads it, written into a folder of its own."""
    path = folder / "book" / f"{language}.xlsx"
    path.parent.mkdir(exist_ok=True)
    xlsx.write(document, samples, path, words=words_in(language))
    return openpyxl.load_workbook(path)


def table(sheet: Any, heading: str) -> list[dict[str, Any]]:
    """The rows of a sheet's table below the row that has this heading, by group and heading, until the first blank row."""
    rows = list(sheet.iter_rows(values_only=True))
    at = next(number for number, row in enumerate(rows) if heading in row)
    # a group's name stands over its first column, and an empty text over the others; a sheet's title stands alone
    above = rows[at - 1] if at and "" in rows[at - 1] else [None] * len(rows[at])
    groups, group = [], ""
    for name, over in zip(rows[at], above, strict=True):
        group = "" if over is None else over or group
        groups.append(f"{group} {name}".strip())
    found = []
    for row in rows[at + 1 :]:
        if row[0] is None:
            break
        found.append(dict(zip(groups, row, strict=True)))
    return found
