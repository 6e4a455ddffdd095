"""The answers behind a number, and one answer with everything that was found in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from brandq import store
from brandq.analysis.findings import (
    MIXED,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    UNUSABLE,
    BrandFinding,
    CitationFinding,
    Findings,
)
from brandq.errors import NotFound
from brandq.exports import markup
from brandq.exports.markup import Address, Highlight
from brandq.plan import Plan
from brandq.providers.dialect import AnswerKind, Citation
from brandq.store import Execution, SampleFilter, SampleRow
from brandq.web import wire
from brandq.web.api import EXECUTION_ID, execution_id_of
from brandq.web.evidence import SAMPLE_ID, sample_id_of
from brandq.web.listing import AFTER, FORM_LISTING, read_listing
from brandq.web.openapi import Operation, Parameter, Visit, operation
from brandq.web.pages.rendering import PAGE, page, words_for
from brandq.web.schemas import COUNT, FLAG
from brandq.words import Words

#: answers on one page
SHOWN = 20
#: characters of an answer's text, and of a reply's body, that a page shows
MOST_TEXT_CHARS, MOST_BODY_CHARS = 200_000, 200_000
#: characters of a sentence that tells how an answer speaks of a brand
_EVIDENCE_CHARS = 240
#: a list's number before a name, with what may stand around it
_NUMBERED = re.compile(r"[\s>#*_|\-\[(（]*(\d{1,3})[\s.、．)）\]:：|]")

BEFORE = Parameter("before", COUNT, "the first sample_id of the page after", wire.whole(1, wire.MAX_ROW))
BODY = Parameter("body", FLAG, "show the body of the provider's reply", wire.yes_or_no, default=False)


# -- in words


def finding_words(words: Words, finding: str, brand: str, rival: str | None = None) -> str:
    """What answers do that have this finding: ``naming Acme``. It follows "answers"."""
    told: Mapping[str, str] = {
        "named": words.say("naming {brand}", brand=brand),
        "not_named": words.say("not naming {brand}", brand=brand),
        "first": words.say("putting {brand} first", brand=brand),
        "top_3": words.say("putting {brand} among the first three", brand=brand),
        "ranked": words.say("giving {brand} a rank", brand=brand),
        "unranked": words.say("naming {brand} without a rank", brand=brand),
        "recommended": words.say("recommending {brand}", brand=brand),
        "instead": (
            words.say("recommending {rival} and not {brand}", rival=rival, brand=brand)
            if rival
            else words.say("recommending another brand and not {brand}", brand=brand)
        ),
        "pos": words.say("speaking well of {brand}", brand=brand),
        "neu": words.say("speaking of {brand} without praise or blame", brand=brand),
        "mixed": words.say("speaking of {brand} with praise and blame", brand=brand),
        "neg": words.say("speaking badly of {brand}", brand=brand),
        "unknown": words.say("naming {brand} so that it cannot be told how they speak of it", brand=brand),
        "caveat": words.say("holding something against {brand}", brand=brand),
        "doubtful": words.say("with a word that may be {brand} or an ordinary one", brand=brand),
        "unknown_brand": words.say("saying that they know nothing of {brand}", brand=brand),
        "cited": words.say("giving a page of {brand} as a source", brand=brand),
        "not_cited": words.say("giving no page of {brand} as a source", brand=brand),
        "sourced": words.say("giving a source"),
    }
    return told[finding]


def outcome_words(words: Words, outcome: str) -> str:
    """What samples are that came to this: ``cut off``."""
    told: Mapping[str, str] = {
        "usable": words.say("with a usable answer"),
        "refused": words.say("that the assistant declined"),
        "empty": words.say("answered with nothing"),
        "truncated": words.say("with an answer that was cut off"),
        "failed": words.say("without an answer, because something failed"),
        "cancelled": words.say("cancelled before there was an answer"),
        "open": words.say("not ended yet"),
    }
    return told[outcome]


@dataclass(frozen=True)
class Clause:
    """One thing that a listing asks for, in words, and the parameters that it goes away with."""

    told: str
    without: Mapping[str, str | None]


def clauses(words: Words, wanted: SampleFilter, given: Mapping[str, str]) -> list[Clause]:
    """What the listed answers do, or what became of the samples; each follows "answers" or "samples"."""
    brand = wanted.brand or ""
    found: list[Clause] = []
    whole: Mapping[str, str | None] = {"brand": None, "finding": None, "rival": None, "rank": None}
    others = [each for each in wanted.findings if each != "instead"]
    alone = len(others) + bool(wanted.rival or "instead" in wanted.findings) + bool(wanted.rank) < 2

    def left(*gone: str) -> Mapping[str, str | None]:
        rest = ",".join(each for each in wanted.findings if each not in gone)
        return whole if alone else {"finding": rest or None}

    for each in others:
        found.append(Clause(finding_words(words, each, brand), left(each)))
    if wanted.rival or "instead" in wanted.findings:
        found.append(Clause(finding_words(words, "instead", brand, wanted.rival), {**left("instead"), "rival": None}))
    if wanted.rank:
        told = words.say("giving {brand} rank {rank}", brand=brand, rank=given["rank"])
        found.append(Clause(told, whole if alone else {"rank": None}))
    if brand and not (wanted.findings or wanted.rival or wanted.rank):
        found.append(Clause(finding_words(words, "named", brand), whole))
    if wanted.domain or wanted.source_class or wanted.unowned or wanted.retrieved:
        gone = dict.fromkeys(("domain", "source_class", "unowned", "retrieved"))
        found.append(Clause(_source_words(words, wanted), gone))
    if "name" in given:
        found.append(Clause(words.say("naming {brand}", brand=given["name"]), {"name": None}))
    if wanted.answer_type:
        told = words.say("of the type “{answer_type}”", answer_type=words.term(wanted.answer_type))
        found.append(Clause(told, {"answer_type": None}))
    if wanted.outcome:
        found.append(Clause(outcome_words(words, wanted.outcome), {"outcome": None}))
    return found


def _source_words(words: Words, wanted: SampleFilter) -> str:
    where = [wanted.domain] if wanted.domain else []
    where += [words.term(wanted.source_class)] if wanted.source_class else []
    site = " · ".join(where) or words.say("any site")
    if wanted.retrieved:
        return words.say("whose engine looked at a page of {site} and gave none as a source", site=site)
    return words.say("giving a page of {site} as a source", site=site)


def places(words: Words, wanted: SampleFilter) -> list[Clause]:
    """Where the listed samples stand in the plan, and what else is asked of them; each stands by itself."""
    told = (
        ("engine", wanted.engine and words.say("engine {engine}", engine=wanted.engine)),
        ("prompt_no", wanted.prompt_no and words.say("prompt {number}", number=wanted.prompt_no)),
        ("repeat_no", wanted.repeat_no and words.say("repeat {number}", number=wanted.repeat_no)),
        ("model", wanted.served_model and words.say("answered by {model}", model=wanted.served_model)),
        ("error", wanted.error_code and words.say("error “{error}”", error=words.term(wanted.error_code))),
        ("state", wanted.state and words.term(wanted.state)),
    )
    return [Clause(str(text), {name: None}) for name, text in told if text]


def strength_words(words: Words, strength: int | None) -> str | None:
    """How far an answer recommends a brand; None where it does not name it."""
    told = {
        3: words.say("top pick"),
        2: words.say("recommended"),
        1: words.say("an option"),
        0: words.say("merely named"),
        -1: words.say("advised against"),
    }
    return None if strength is None else told[strength]


# -- what is marked in a text


#: how an answer speaks of a brand, in a character
_SIGNS = {POSITIVE: "+", NEUTRAL: "=", MIXED: "±", NEGATIVE: "−"}


def highlights_of(words: Words, plan: Plan, text: str, found: Sequence[BrandFinding]) -> list[Highlight]:
    """What of the answer's text is marked: mentions, what may be one, and what tells how a brand is spoken of."""
    numbers = {brand.name: n for n, brand in enumerate(plan.brands, 1)}
    marked: list[Highlight] = []
    several = sum(bool(each.evidence) for each in found) > 1
    for each in found:
        number = numbers.get(each.brand, len(plan.brands))
        name = f"brand brand-{number}"
        at_rank = _rank_at(text, each)
        for n, (start, end) in enumerate(each.spans):
            label = words.say("rank {n}", n=each.rank) if (start, end) == at_rank else ""
            title = each.brand if each.known else words.say("{brand}: the answer knows nothing of it", brand=each.brand)
            anchor = f"mention-{number}" if n == 0 else ""
            marked.append(Highlight(start, end, name if each.known else f"{name} aside", title, label, anchor))
        title = words.say("{brand}, in words that are not the answer's own: not counted", brand=each.brand)
        marked += [Highlight(start, end, f"{name} aside", title) for start, end in each.elsewhere]
        title = words.say("May be {brand}, or an ordinary word: not counted", brand=each.brand)
        marked += [
            Highlight(start, end, f"{name} doubtful", title, anchor=f"doubtful-{number}" if n == 0 else "")
            for n, (start, end) in enumerate(each.doubtful)
        ]
        if each.sentiment:
            title = words.say("How it speaks of {brand}: {told}", brand=each.brand, told=words.term(each.sentiment))
            label = f"{each.brand} {_SIGNS[each.sentiment]}" if several else _SIGNS[each.sentiment]
            kind = f"evidence {each.sentiment}"
            marked += [Highlight(start, end, kind, title, label, element="span") for start, end in each.evidence]
    return marked


