"""The report as Markdown, for issues, chats and notes. Untrusted text is escaped, so that it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from brandq.reports.summary import disclosure_words, percent, place, sentiments, threshold_words, to_seconds

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


def render(document: Mapping[str, Any]) -> str:
    """The document as a Markdown text that ends with a newline."""
    plan, coverage = document["plan"], document["coverage"]
    subject = escaped(plan["brands"][0]["name"])
    lines = [f"# {subject}: what AI assistants say", ""]
    lines += _banners(document)
    lines += [
        f"- Execution: {escaped(document['execution_id'])}"
        + (f", {escaped(document['label'])}" if document["label"] else ""),
        f"- Status: **{escaped(document['status'])}**",
        f"- Ended: {to_seconds(document['times']['ended_at'])}, built {to_seconds(document['times']['built_at'])}",
        f"- Method {escaped(document['method_version'])}, version {document.get('version', 1)} of this report",
        f"- Usable answers: {_counted(coverage['usable'])} of the samples planned",
        "",
    ]
    lines += _brands(document)
    lines += _spoken_of(document)
    lines += _coverage(coverage)
    lines += _prompts(document)
    lines += _competitors(document)
    lines += _citations(document["citations"])
    lines += _formulas(document)
    lines += _cost(document["cost"])
    lines += _disclosure(document)
    lines += ["## What the numbers mean", ""]
    for definition in document["definitions"].values():
        caveats = " ".join(definition["caveats"])
        lines.append(
            f"- **{definition['name']}**: {definition['numerator']} / {definition['denominator']}. {caveats}".rstrip()
        )
    lines += ["", "## Notes", "", *(f"- {escaped(note)}" for note in document["notes"])]
    return "\n".join(lines) + "\n"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(headers)} |", f"|{'---|' * len(headers)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _counted(number: Mapping[str, Any]) -> str:
    return percent(number) if number["value"] is not None else f"– ({escaped(number['reason'])})"


def _placed(number: Mapping[str, Any]) -> str:
    return place(number) if number["value"] is not None else f"– ({escaped(number['reason'])})"


def _banners(document: Mapping[str, Any]) -> list[str]:
    lines = []
    for kind, words in (
        (
            "simulated",
            "SIMULATED: {samples} samples of {engines} were answered by a simulator. "
            "Its numbers say nothing about any brand.",
        ),
        ("imported", "IMPORTED: {samples} samples of {engines} came out of a file; nobody was asked by brandq."),
    ):
        marked = document[kind]
        if marked["any"]:
            engines = ", ".join(escaped(engine) for engine in marked["engines"]) or "an engine"
            lines += [f"> **{words.format(samples=marked['samples'], engines=engines)}**", ""]
    return lines


def _blocks(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Brand, engine and numbers of each row: with several engines, all of them together come first."""
    names = _engine_names(document)
    for brand in document["brands"]:
        written = f"**{escaped(brand['name'])}**" if brand["subject"] else escaped(brand["name"])
        if len(names) > 1:
            yield written, "all engines" + _marks(brand["overall"]), brand["overall"]
        for block in brand["engines"]:
            yield written, names[block["engine"]], block


def _engine_names(document: Mapping[str, Any]) -> dict[str, str]:
    """How each engine is written: with its mark, wherever it stands."""
    names = {}
    for engine in document["coverage"]["engines"]:
        names[engine["engine"]] = escaped(engine["engine"]) + _marks(engine)
    return names


def _marks(block: Mapping[str, Any]) -> str:
    marks = [kind.upper() for kind in ("simulated", "imported") if block[kind]]
    return f" ({', '.join(marks)})" if marks else ""


def _brands(document: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            brand,
            engine,
            f"{block['coverage'].get('k', 0)}/{block['coverage']['n']}",
            _counted(block["mention_rate"]),
            _counted(block["share_of_voice"]),
            _placed(block["average_rank"]),
            _counted(block["first_place_rate"]),
            _counted(block["top_3_rate"]) if "top_3_rate" in block else "",
        )
        for brand, engine, block in _blocks(document)
    ]
    headers = ("brand", "engine", "usable", "mention rate", "share of voice", "average rank", "first place", "top 3")
    lines = ["## Brands", "", *_table(headers, rows)]
    for brand in document["brands"]:
        if brand.get("named_in_prompts"):
            prompts = ", ".join(str(no) for no in brand["named_in_prompts"])
            lines.append(
                f"- {escaped(brand['name'])} is named in prompt {prompts}, which makes mentions of it; in answers to "
                f"the others: {_counted(brand['unprompted'])}"
            )
        if brand["overall"].get("doubtful_answers"):
            lines.append(
                f"- {brand['overall']['doubtful_answers']} answers have a word that may be {escaped(brand['name'])} "
                "and may be an ordinary word: not counted, to be looked at"
            )
    return lines if lines[-1] == "" else [*lines, ""]


def _spoken_of(document: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            brand,
            engine,
            sentiments(block["sentiment"]),
            _counted(block["caveat_rate"]),
            _counted(block["recommended_rate"]),
            _placed(block["recommendation_strength"]),
        )
        for brand, engine, block in _blocks(document)
        # a report of the first method lacks it
        if "sentiment" in block
    ]
    if not rows:
        return []
    headers = ("brand", "engine", "sentiment", "with a caveat", "recommended in", "strength, -1 to 3")
    lines = ["## How they are spoken of", "", *_table(headers, rows)]
    alike = (("two repeats of one engine", "stability"), ("two engines", "agreement"))
    lines += [f"- Brands named alike by {whom}: {_placed(document[name])}" for whom, name in alike]
    return [*lines, ""]


