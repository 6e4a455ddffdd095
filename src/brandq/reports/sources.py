"""The report's sources: which pages the usable answers give, whose they are, who speaks there, and who reported them.

A page counts once per answer, in whatever spelling. It is given where the answer cites it, or where it cannot be told
whether the answer cites it or only retrieved it; what was only retrieved is counted apart. A page that stands only in
the answer's text is given too, and counted as such: the provider did not report it, so nobody saw the engine read it.

Numbers are pooled over all prompts and engines, and their intervals are those of the estimand, as for mentions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from brandq.analysis.citations import IN_TEXT, best_spelling, page_key
from brandq.analysis.findings import CitationFinding, SourceClass
from brandq.measures.rates import absent
from brandq.plan import Brand, Plan
from brandq.reports.pooling import Pool, estimand_of
from brandq.reports.usable import Groups, Usable

#: a report stays readable and small; what is left out is counted
MOST_DOMAINS = 200
MOST_PAGES = 5

Document = dict[str, Any]

_NO_DOMAIN = "no domain of this brand is in the plan"
_NO_COMPETITOR = "no domain of a competitor is in the plan"
_CLASSES = {str(source_class): n for n, source_class in enumerate(SourceClass)}


def sources_section(plan: Plan, groups: Groups) -> Document:
    """The section over all usable answers of this plan. The same answers, in the same order, give the same document."""
    usable, reason, _ = groups.at(None, None)
    estimand = estimand_of(len(plan.prompts), len(plan.engines))
    answers = [_Given(answer) for answer in usable]
    pool = Pool(answers, lambda answer: answer.stratum, estimand)
    rows = sorted(_by_domain(answers).items(), key=_most_given_first)
    unsourced = reason or f"none of the {len(answers)} usable answers gives a source"
    return {
        "with_sources": pool.rate(lambda answer: bool(answer.pages), "sourced_rate", reason),
        "text_only_share": pool.share(
            lambda answer: (sum(map(_in_text, answer.pages)), len(answer.pages)), "text_only_share", unsourced
        ),
        "counts": _counts(answers),
        "by_class": _by_class(pool, plan, unsourced),
        "subject": _subject(pool, plan.subject, reason, unsourced),
        "named_and_cited": [_named_and_cited(pool, brand, reason) for brand in plan.brands if brand.domains],
        "domains": [_domain(key, found, pool) for key, found in rows[:MOST_DOMAINS]],
        "domains_left_out": max(0, len(rows) - MOST_DOMAINS),
    }


class _Given:
    """A usable answer with the pages that it gives as sources, those that it only retrieved left out."""

    def __init__(self, usable: Usable) -> None:
        self.stratum = usable.stratum
        self.every = usable.sample.citations
        self.pages = [citation for citation in self.every if citation.cited is not False]
        self.classified = [citation for citation in self.pages if citation.source_class in _CLASSES]
        self.owners = frozenset(citation.owner for citation in self.pages)
        self.named = frozenset(name for name, finding in usable.brands.items() if finding.named)


_DomainKey = tuple[str, str | None]
#: by the answer's number, what it has of one domain
_Found = dict[int, list[CitationFinding]]


def _in_text(citation: CitationFinding) -> bool:
    return citation.via == IN_TEXT


def _counts(answers: Sequence[_Given]) -> Document:
    """Pages and domains over all answers, each counted once however many answers have it.

    ``citations`` counts a page once per answer; ``only_in_text`` and ``unclassified`` are some of them.
    """
    given = [citation for answer in answers for citation in answer.pages]
    every = [citation for answer in answers for citation in answer.every]
    pages = {page_key(citation.canonical_url) for citation in given}
    return {
        "citations": len(given),
        "only_in_text": sum(map(_in_text, given)),
        "unclassified": len(given) - sum(len(answer.classified) for answer in answers),
        "pages": len(pages),
        "pages_only_retrieved": len({page_key(citation.canonical_url) for citation in every} - pages),
        "domains": len({citation.domain for citation in given}),
        "domains_only_retrieved": len(
            {citation.domain for citation in every} - {citation.domain for citation in given}
        ),
    }


def _by_class(pool: Pool[_Given], plan: Plan, unsourced: str) -> dict[str, Document]:
    """Each class's share of the given pages, which sum to 1, and the rate of answers with at least one of them.

    Where no domain in the plan could make a page owned, or a competitor's, that class is null: such pages, if there are
    any, stand among the others.
    """
    reasons = {
        SourceClass.OWNED: "" if plan.subject.domains else _NO_DOMAIN,
        SourceClass.COMPETITOR: "" if any(brand.domains for brand in plan.brands[1:]) else _NO_COMPETITOR,
    }
    return {str(each): _class_numbers(pool, str(each), reasons.get(each, ""), unsourced) for each in SourceClass}


def _class_numbers(pool: Pool[_Given], source_class: str, reason: str, unsourced: str) -> Document:
    if reason:
        return {"share": absent(reason), "answers": absent(reason)}

    def pages(answer: _Given) -> tuple[int, int]:
        own = sum(citation.source_class == source_class for citation in answer.classified)
        return own, len(answer.classified)

    return {
        "share": pool.share(pages, "class_share", unsourced),
        "answers": pool.rate(lambda answer: pages(answer)[0] > 0, "class_rate", unsourced),
    }


def _subject(pool: Pool[_Given], subject: Brand, reason: str, unsourced: str) -> Document:
    """How often the subject's own pages are given, and what part of all given pages they are."""
    if not subject.domains:
        return {"brand": subject.name, "citation_rate": absent(_NO_DOMAIN), "citation_share": absent(_NO_DOMAIN)}

    def own(answer: _Given) -> tuple[int, int]:
        return sum(citation.owner == subject.name for citation in answer.pages), len(answer.pages)

    return {
        "brand": subject.name,
        "citation_rate": pool.rate(lambda answer: subject.name in answer.owners, "owned_citation_rate", reason),
        "citation_share": pool.share(own, "owned_citation_share", unsourced),
    }


