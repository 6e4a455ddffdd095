"""The report as a workbook: what people who live in a spreadsheet filter, sort and pass on.

Numbers are numbers, each with its k, n and interval in columns of their own; what is absent is blank, and its reason
stands at the end of its row. Texts that a spreadsheet program would take for a formula begin with an apostrophe. Rows
are written one by one to a temporary file, so memory does not grow with the answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xlsxwriter import Workbook

from brandq.exports.marks import banners, marks
from brandq.exports.sheets import LINE_HEIGHT, TEXT_HEIGHT, Column, Sheet, Value, formats, written
from brandq.exports.spreadsheets import cited_domains, is_judged, said_of
from brandq.reports.facts import SampleWithText
from brandq.reports.summary import disclosure_words, threshold_words
from brandq.reports.usable import is_usable, outcome_of
from brandq.words import Words

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

#: each measure of a block, and how it is written; a share has a k, a place has none
MEASURES: Mapping[str, str] = {
    "mention_rate": "share",
    "share_of_voice": "share",
    "average_rank": "place",
    "first_place_rate": "share",
    "top_3_rate": "share",
    "recommended_rate": "share",
    "interception_rate": "share",
    "recommendation_strength": "place",
    "net_sentiment": "place",
    "caveat_rate": "share",
    "owned_citation_rate": "share",
}
#: those of one prompt on one engine
_FEW_MEASURES = ("mention_rate", "share_of_voice", "average_rank")
_OPTIONS = {
    "constant_memory": True,
    "use_zip64": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_A4 = 9

_Document = Mapping[str, Any]


def write(document: _Document, samples: Iterable[SampleWithText], path: Path, *, words: Words) -> None:
    """Write the workbook to ``path``, whose folder holds what is needed meanwhile, and is to hold nothing else.

    ``samples`` are gone through once, and are those that the ``document`` was made of.
    """
    book = Workbook(path, {**_OPTIONS, "tmpdir": str(path.parent)})
    _Book(book, document, words).write(samples)
    book.close()


class _Book:
    """The sheets of one report, in one language."""

    def __init__(self, book: Workbook, document: _Document, words: Words) -> None:
        self._book = book
        self._document = document
        self._words = words
        self._looks = formats(book)
        self._banners = banners(document, words)
        self._judged = is_judged(document)
        self._brands: list[str] = [brand["name"] for brand in document["plan"]["brands"]]
        self._prompts: dict[int, str] = {each["prompt_no"]: each["text"] for each in document["plan"]["prompts"]}
        self._title = words.say("{brand}: what AI assistants say", brand=self._brands[0])
        book.set_properties(
            {
                "title": written(self._title, words)[:255],
                "author": "brandq",
                "comments": f"{document['execution_id']}, {document['method_version']}",
                # the report's own time: the same report makes the same workbook
                "created": datetime.fromisoformat(document["times"]["built_at"]).astimezone(UTC).replace(tzinfo=None),
            }
        )

    def write(self, samples: Iterable[SampleWithText]) -> None:
        self._summary()
        self._by_engine()
        self._by_prompt()
        self._domains()
        self._untracked()
        self._evidence(samples)
        self._method()

    def _sheet(self, name: str, head: str) -> Sheet:
        sheet = self._book.add_worksheet(name)
        sheet.set_paper(_A4)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        # an ampersand is a command there
        sheet.set_footer(f"&L{self._brands[0][:80].replace('&', '&&')}&C{name.replace('&', '&&')}&R&P / &N")
        return Sheet(sheet, self._looks, self._words, head, self._banners)

    # -- how numbers are written

    def _name(self, measure: str) -> str:
        definition = self._document["definitions"].get(measure)
        return self._words.told(definition["name"]) if definition else measure

    def _columns(self, form: str, group: str) -> list[Column]:
        """Value, k where it is a share, n, and the ends of the interval."""
        words = self._words
        k = [Column("k", 7, "count", group)] if form == "share" else []
        return [
            Column(words.say("value"), 9, form, group),
            *k,
            Column("n", 7, "count", group),
            Column(words.say("low"), 8, form, group),
            Column(words.say("high"), 8, form, group),
        ]

    @staticmethod
    def _number(number: _Document | None, form: str) -> list[Value]:
        """What stands in those columns."""
        if number is None:
            return [None] * (5 if form == "share" else 4)
        k = [number.get("k")] if form == "share" else []
        return [number["value"], *k, number.get("n"), number.get("low"), number.get("high")]

    def _notes(self, numbers: Mapping[str, _Document | None]) -> str | None:
        """Why numbers of this row are absent, or not to be read as they stand; each reason once."""
        names: dict[str, list[str]] = {}
        for measure, number in numbers.items():
            told = number and (number.get("reason") or number.get("note") or number.get("interval_reason"))
            if told:
                names.setdefault(told, []).append(self._name(measure))
        return "; ".join(f"{', '.join(of)}: {self._words.told(told)}" for told, of in names.items()) or None

    def _block(self, block: _Document, measures: Iterable[str]) -> list[Value]:
        numbers = {measure: block.get(measure) for measure in measures}
        values: list[Value] = []
        for measure, number in numbers.items():
            values += self._number(number, MEASURES[measure])
        return [*values, self._notes(numbers)]

    def _measured(self) -> list[str]:
        """The measures that this report has: one of an earlier method has fewer."""
        block = self._document["brands"][0]["overall"]
        return [measure for measure in MEASURES if block.get(measure)]

    def _marks(self, block: _Document) -> str | None:
        return ", ".join(marks(block, self._words)) or None

    # -- sheets of numbers

    def _summary(self) -> None:
        words = self._words
        sheet = self._sheet(words.say("Summary"), self._title)
        sheet.keep_head()
        columns = [Column("", 30), Column("", 24, "plain")]
        for fact in self._facts():
            sheet.row(columns, fact)
        sheet.gap()
        self._subject(sheet)
        self._all_brands(sheet)
        self._coverage(sheet)

    def _facts(self) -> Iterator[tuple[str, str]]:
        words, document = self._words, self._document
        plan, times, cost = document["plan"], document["times"], document["cost"]
        yield words.say("Execution"), document["execution_id"]
        if document["label"]:
            yield words.say("Label"), document["label"]
        yield words.say("Status"), words.term(document["status"])
        yield words.say("Ended at"), self._words.instant(times["ended_at"])
        yield words.say("Report built"), self._words.instant(times["built_at"])
        yield words.say("Report version"), str(document.get("version", 1))
        yield words.say("Method"), document["method_version"]
        factors = f"{len(plan['prompts'])} × {len(plan['engines'])} × {plan['repeats']}"
        yield words.say("Prompts × engines × repeats"), f"{factors}: {document['coverage']['planned']}"
        usable = document["coverage"]["usable"]
        yield words.say("Usable answers"), f"{usable.get('k', 0)} / {usable['n']}"
        for total in cost["totals"]:
            yield words.say("Cost"), self._words.money(total["value"], total["currency"])
        if not cost["totals"]:
            yield words.say("Cost"), words.told(cost["reason"])

    def _subject(self, sheet: Sheet) -> None:
        words, block = self._words, self._document["brands"][0]["overall"]
        shares = [Column(words.say("measure")), *self._unsized("share"), Column(words.say("notes"), 60)]
        places = [replace(column, form="place" if column.form == "share" else column.form) for column in shares]
        sheet.line(words.say("{brand} over all engines and prompts", brand=self._brands[0]), "section")
        sheet.headings(shares)
        for measure in self._measured():
            number = block[measure]
            value, *rest = self._number(number, MEASURES[measure])
            notes = self._notes({measure: number})
            if MEASURES[measure] == "share":
                sheet.row(shares, [self._name(measure), value, *rest, notes])
            else:
                sheet.row(places, [self._name(measure), value, None, *rest, notes])
        for label, number in (block.get("sentiment") or {}).items():
            name = f"{self._name('sentiment')}: {self._words.term(label)}"
            sheet.row(shares, [name, *self._number(number, "share"), self._notes({"sentiment": number})])
        sheet.gap()

    def _unsized(self, form: str) -> list[Column]:
        return [replace(column, width=None, group="") for column in self._columns(form, "")]

    def _all_brands(self, sheet: Sheet) -> None:
        words, name = self._words, self._name
        columns = [Column(words.say("brand")), *self._unsized("share")]
        columns[1] = replace(columns[1], heading=name("mention_rate"))
        sheet.line(words.say("All tracked brands"), "section")
        sheet.headings(columns)
        for brand in self._document["brands"]:
            sheet.row(columns, [brand["name"], *self._number(brand["overall"]["mention_rate"], "share")])
        sheet.gap()

    def _coverage(self, sheet: Sheet) -> None:
        words = self._words
        columns = [
            Column(words.say("engine")),
            Column(words.say("marks")),
            Column(words.say("planned"), None, "count"),
            Column(words.say("usable"), None, "count"),
            Column(words.say("refused"), None, "count"),
            Column(words.say("failed"), None, "count"),
            Column(words.say("models that answered, and errors")),
        ]
        sheet.line(words.say("Coverage by engine"), "section")
        sheet.headings(columns)
        for engine in self._document["coverage"]["engines"]:
            served = ", ".join(one["model"] or words.say("not reported") for one in engine["served_models"])
            errors = ", ".join(f"{error['samples']} × {words.term(error['code'])}" for error in engine["errors"])
            outcomes = engine["outcomes"]
            counts = [engine["planned"], engine["usable"].get("k", 0), outcomes["refused"], outcomes["failed"]]
            more = "; ".join(filter(None, (served, errors)))
            sheet.row(columns, [engine["engine"], self._marks(engine), *counts, more])

    def _by_engine(self) -> None:
        words, measures = self._words, self._measured()
        sheet = self._sheet(words.say("Brands × engines"), words.say("Brands by engine"))
        columns = [
            Column(words.say("brand"), 22),
            Column(words.say("subject"), 8, "number"),
            Column(words.say("engine"), 24),
            Column(words.say("marks"), 14),
            Column(words.say("usable"), 8, "count"),
            Column(words.say("planned"), 8, "count"),
            *(column for each in measures for column in self._columns(MEASURES[each], self._name(each))),
            Column(words.say("notes"), 60),
        ]
        sheet.headings(columns)
        for brand in self._document["brands"]:
            for engine, block in self._over_engines(brand["overall"], brand["engines"]):
                coverage = block["coverage"]
                head = [brand["name"], brand["subject"], engine, self._marks(block)]
                counts = [coverage.get("k", 0), coverage["n"]]
                sheet.row(columns, [*head, *counts, *self._block(block, measures)], height=LINE_HEIGHT)
        sheet.filtered(columns, beside=3)

    def _by_prompt(self) -> None:
        words = self._words
        sheet = self._sheet(words.say("Prompts"), words.say("Brands by prompt and engine"))
        columns = [
            Column(words.say("prompt no."), 8, "number"),
            Column(words.say("brand"), 22),
            Column(words.say("engine"), 24),
            Column(words.say("prompt"), 40),
            Column(words.say("marks"), 14),
            Column(words.say("usable"), 8, "count"),
            Column(words.say("planned"), 8, "count"),
            *(column for each in _FEW_MEASURES for column in self._columns(MEASURES[each], self._name(each))),
            Column(words.say("notes"), 60),
        ]
        sheet.headings(columns)
        for prompt_no, prompt in self._prompts.items():
            for brand in self._document["brands"]:
                whole = brand["prompts"][prompt_no - 1]
                for engine, block in self._over_engines(whole, whole["engines"]):
                    coverage = block["coverage"]
                    head = [prompt_no, brand["name"], engine, prompt, self._marks(block)]
                    counts = [coverage.get("k", 0), coverage["n"]]
                    sheet.row(columns, [*head, *counts, *self._block(block, _FEW_MEASURES)], height=LINE_HEIGHT)
        sheet.filtered(columns, beside=3)

    def _over_engines(self, whole: _Document, engines: Iterable[_Document]) -> Iterator[tuple[str, _Document]]:
        yield self._words.say("all engines"), whole
        for block in engines:
            yield block["engine"], block

    def _domains(self) -> None:
        found = self._document["citations"]
        words = self._words
        sheet = self._sheet(words.say("Domains"), words.say("Sources by domain"))
        columns = [
            Column(words.say("domain"), 30),
            Column(words.say("class"), 14),
            Column(words.say("owned by"), 22),
            *self._columns("share", self._name("citation_rate")),
            *self._columns("share", self._name("retrieval_rate")),
            Column(words.say("pages"), 8, "count"),
            Column(words.say("pages given most"), 90),
        ]
        sheet.headings(columns)
        for row in found["domains"]:
            numbers = [*self._number(row["answers"], "share"), *self._number(row["only_retrieved"], "share")]
            pages = "\n".join(row.get("most_given_pages", ())) or None
            head = [row["domain"], row.get("source_class") and words.term(row["source_class"]), row["owner"]]
            sheet.row(columns, [*head, *numbers, row["pages"], pages])
        sheet.filtered(columns, beside=1)
        if found["domains_left_out"]:
            sheet.line(words.say("{n} more domains are left out.", n=self._words.number(found["domains_left_out"])))

    def _untracked(self) -> None:
        """Names that answers put where they put brands: a report of the first method has none."""
        found = self._document.get("competitors")
        if not found:
            return
        words = self._words
        sheet = self._sheet(words.say("Other names"), words.say("Names that nobody tracks"))
        columns = [
            Column(words.say("name"), 30),
            *self._columns("share", self._name("candidate_rate")),
            Column(words.say("prompts"), 16),
            Column(words.say("engines"), 40),
            Column(words.say("repeats"), 10, "count"),
            Column(words.say("other spellings"), 50),
        ]
        sheet.headings(columns)
        for row in found["candidates"]:
            where: list[Value] = [", ".join(map(str, row["prompts"])), ", ".join(row["engines"]), len(row["repeats"])]
            spellings = ", ".join(row.get("spellings", ())) or None
            sheet.row(columns, [row["name"], *self._number(row["answers"], "share"), *where, spellings])
        sheet.filtered(columns, beside=1)
        for line in threshold_words(found):
            sheet.line(self._words.told(line))

    # -- sheets of evidence

    def _evidence(self, samples: Iterable[SampleWithText]) -> None:
        words = self._words
        answers = self._sheet(words.say("Answers"), words.say("Every answer, word for word"))
        answers.line(
            words.say("A brand's column: 1 where the answer mentions it, 0 where not, blank where it is not usable.")
        )
        columns = self._answer_columns()
        answers.headings(columns)
        citations = self._sheet(words.say("Citations"), words.say("Every source of every answer"))
        source_columns = self._source_columns()
        citations.headings(source_columns)
        for sample in samples:
            if answers.full:
                break
            answers.row(columns, self._answer(sample), height=TEXT_HEIGHT if sample.text else LINE_HEIGHT)
            for row in self._sources(sample):
                if not citations.full:
                    citations.row(source_columns, row, height=LINE_HEIGHT)
        answers.filtered(columns, beside=2)
        citations.filtered(source_columns, beside=1)
        for sheet in (answers, citations):
            if sheet.full:
                sheet.line(words.say("Excel holds no more rows; the csv export has every answer."), "banner")

    def _answer_columns(self) -> list[Column]:
        words, subject = self._words, self._brands[0]
        return [
            Column(words.say("sample"), 9, "number"),
            Column(words.say("prompt no."), 8, "number"),
            Column(words.say("prompt"), 32),
            Column(words.say("engine"), 20),
            Column(words.say("served model"), 18),
            Column(words.say("repeat"), 7, "number"),
            Column(words.say("marks"), 14),
            Column(words.say("state"), 11),
            Column(words.say("outcome"), 12),
            Column(words.say("answer type"), 14),
            Column(words.say("usable"), 8, "number"),
            *(Column(brand, 11, "number", words.say("mentioned")) for brand in self._brands),
            Column(words.say("rank"), 7, "number", subject),
            Column(words.say("sentiment"), 11, "text", subject),
            Column(words.say("recommended"), 13, "number", subject),
            Column(words.say("answer"), 80),
            Column(words.say("cited domains"), 30),
            Column(words.say("cost"), 10, "money"),
            Column(words.say("currency"), 9),
            Column(words.say("latency, ms"), 10, "count"),
            Column(words.say("asked at (UTC)"), 19, "instant"),
            Column(words.say("answered at (UTC)"), 19, "instant"),
            Column(words.say("error code"), 14),
            Column(words.say("error message"), 40),
        ]

    def _answer(self, sample: SampleWithText) -> list[Value]:
        facts, words = sample.facts, self._words
        mentioned: list[Value] = [None] * len(self._brands)
        of_subject: list[Value] = [None, None, None]
        if is_usable(facts):
            said = [said_of(brand, facts, judged=self._judged) for brand in self._brands]
            mentioned = [each.mentioned for each in said]
            label = said[0].sentiment
            of_subject = [said[0].rank, label and self._words.term(label), said[0].recommended]
        return [
            facts.sample_id,
            facts.prompt_no,
            self._prompts.get(facts.prompt_no),
            facts.engine,
            facts.served_model,
            facts.repeat_no,
            self._marks({"simulated": facts.simulated, "imported": facts.imported}),
            words.term(facts.state),
            words.term(outcome_of(facts)),
            facts.answer_type and words.term(facts.answer_type),
            is_usable(facts),
            *mentioned,
            *of_subject,
            sample.text,
            " ".join(cited_domains(facts)) or None,
            facts.cost,
            facts.currency,
            facts.latency_ms,
            sample.asked_at,
            facts.answered_at,
            facts.error_code and words.term(facts.error_code),
            words.told(facts.error_message) or None,
        ]

    def _source_columns(self) -> list[Column]:
        words = self._words
        return [
            Column(words.say("sample"), 9, "number"),
            Column(words.say("prompt no."), 8, "number"),
            Column(words.say("engine"), 20),
            Column(words.say("repeat"), 7, "number"),
            Column(words.say("marks"), 14),
            Column(words.say("usable"), 8, "number"),
            Column(words.say("no."), 6, "number"),
            Column(words.say("domain"), 24),
            Column(words.say("URL"), 60, "link"),
            Column(words.say("page title"), 40),
            Column(words.say("class"), 14),
            Column(words.say("owned by"), 18),
            Column(words.say("cited as a source"), 18),
        ]

    def _sources(self, sample: SampleWithText) -> Iterator[list[Value]]:
        facts, words = sample.facts, self._words
        cited = {True: words.say("yes"), False: words.say("only retrieved"), None: words.say("not known")}
        for n, each in enumerate(facts.citations, 1):
            yield [
                facts.sample_id,
                facts.prompt_no,
                facts.engine,
                facts.repeat_no,
                self._marks({"simulated": facts.simulated, "imported": facts.imported}),
                is_usable(facts),
                n,
                each.domain,
                each.url,
                each.title,
                each.source_class and words.term(each.source_class),
                each.owner,
                cited[each.cited],
            ]

    # -- how it was measured

    def _method(self) -> None:
        words, document = self._words, self._document
        sheet = self._sheet(words.say("Method"), words.say("How this was measured"))
        columns = [
            Column(words.say("measure"), 26),
            Column(words.say("numerator"), 46),
            Column(words.say("denominator"), 34),
            Column(words.say("unit"), 18),
            Column(words.say("what it does not say"), 60),
        ]
        sheet.headings(columns)
        for definition in document["definitions"].values():
            named = [words.told(definition[name]) for name in ("name", "numerator", "denominator", "unit")]
            sheet.row(columns, [*named, " ".join(words.told(caveat) for caveat in definition["caveats"])])
        sheet.filtered(columns, beside=1)
        sheet.gap()
        width = sum(column.width or 0 for column in columns)
        if "disclosure" in document:
            sheet.line(words.say("Before you quote a number"), "section")
            for line in disclosure_words(document):
                sheet.paragraph(words.told(line), len(columns), width)
            sheet.gap()
        if self._judged:
            judged = words.say(
                "A judge said how brands are spoken of: {judge}. Its word is in the numbers, and not beside answers.",
                judge=document["judge"]["method"],
            )
            sheet.paragraph(judged, len(columns), width)
        sheet.line(words.say("Notes"), "section")
        for note in document["notes"]:
            sheet.paragraph(words.told(note), len(columns), width)
        sheet.gap()
        self._plan(sheet)

    def _plan(self, sheet: Sheet) -> None:
        words, plan = self._words, self._document["plan"]
        sheet.line(words.say("What was asked"), "section")
        brands = [Column(words.say("brand")), Column(words.say("aliases")), Column(words.say("domains"))]
        sheet.headings(brands)
        for brand in plan["brands"]:
            sheet.row(brands, [brand["name"], ", ".join(brand["aliases"]), " ".join(brand["domains"])])
        sheet.gap()
        prompts = [Column(words.say("prompt no."), None, "number"), Column(words.say("prompt"))]
        sheet.headings(prompts)
        for prompt_no, prompt in self._prompts.items():
            sheet.row(prompts, [prompt_no, prompt])
        if plan.get("system"):
            sheet.line(words.say("Each prompt was sent after this system text: {text}", text=plan["system"]))
        sheet.gap()
        engines = [
            Column(words.say("engine")),
            Column(words.say("model")),
            Column(words.say("search")),
            Column(words.say("marks")),
        ]
        sheet.headings(engines)
        for engine in self._document["coverage"]["engines"]:
            search = {True: words.say("on"), False: words.say("off"), None: words.say("not known")}[engine["search"]]
            sheet.row(engines, [engine["engine"], engine["model"], search, self._marks(engine)])