def _rank_at(text: str, found: BrandFinding) -> tuple[int, int] | None:
    """The mention that a rank is written beside: the one behind its number, else the first that begins a line."""
    if found.rank is None or not found.spans:
        return None
    beginning = None
    for start, end in found.spans:
        before = text[text.rfind("\n", 0, start) + 1 : start]
        number = _NUMBERED.match(before)
        if number and int(number[1]) == found.rank:
            return start, end
        if beginning is None and not re.search(r"\w\W+\w", before):
            beginning = start, end
    return beginning or found.spans[0]


# -- the list


@dataclass(frozen=True)
class Card:
    """One sample as the list shows it. ``about``: what its answer says of the brand that the list is about."""

    row: SampleRow
    prompt: str
    excerpt: Markup | None
    about: BrandFinding | None
    evidence: Sequence[Markup]
    strength: str | None


def _card(
    words: Words, found: Execution, wanted: SampleFilter, row: SampleRow, text: str | None, said: Sequence[BrandFinding]
) -> Card:
    name = wanted.brand or found.plan.subject.name
    about = next((each for each in said if each.brand == name), None)
    marked = [each for each in highlights_of(words, found.plan, text or "", said) if each.element == "mark"]
    spans = [*about.spans, *about.doubtful, *about.elsewhere] if about else []
    spans = spans or [span for each in said for span in each.spans[:1]]
    focus = min(spans)[0] if spans else 0
    evidence = about.evidence if about and about.sentiment else ()
    return Card(
        row,
        found.plan.prompts[row.prompt_no - 1],
        markup.excerpt(text, marked, focus) if text else None,
        about if about and about.named else None,
        [_sentence(text, start, end) for start, end in evidence[:2]] if text else [],
        strength_words(words, about.strength) if about and about.named else None,
    )