def _coverage(coverage: Mapping[str, Any]) -> list[str]:
    outcomes = list(coverage["outcomes"])
    rows = [
        (
            _engine_names({"coverage": coverage})[engine["engine"]],
            escaped(", ".join(served["model"] or "not reported" for served in engine["served_models"]) or "–"),
            "–" if engine["search"] is None else "on" if engine["search"] else "off",
            _counted(engine["usable"]),
            *(str(engine["outcomes"][name]) for name in outcomes),
        )
        for engine in coverage["engines"]
    ]
    lines = ["## Coverage", "", *_table(("engine", "served model", "search", "usable", *outcomes), rows)]
    if coverage["taken_over"]:
        lines.append(f"- {coverage['taken_over']} answers were taken from earlier executions")
    for engine in coverage["engines"]:
        for error in engine["errors"]:
            example = f": {escaped(error['example'])}" if error["example"] else ""
            lines.append(f"- {escaped(engine['engine'])}, {error['samples']} × {escaped(error['code'])}{example}")
    return [*lines, ""] if lines[-1] else lines


def _prompts(document: Mapping[str, Any]) -> list[str]:
    lines = ["## Prompts", ""]
    # a report kept before plans had one lacks it
    if document["plan"].get("system"):
        lines += [f"Each prompt was sent after this system text: {escaped(document['plan']['system'])}", ""]
    for prompt in document["plan"]["prompts"]:
        lines += [f"### {prompt['prompt_no']}\\. {escaped(prompt['text'])}", ""]
        rows = []
        for brand in document["brands"]:
            block = brand["prompts"][prompt["prompt_no"] - 1]
            usable = f"{block['coverage'].get('k', 0)}/{block['coverage']['n']}{_marks(block)}"
            numbers = _counted(block["mention_rate"]), _placed(block["average_rank"])
            rows.append((escaped(brand["name"]), usable, *numbers))
        lines += _table(("brand", "usable", "mention rate", "average rank"), rows)
    return lines


def _competitors(document: Mapping[str, Any]) -> list[str]:
    found = document.get("competitors")
    if not found:
        return []
    lines = ["## Names that nobody tracks", ""]
    if found["candidates"]:
        rows = [
            (
                escaped(row["name"]),
                _counted(row["answers"]),
                ", ".join(map(str, row["prompts"])),
                escaped(", ".join(row["engines"])),
                str(len(row["repeats"])),
            )
            for row in found["candidates"]
        ]
        lines += _table(("name", "answers", "prompts", "engines", "repeats"), rows)
    return [*lines, *(f"- {escaped(line)}" for line in threshold_words(found)), ""]


def _formulas(document: Mapping[str, Any]) -> list[str]:
    if not document.get("formulas"):
        return []
    subject = document["formulas"][0]
    rows = [
        (
            escaped(row["product"]),
            escaped(row["field"]),
            "–" if row["value"] is None else f"{row['value']:.0%}",
            f"{row['numerator']}/{row['denominator']}",
            escaped(row["counts"]),
        )
        for row in subject["rows"]
    ]
    lines = [f"## What other products would print for {escaped(subject['brand'])}", ""]
    return [*lines, *_table(("product", "name there", "value", "counted", "what it counts"), rows)]


def _disclosure(document: Mapping[str, Any]) -> list[str]:
    if "disclosure" not in document:
        return []
    return ["## Before you quote a number", "", *(f"- {escaped(line)}" for line in disclosure_words(document)), ""]


def _citations(citations: Mapping[str, Any]) -> list[str]:
    lines = ["## Sources", "", f"Answers with sources: {_counted(citations['with_sources'])}", ""]
    if citations["domains"]:
        rows = [
            (
                escaped(row["domain"]),
                escaped(row["owner"]) if row["owner"] else "",
                escaped(row.get("source_class") or ""),
                _counted(row["answers"]),
                _counted(row["only_retrieved"]),
                str(row["pages"]),
            )
            for row in citations["domains"]
        ]
        lines += _table(("domain", "owner", "class", "cited in", "only retrieved in", "pages"), rows)
    if "by_class" in citations:
        lines += _classes(citations)
    if citations["domains_left_out"]:
        lines += [f"{citations['domains_left_out']} more domains are left out.", ""]
    return lines


def _classes(citations: Mapping[str, Any]) -> list[str]:
    """Who speaks on the pages, and of each brand with a domain, whether it is named and whether it is cited."""
    shares = [
        (name, _counted(numbers["share"]), _counted(numbers["answers"]))
        for name, numbers in citations["by_class"].items()
        if numbers["share"]["value"]
    ]
    lines = _table(("class", "share of sources", "answers with one"), shares) if shares else []
    fields = ("named_and_cited", "named_not_cited", "cited_not_named", "neither")
    rows = [(escaped(row["brand"]), *(str(row[name]) for name in fields)) for row in citations["named_and_cited"]]
    headers = ("brand", "named and cited", "named only", "cited only", "neither")
    return [*lines, *_table(headers, rows)] if rows else lines


def _cost(cost: Mapping[str, Any]) -> list[str]:
    lines = ["## Cost", ""]
    for total in cost["totals"]:
        basis = escaped(total["basis"])
        lines.append(f"- {escaped(total['currency'])} {total['value']} for {total['n']} answers (basis: {basis})")
    if not cost["totals"]:
        lines.append(f"- unknown: {escaped(cost['reason'])}")
    if cost["unknown_cost_answers"]:
        lines.append(f"- {cost['unknown_cost_answers']} of {cost['answers']} answers have no known cost")
    if cost["not_paid_here"]:
        lines.append(f"- {cost['not_paid_here']} answers were taken over or imported, and cost nothing here")
    return [*lines, ""]
