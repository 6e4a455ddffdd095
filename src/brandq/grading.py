"""Grading: how well the analysis reads answers that somebody labelled, field by field, with each miss.

A case is one JSON object: ``brands`` (each with id, aliases of which the first is the name, and what else a brand of a
plan may have), ``text``, perhaps the ``question`` that was asked, ``expect`` by brand id, and perhaps ``answer_type``,
``competitors`` and ``citations``. A label may be a list of accepted values. Only what a case states is graded;
docs/grading.md has the format.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from brandq.analysis import analyze
from brandq.analysis.citations import page_key
from brandq.analysis.findings import BrandFinding, Findings
from brandq.errors import BadRequest, Fault
from brandq.plan import Brand
from brandq.providers.dialect import Answer, AnswerKind

#: in the order in which they are printed
FIELDS = (
    "mentioned",
    "count",
    "first",
    "rank",
    "sentiment",
    "strength",
    "answer_type",
    "competitors",
    "citations",
    "visible",
    "cited",
)
#: graded only where the brand is mentioned by its label
_OF_MENTIONED = ("sentiment", "strength")


@dataclass(frozen=True)
class Miss:
    """One label that the analysis did not meet. ``brand`` is its id, None for what concerns the whole answer."""

    case: str
    trap: str
    field: str
    brand: str | None
    expected: Any
    found: Any

    def __str__(self) -> str:
        expected, found = _written(self.expected), _written(self.found)
        if self.brand is None:
            return f"{self.case} ({self.trap}): {self.field}: expected {expected}, found {found}"
        return f"{self.case} ({self.trap}): {self.field} of {self.brand}: expected {expected}, found {found}"


@dataclass
class Grades:
    """Right and graded labels by field, and every miss in the order of the cases."""

    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FIELDS, 0))
    of: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FIELDS, 0))
    misses: list[Miss] = field(default_factory=list)

    def share(self, name: str) -> float | None:
        """Right labels of a field / graded ones; None where none was graded."""
        return self.right[name] / self.of[name] if self.of[name] else None

    def to_json(self) -> dict[str, dict[str, int]]:
        return {name: {"right": self.right[name], "of": self.of[name]} for name in FIELDS}

    def _grade(self, case: _Case, name: str, brand: str | None, expected: Any, found: Any, *, right: bool) -> None:
        self.of[name] += 1
        self.right[name] += right
        if not right:
            self.misses.append(Miss(case.id, case.trap, name, brand, expected, found))


@dataclass(frozen=True)
class _Case:
    id: str
    trap: str
    brands: Mapping[str, Brand]
    text: str
    prompt: str
    labels: Mapping[str, Any]


def read_cases(text: str) -> list[dict[str, Any]]:
    """The cases of a JSONL text. BadRequest lists the lines that are no JSON objects."""
    cases, faults = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            case = json.loads(line)
        except ValueError as error:
            faults.append(Fault(f"line {number}", f"is no JSON: {error}"))
            continue
        if isinstance(case, dict):
            cases.append(case)
        else:
            faults.append(Fault(f"line {number}", "expected a JSON object with brands, text and expect"))
    if faults:
        raise BadRequest(faults, "The cases are not valid")
    if not cases:
        raise BadRequest(
            [Fault("", "there is no case in it; each line is one JSON object")], "There is nothing to grade"
        )
    return cases


def grade(cases: Iterable[Mapping[str, Any]]) -> Grades:
    """Grade the analysis on labelled cases. BadRequest lists every case that cannot be read."""
    faults: list[Fault] = []
    read = [_case(number, case, faults) for number, case in enumerate(cases, start=1)]
    if faults:
        raise BadRequest(faults, "The cases are not valid")
    grades = Grades()
    for case in read:
        if case is not None:
            _grade_case(grades, case)
    return grades


def _case(number: int, case: Mapping[str, Any], faults: list[Fault]) -> _Case | None:
    name = str(case.get("id", f"case {number}"))
    found: list[str] = []
    if not isinstance(case.get("text"), str):
        found.append("text: expected a text")
    brands = case.get("brands")
    if not isinstance(brands, list) or not all(_is_brand(brand) for brand in brands):
        found.append("brands: expected a list of objects with id and aliases, of which the first is the name")
    elif isinstance(case.get("expect"), dict) and (
        unknown := set(case["expect"]) - {str(brand["id"]) for brand in brands}
    ):
        found.append(f"expect: {', '.join(sorted(unknown))} is no id of its brands")
    expect = case.get("expect", {})
    if not isinstance(expect, dict) or not all(isinstance(labels, dict) for labels in expect.values()):
        found.append("expect: expected an object of labels by brand id")
    for field_name, words, right in _SHAPES:
        if field_name in case and not right(case[field_name]):
            found.append(f"{field_name}: expected {words}")
    if found:
        faults += [Fault(name, words) for words in found]
        return None
    return _Case(
        name,
        str(case.get("trap", "")),
        _brands(case["brands"]),
        case["text"],
        str(case.get("question") or ""),
        case,
    )


def _texts(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def _sources(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(one, dict) and isinstance(one.get("url"), str) for one in found)


#: what a case may state of the whole answer, in words, and whether it is so
_SHAPES: tuple[tuple[str, str, Callable[[object], bool]], ...] = (
    ("answer_type", "a type, or a list of accepted ones", lambda found: isinstance(found, str) or _texts(found)),
    ("competitors", "a list of names", _texts),
    ("citations", "a list of objects with url, domain and cls", _sources),
)


def _is_brand(brand: object) -> bool:
    if not isinstance(brand, dict) or "id" not in brand:
        return False
    names = brand.get("aliases")
    return isinstance(names, list) and bool(names) and all(isinstance(name, str) and name.strip() for name in names)


def _brands(documents: Sequence[Mapping[str, Any]]) -> dict[str, Brand]:
    names = {str(brand["id"]): str(brand["aliases"][0]) for brand in documents}
    return {
        str(brand["id"]): Brand(
            name=brand["aliases"][0],
            aliases=tuple(brand["aliases"][1:]),
            domains=tuple(brand.get("domains") or ()),
            ambiguous=bool(brand.get("ambiguous")),
            case_sensitive=bool(brand.get("case_sensitive")),
            context=tuple(brand.get("context") or ()),
            block=tuple(brand.get("block") or ()),
            parent=names.get(str(brand.get("parent"))),
        )
        for brand in documents
    }


def _grade_case(grades: Grades, case: _Case) -> None:
    findings = analyze(Answer(case.text, AnswerKind.OK), tuple(case.brands.values()), case.prompt)
    by_name = {found.brand: found for found in findings.brands}
    for brand_id, labels in case.labels.get("expect", {}).items():
        found = _found(by_name[case.brands[brand_id].name], findings)
        for name, value in found.items():
            if name not in labels or (name in _OF_MENTIONED and labels[name] is None):
                continue
            expected = labels[name]
            grades._grade(case, name, brand_id, expected, value, right=value in _accepted(expected))
    if "answer_type" in case.labels:
        expected = case.labels["answer_type"]
        kind = str(findings.answer_type)
        grades._grade(case, "answer_type", None, expected, kind, right=kind in _accepted(expected))
    if "competitors" in case.labels:
        names = [candidate.name for candidate in findings.candidates]
        expected = case.labels["competitors"]
        grades._grade(case, "competitors", None, expected, names, right=sorted(names) == sorted(expected))
    if "citations" in case.labels:
        given = [
            {"url": one.canonical_url, "domain": one.domain, "cls": one.source_class} for one in findings.citations
        ]
        expected = [{name: one.get(name) for name in ("url", "domain", "cls")} for one in case.labels["citations"]]
        grades._grade(case, "citations", None, expected, given, right=_same_sources(given, expected))


def _found(finding: BrandFinding, findings: Findings) -> dict[str, Any]:
    """What the analysis says, in the words of the labels: a mention is any place where a reader sees the name."""
    spans = sorted((*finding.spans, *finding.elsewhere))
    return {
        "mentioned": bool(spans),
        "count": len(spans),
        "first": spans[0][0] if spans else None,
        "rank": finding.rank,
        "sentiment": finding.sentiment,
        "strength": finding.strength,
        "visible": finding.named,
        "cited": any(citation.owner == finding.brand for citation in findings.citations),
    }


def _same_sources(given: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]) -> bool:
    """Whether these are the same pages, whatever their spelling, each with an accepted domain and class."""
    found = {page_key(str(one["url"])): one for one in given}
    wanted = {page_key(str(one["url"])): one for one in expected}
    return found.keys() == wanted.keys() and all(
        found[page][name] in _accepted(wanted[page][name]) for page in wanted for name in ("domain", "cls")
    )


def _accepted(label: Any) -> Sequence[Any]:
    return label if isinstance(label, list) else [label]


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