def _sentence(text: str, start: int, end: int) -> Markup:
    return markup.excerpt(text[start:end], (), 0, after=_EVIDENCE_CHARS)


def _given(visit: Visit) -> dict[str, str]:
    """The filters as the address has them, those that say something."""
    names = {parameter.name for parameter in FORM_LISTING}
    return {name: text for name, text in visit.request.query_params.items() if name in names and text.strip()}


@operation(
    Operation(
        "A page of the answers behind a number",
        "pages",
        "read",
        {200: PAGE},
        parameters=(EXECUTION_ID, *FORM_LISTING, AFTER, BEFORE),
    )
)
def show_answers(visit: Visit) -> Response:
    """The samples that the parameters ask for, as /api/executions/{id}/samples lists them, with their mentions."""
    given, words = _given(visit), words_for(visit.request)
    after, before = visit.given["after"], visit.given["before"]
    with visit.desk.database.read() as db:
        found = store.execution(db, execution_id_of(visit), owner=visit.caller.owner)
        wanted = read_listing(db, found, visit.given)
        rows = store.list_samples(db, found.execution_id, replace(wanted, after=after, before=before), SHOWN + 1)
        more = len(rows) > SHOWN
        rows = rows[-SHOWN:] if before else rows[:SHOWN]
        ids = [row.sample_id for row in rows if row.kind is not None]
        texts = {each.sample_id: each.answer.text for each in store.answers_of(db, found.execution_id, ids)}
        said = store.brand_findings(db, ids)
        total = store.count_samples(db, found.execution_id, wanted)
        place = SampleFilter(engine=wanted.engine, prompt_no=wanted.prompt_no, repeat_no=wanted.repeat_no)
        about_answers = _about_answers(wanted)
        of_usable = about_answers and wanted.outcome in (None, "usable")
        whole = replace(place, outcome="usable") if of_usable else place
        of = total if whole == wanted else store.count_samples(db, found.execution_id, whole)
    return page(
        visit,
        "answers.html",
        found=found,
        wanted=wanted,
        given=given,
        total=total,
        of=of,
        of_usable=of_usable,
        about_answers=about_answers,
        clauses=clauses(words, wanted, given),
        places=places(words, wanted),
        cards=[_card(words, found, wanted, row, texts.get(row.sample_id), said.get(row.sample_id, ())) for row in rows],
        findings=[
            (each, finding_words(words, each, wanted.brand or found.plan.subject.name)) for each in store.FINDINGS
        ],
        outcomes=[(each, outcome_words(words, each)) for each in store.OUTCOMES],
        term=words.term,
        previous=rows[0].sample_id if rows and (more if before else after > 0) else None,
        following=rows[-1].sample_id if rows and (more or before) else None,
    )


