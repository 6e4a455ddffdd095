"""The report as Markdown, for issues, chats and notes. Untrusted text is escaped, so that it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from brandq.exports.marks import banners, marks
from brandq.providers.dialect import AnswerKind
from brandq.reports.summary import disclosure_words, percent, place, threshold_words, to_seconds
from brandq.words import Words, words_in

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~!$])")


def escaped(text: object) -> str:
    """``text`` on one line, with nothing in it that Markdown, or HTML inside it, would act on."""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _SPECIAL.sub(r"\\\1", line)
    line = re.sub(r"(?<=\w)(:)(?=//)|(?<=www)(\.)", lambda found: "\\" + found[0], line, flags=re.IGNORECASE)
    return re.sub(r"^([-+=]|\d+(?=[.)]))", lambda found: _at_start(found[0]), line)


def _at_start(mark: str) -> str:
    return mark + "\\" if mark.isdigit() else "\\" + mark


def render(document: Mapping[str, Any], *, words: Words | None = None) -> str:
    """The document as a Markdown text that ends with a newline; without ``words``, in English."""
    return "\n".join(_Text(document, words or words_in("en")).lines()) + "\n"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(headers)} |", f"|{'---|' * len(headers)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


class _Text:
    """The parts of one report, in one language."""

    def __init__(self, document: Mapping[str, Any], words: Words) -> None:
        self._document = document
        self._words = words

    def lines(self) -> list[str]:
        words, document = self._words, self._document
        times = document["times"]
        ended, built = to_seconds(times["ended_at"]), to_seconds(times["built_at"])
        subject = escaped(document["plan"]["brands"][0]["name"])
        label = f", {escaped(document['label'])}" if document["label"] else ""
        method, version = escaped(document["method_version"]), document.get("version", 1)
        return [
            f"# {words.say('{brand}: what AI assistants say', brand=subject)}",
            "",
            *self._banners(),
            f"- {words.say('Execution: {execution}', execution=escaped(document['execution_id']))}{label}",
            f"- {words.say('Status: **{status}**', status=self._term(document['status']))}",
            f"- {words.say('Ended: {ended}, built {built}', ended=ended, built=built)}",
            f"- {words.say('Method {method}, version {version} of this report', method=method, version=version)}",
            "- "
            + words.say(
                "Usable answers: {number} of the samples planned", number=self._counted(document["coverage"]["usable"])
            ),
            "",
            *self._brands(),
            *self._spoken_of(),
            *self._coverage(),
            *self._prompts(),
            *self._competitors(),
            *self._citations(),
            *self._formulas(),
            *self._cost(),
            *self._disclosure(),
            *self._definitions(),
            f"## {words.say('Notes')}",
            "",
            *(f"- {self._told(note)}" for note in document["notes"]),
        ]

    def _told(self, sentence: str | None) -> str:
        return escaped(self._words.told(sentence))

    def _term(self, code: str) -> str:
        return escaped(self._words.term(code))

    def _counted(self, number: Mapping[str, Any]) -> str:
        return percent(number) if number["value"] is not None else f"– ({self._told(number['reason'])})"

    def _placed(self, number: Mapping[str, Any]) -> str:
        return place(number) if number["value"] is not None else f"– ({self._told(number['reason'])})"

    def _banners(self) -> Iterator[str]:
        for banner in banners(self._document, self._words, escaped):
            yield from (f"> **{banner}**", "")

    def _blocks(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Brand, engine and numbers of each row: with several engines, all of them together come first."""
        names = self._engine_names()
        for brand in self._document["brands"]:
            written = f"**{escaped(brand['name'])}**" if brand["subject"] else escaped(brand["name"])
            if len(names) > 1:
                yield written, self._words.say("all engines") + self._marks(brand["overall"]), brand["overall"]
            for block in brand["engines"]:
                yield written, names[block["engine"]], block

    def _engine_names(self) -> dict[str, str]:
        """How each engine is written: with its mark, wherever it stands."""
        engines = self._document["coverage"]["engines"]
        return {engine["engine"]: escaped(engine["engine"]) + self._marks(engine) for engine in engines}

    def _marks(self, block: Mapping[str, Any]) -> str:
        marked = marks(block, self._words)
        return f" ({', '.join(marked)})" if marked else ""

    def _brands(self) -> list[str]:
        words = self._words
        rows = [
            (
                brand,
                engine,
                f"{block['coverage'].get('k', 0)}/{block['coverage']['n']}",
                self._counted(block["mention_rate"]),
                self._counted(block["share_of_voice"]),
                self._placed(block["average_rank"]),
                self._counted(block["first_place_rate"]),
                self._counted(block["top_3_rate"]) if "top_3_rate" in block else "",
            )
            for brand, engine, block in self._blocks()
        ]
        headers = (
            *(
                words.say("brand"),
                words.say("engine"),
                words.say("usable"),
                words.say("mention rate"),
                words.say("share of voice"),
            ),
            *(words.say("average rank"), words.say("first place"), words.say("top 3")),
        )
        lines = [f"## {words.say('Brands')}", "", *_table(headers, rows)]
        for brand in self._document["brands"]:
            name = escaped(brand["name"])
            if brand.get("named_in_prompts"):
                told = words.say(
                    "{brand} is named in prompt {prompts}, which makes mentions of it; "
                    "in answers to the others: {number}",
                    brand=name,
                    prompts=", ".join(str(no) for no in brand["named_in_prompts"]),
                    number=self._counted(brand["unprompted"]),
                )
                lines.append(f"- {told}")
            if brand["overall"].get("doubtful_answers"):
                told = words.say(
                    "{n} answers have a word that may be {brand} and may be an ordinary word: "
                    "not counted, to be looked at",
                    n=brand["overall"]["doubtful_answers"],
                    brand=name,
                )
                lines.append(f"- {told}")
        return lines if lines[-1] == "" else [*lines, ""]

    def _spoken_of(self) -> list[str]:
        words = self._words
        rows = [
            (
                brand,
                engine,
                self._sentiments(block["sentiment"]),
                self._counted(block["caveat_rate"]),
                self._counted(block["recommended_rate"]),
                self._placed(block["recommendation_strength"]),
            )
            for brand, engine, block in self._blocks()
            # a report of the first method lacks it
            if "sentiment" in block
        ]
        if not rows:
            return []
        headers = (
            *(words.say("brand"), words.say("engine"), words.say("sentiment"), words.say("with a caveat")),
            *(words.say("recommended in"), words.say("strength, -1 to 3")),
        )
        stability, agreement = (self._placed(self._document[name]) for name in ("stability", "agreement"))
        return [
            f"## {words.say('How they are spoken of')}",
            "",
            *_table(headers, rows),
            "- " + words.say("Brands named alike by two repeats of one engine: {number}", number=stability),
            "- " + words.say("Brands named alike by two engines: {number}", number=agreement),
            "",
        ]

    def _sentiments(self, split: Mapping[str, Mapping[str, Any]]) -> str:
        """``positive 5 · neutral 1``: those that occur, counted; a dash where the brand is not named."""
        told = [f"{self._words.term(label)} {number['k']}" for label, number in split.items() if number["value"]]
        return " · ".join(told) or "–"

    def _coverage(self) -> list[str]:
        words, coverage = self._words, self._document["coverage"]
        names = self._engine_names()
        # those that are ok are counted as usable
        outcomes = [name for name in coverage["outcomes"] if name != AnswerKind.OK]
        searched = {True: words.say("on"), False: words.say("off"), None: "–"}
        rows = [
            (
                names[engine["engine"]],
                ", ".join(escaped(served["model"] or words.say("not reported")) for served in engine["served_models"])
                or "–",
                searched[engine["search"]],
                self._counted(engine["usable"]),
                *(str(engine["outcomes"][name]) for name in outcomes),
            )
            for engine in coverage["engines"]
        ]
        headers = (
            *(words.say("engine"), words.say("served model"), words.say("search"), words.say("usable")),
            *(self._term(name) for name in outcomes),
        )
        lines = [f"## {words.say('Coverage')}", "", *_table(headers, rows)]
        if coverage["taken_over"]:
            lines.append("- " + words.say("{n} answers were taken from earlier executions", n=coverage["taken_over"]))
        for engine in coverage["engines"]:
            for error in engine["errors"]:
                example = f": {self._told(error['example'])}" if error["example"] else ""
                lines.append(
                    f"- {escaped(engine['engine'])}, {error['samples']} × {self._term(error['code'])}{example}"
                )
        return [*lines, ""] if lines[-1] else lines

    def _prompts(self) -> list[str]:
        words, plan = self._words, self._document["plan"]
        lines = [f"## {words.say('Prompts')}", ""]
        # a report kept before plans had one lacks it
        if plan.get("system"):
            lines += [
                words.say("Each prompt was sent after this system text: {text}", text=escaped(plan["system"])),
                "",
            ]
        headers = (words.say("brand"), words.say("usable"), words.say("mention rate"), words.say("average rank"))
        for prompt in plan["prompts"]:
            lines += [f"### {prompt['prompt_no']}\\. {escaped(prompt['text'])}", ""]
            rows = []
            for brand in self._document["brands"]:
                block = brand["prompts"][prompt["prompt_no"] - 1]
                usable = f"{block['coverage'].get('k', 0)}/{block['coverage']['n']}{self._marks(block)}"
                numbers = self._counted(block["mention_rate"]), self._placed(block["average_rank"])
                rows.append((escaped(brand["name"]), usable, *numbers))
            lines += _table(headers, rows)
        return lines

    def _competitors(self) -> list[str]:
        words, found = self._words, self._document.get("competitors")
        if not found:
            return []
        lines = [f"## {words.say('Names that nobody tracks')}", ""]
        if found["candidates"]:
            rows = [
                (
                    escaped(row["name"]),
                    self._counted(row["answers"]),
                    ", ".join(map(str, row["prompts"])),
                    escaped(", ".join(row["engines"])),
                    str(len(row["repeats"])),
                )
                for row in found["candidates"]
            ]
            headers = (
                words.say("name"),
                words.say("answers"),
                words.say("prompts"),
                words.say("engines"),
                words.say("repeats"),
            )
            lines += _table(headers, rows)
        return [*lines, *(f"- {self._told(line)}" for line in threshold_words(found)), ""]

    def _formulas(self) -> list[str]:
        words = self._words
        if not self._document.get("formulas"):
            return []
        subject = self._document["formulas"][0]
        rows = [
            (
                escaped(row["product"]),
                escaped(row["field"]),
                "–" if row["value"] is None else f"{row['value']:.0%}",
                f"{row['numerator']}/{row['denominator']}",
                self._told(row["counts"]),
            )
            for row in subject["rows"]
        ]
        headers = (
            words.say("product"),
            words.say("name there"),
            words.say("value"),
            words.say("counted"),
            words.say("what it counts"),
        )
        head = words.say("What other products would print for {brand}", brand=escaped(subject["brand"]))
        return [f"## {head}", "", *_table(headers, rows)]

    def _disclosure(self) -> list[str]:
        if "disclosure" not in self._document:
            return []
        told = (f"- {self._told(line)}" for line in disclosure_words(self._document))
        return [f"## {self._words.say('Before you quote a number')}", "", *told, ""]

    def _definitions(self) -> list[str]:
        lines = [f"## {self._words.say('What the numbers mean')}", ""]
        for definition in self._document["definitions"].values():
            name, above, below = (self._words.told(definition[part]) for part in ("name", "numerator", "denominator"))
            caveats = " ".join(self._words.told(caveat) for caveat in definition["caveats"])
            lines.append(f"- **{name}**: {above} / {below}. {caveats}".rstrip())
        return [*lines, ""]

    def _citations(self) -> list[str]:
        words, citations = self._words, self._document["citations"]
        sourced = words.say("Answers with sources: {number}", number=self._counted(citations["with_sources"]))
        lines = [f"## {words.say('Sources')}", "", sourced, ""]
        if citations["domains"]:
            rows = [
                (
                    escaped(row["domain"]),
                    escaped(row["owner"]) if row["owner"] else "",
                    self._term(row.get("source_class") or ""),
                    self._counted(row["answers"]),
                    self._counted(row["only_retrieved"]),
                    str(row["pages"]),
                )
                for row in citations["domains"]
            ]
            headers = (
                *(words.say("domain"), words.say("owned by"), words.say("class"), words.say("cited in")),
                *(words.say("only retrieved in"), words.say("pages")),
            )
            lines += _table(headers, rows)
        if "by_class" in citations:
            lines += self._classes(citations)
        if citations["domains_left_out"]:
            lines += [words.say("{n} more domains are left out.", n=citations["domains_left_out"]), ""]
        return lines

    def _classes(self, citations: Mapping[str, Any]) -> list[str]:
        """Who speaks on the pages, and of each brand with a domain, whether it is named and whether it is cited."""
        words = self._words
        shares = [
            (self._term(name), self._counted(numbers["share"]), self._counted(numbers["answers"]))
            for name, numbers in citations["by_class"].items()
            if numbers["share"]["value"]
        ]
        lines = (
            _table((words.say("class"), words.say("share of sources"), words.say("answers with one")), shares)
            if shares
            else []
        )
        fields = ("named_and_cited", "named_not_cited", "cited_not_named", "neither")
        rows = [(escaped(row["brand"]), *(str(row[name]) for name in fields)) for row in citations["named_and_cited"]]
        headers = (
            words.say("brand"),
            words.say("named and cited"),
            words.say("named only"),
            words.say("cited only"),
            words.say("neither"),
        )
        return [*lines, *_table(headers, rows)] if rows else lines

    def _cost(self) -> list[str]:
        words, cost = self._words, self._document["cost"]
        lines = [f"## {words.say('Cost')}", ""]
        for total in cost["totals"]:
            told = words.say(
                "{currency} {amount} for {n} answers (basis: {basis})",
                currency=escaped(total["currency"]),
                amount=total["value"],
                n=total["n"],
                basis=self._term(total["basis"]),
            )
            lines.append(f"- {told}")
        if not cost["totals"]:
            lines.append("- " + words.say("unknown: {reason}", reason=self._told(cost["reason"])))
        if cost["unknown_cost_answers"]:
            told = words.say(
                "{n} of {answers} answers have no known cost", n=cost["unknown_cost_answers"], answers=cost["answers"]
            )
            lines.append(f"- {told}")
        if cost["not_paid_here"]:
            n = cost["not_paid_here"]
            lines.append("- " + words.say("{n} answers were taken over or imported, and cost nothing here", n=n))
        return [*lines, ""]