def _named_and_cited(pool: Pool[_Given], brand: Brand, reason: str) -> Document:
    """The usable answers by whether they name the brand and whether they give a page of its own: four that sum."""
    counted = Counter((brand.name in answer.named, brand.name in answer.owners) for answer in pool.answers)

    def unnamed(answer: _Given) -> bool:
        return brand.name in answer.owners and brand.name not in answer.named

    pages = [page for answer in pool.answers if unnamed(answer) for page in answer.pages if page.owner == brand.name]
    return {
        "brand": brand.name,
        "usable": len(pool.answers),
        "named_and_cited": counted[True, True],
        "named_not_cited": counted[True, False],
        "cited_not_named": counted[False, True],
        "neither": counted[False, False],
        "cited_not_named_rate": pool.rate(unnamed, "cited_not_named_rate", reason),
        "cited_not_named_pages": _most_given_pages(pages),
    }


def _by_domain(answers: Sequence[_Given]) -> dict[_DomainKey, _Found]:
    domains: dict[_DomainKey, _Found] = {}
    for number, answer in enumerate(answers):
        for citation in answer.every:
            found = domains.setdefault((citation.domain, citation.owner), {})
            found.setdefault(number, []).append(citation)
    return domains


def _most_given_first(row: tuple[_DomainKey, _Found]) -> tuple[int, int, str, str]:
    (domain, owner), found = row
    given = sum(any(citation.cited is not False for citation in citations) for citations in found.values())
    return -given, given - len(found), domain, owner or ""


def _domain(key: _DomainKey, found: _Found, pool: Pool[_Given]) -> Document:
    """One domain: in how many answers, what class its pages have, and whether any provider reported one of them."""
    every = [citation for citations in found.values() for citation in citations]
    given = {
        number for number, citations in found.items() if any(citation.cited is not False for citation in citations)
    }
    retrieved = found.keys() - given
    verdicts = {citation.cited for citation in every}
    # by the answers' numbers, for hundreds of domains are looked up in all of them
    strata = [answer.stratum for answer in pool.answers]
    numbers = Pool(range(len(strata)), strata.__getitem__, pool.estimand)
    classes = _classes(every)
    return {
        "domain": key[0],
        "owner": key[1],
        "source_class": next(iter(classes), None),
        "classes": classes,
        "cited": "cited" if True in verdicts else "unknown" if None in verdicts else "only retrieved",
        "only_in_text": all(map(_in_text, every)),
        "answers": numbers.rate(given.__contains__, "citation_rate", ""),
        "only_retrieved": numbers.rate(retrieved.__contains__, "retrieval_rate", ""),
        "pages": len({page_key(citation.canonical_url) for citation in every}),
        "most_given_pages": _most_given_pages(every),
    }


def _classes(citations: Iterable[CitationFinding]) -> dict[str, int]:
    """How many citations of each class, the commonest first: qq.com is press and the accounts of anybody."""
    counted = Counter(citation.source_class for citation in citations if citation.source_class in _CLASSES)
    known: Mapping[str, int] = {str(name): n for name, n in counted.items()}
    return {name: known[name] for name in sorted(known, key=lambda name: (-known[name], _CLASSES[name]))}


def _most_given_pages(citations: Iterable[CitationFinding]) -> list[str]:
    spellings: dict[str, list[str]] = {}
    for citation in citations:
        spellings.setdefault(page_key(citation.canonical_url), []).append(citation.canonical_url)
    ordered = sorted(spellings, key=lambda key: (-len(spellings[key]), key))
    return [best_spelling(spellings[key]) for key in ordered[:MOST_PAGES]]