def _about_answers(wanted: SampleFilter) -> bool:
    """Whether a filter is about what answers say, so that it is about usable ones alone."""
    return bool(
        wanted.brand
        or wanted.findings
        or wanted.domain
        or wanted.source_class
        or wanted.unowned
        or wanted.retrieved
        or wanted.sample_ids is not None
    )


# -- one answer


@dataclass(frozen=True)
class Source:
    """One source of an answer: its address as a link, None where it is none to be followed."""

    finding: CitationFinding
    link: Address | None


@operation(
    Operation(
        "A page for one answer",
        "pages",
        "read",
        {200: PAGE},
        parameters=(EXECUTION_ID, SAMPLE_ID, *FORM_LISTING, BODY),
    )
)
def show_answer_page(visit: Visit) -> Response:
    """The text with what was found in it, its sources, how it was asked, and the answers beside it in the same list."""
    given, words, sample_id = _given(visit), words_for(visit.request), sample_id_of(visit)
    with visit.desk.database.read() as db:
        found = store.execution(db, execution_id_of(visit), owner=visit.caller.owner)
        wanted = read_listing(db, found, visit.given)
        evidence = store.evidence(db, found.execution_id, sample_id)
        beside = store.neighbours(db, found.execution_id, wanted, sample_id)
        body = _body(db, found, sample_id) if visit.given["body"] else None
    text, findings = evidence.answer.text, evidence.findings
    said = findings.brands if findings else ()
    marked = highlights_of(words, found.plan, text, said)
    declined = findings is not None and findings.answer_type in UNUSABLE
    return page(
        visit,
        "answer.html",
        found=found,
        evidence=evidence,
        answer=evidence.answer,
        given=given,
        beside=beside,
        engine=next(engine for engine in found.plan.engines if engine.engine == evidence.engine),
        prompt=found.plan.prompts[evidence.prompt_no - 1],
        usable=evidence.answer.kind == AnswerKind.OK and findings is not None and not declined,
        declined=declined,
        rendered=markup.rendered(text[:MOST_TEXT_CHARS], marked, table=words.say("Table")),
        raw=markup.raw(text[:MOST_TEXT_CHARS], marked),
        cut=len(text) > MOST_TEXT_CHARS,
        brands=_rows(found.plan, said),
        strength=lambda strength: strength_words(words, strength),
        term=words.term,
        sources=_sources(findings, evidence.answer.citations),
        cost_basis=_basis(words, evidence.answer.cost_basis),
        clauses=[*clauses(words, wanted, given), *places(words, wanted)],
        sent=_pretty(evidence.request) if evidence.request else None,
        body=body,
    )


def _rows(plan: Plan, said: Iterable[BrandFinding]) -> list[tuple[int, BrandFinding]]:
    """The brands in the plan's order, with the number that each is marked by."""
    by_name = {each.brand: each for each in said}
    return [(n, by_name[brand.name]) for n, brand in enumerate(plan.brands, 1) if brand.name in by_name]


def _sources(findings: Findings | None, reported: Sequence[Citation]) -> list[Source]:
    """Its sources as they were read; as its provider reported them, while it is not analyzed."""
    found = (
        findings.citations
        if findings
        else [CitationFinding(each.url, each.url, "", each.title, each.cited, via=each.via) for each in reported]
    )
    return [Source(each, markup.address(each.url)) for each in found]


def _basis(words: Words, basis: str) -> str:
    """Where a cost is from."""
    if basis.startswith("table "):
        return words.say("list price of {dated}", dated=basis.removeprefix("table "))
    told = {
        "reported": words.say("reported by the provider"),
        "unknown": words.say("the provider reported no cost, and no price is known"),
        "imported": words.say("imported: not asked here"),
        "taken over": words.say("taken over: paid for at its first execution"),
    }
    return told.get(basis, basis)


@dataclass(frozen=True)
class Body:
    """A reply's body as text, and whether there is more of it."""

    text: Markup
    cut: bool


def _body(db: store.Transaction, found: Execution, sample_id: int) -> Body | None:
    """The body that the provider sent, JSON indented; None where none is kept."""
    try:
        sent = store.raw_body(db, found.execution_id, sample_id)
    except NotFound:
        return None
    text = _readable(sent)
    return Body(markup.raw(text[:MOST_BODY_CHARS]), len(text) > MOST_BODY_CHARS)


def _readable(sent: bytes) -> str:
    try:
        return _pretty(json.loads(sent))
    except (ValueError, RecursionError):
        # a stream of events, or no text at all; no character takes more than four bytes
        return sent[: 4 * MOST_BODY_CHARS + 4].decode("utf-8", "replace")


def _pretty(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)
