"""The report's sources: which pages the usable answers give, whose they are, who speaks there, and who reported them.

A page counts once per answer, in whatever spelling. It is given where the answer cites it, or where it cannot be told
whether the answer cites it or only retrieved it; what was only retrieved is counted apart. A page that stands only in
the answer's text is given too, and counted as such: the provider did not report it, so nobody saw the engine read it.

Numbers are pooled over all prompts and engines, and their intervals are those of the estimand, as for mentions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from brandq.analysis.findings import SourceClass
from brandq.measures.rates import absent
from brandq.plan import Brand, Plan
from brandq.reports.pages import CLASSES, Domain, Pages, classes_told
from brandq.reports.pooling import Counts, Pool, estimand_of
from brandq.reports.tallies import Group, Place, Stratum, Tallies

#: a report stays readable and small; what is left out is counted
MOST_DOMAINS = 200
MOST_PAGES = 5

Document = dict[str, Any]

_NO_DOMAIN = "no domain of this brand is in the plan"
_NO_COMPETITOR = "no domain of a competitor is in the plan"


def sources_section(plan: Plan, tallies: Tallies, group: Group) -> Document:
    """The section over all usable answers of this plan, which are the ``group``'s."""
    reason, pages = group.reason, tallies.pages
    strata = [_counted(place, tallies.strata[place]) for place in group.places]
    pool = Pool(strata, estimand_of(len(plan.prompts), len(plan.engines)))
    rows = sorted(pages.domains.items(), key=_most_given_first)
    places = {stratum.number: place for place, stratum in tallies.strata.items()}
    unsourced = reason or f"none of the {pool.total('usable')} usable answers gives a source"
    return {
        "with_sources": pool.rate("sourced", "usable", "sourced_rate", reason),
        "text_only_share": pool.share("in_text", "text_only_share", unsourced),
        "counts": _counts(pool, pages),
        "by_class": _by_class(pool, plan, unsourced),
        "subject": _subject(pool, plan.subject, reason, unsourced),
        "named_and_cited": [_named_and_cited(pool, brand, tallies, reason) for brand in plan.brands if brand.domains],
        "domains": [_domain(*key, domain, pool, places) for key, domain in rows[:MOST_DOMAINS]],
        "domains_left_out": max(0, len(rows) - MOST_DOMAINS),
    }


def _counted(place: Place, stratum: Stratum) -> Counts:
    """What the usable answers to one prompt by one engine give as sources."""
    kinds: dict[str, int] = dict.fromkeys(("usable", "sourced", "pages", "in_text", "classified", "own"), 0)
    kinds |= dict.fromkeys(CLASSES, 0)
    spreads: dict[str, dict[tuple[float, int], int]] = {name: {} for name in ("in_text", "own_pages", *CLASSES)}

    def spread(name: str, part: int, whole: int, times: int) -> None:
        spreads[name][part, whole] = spreads[name].get((part, whole), 0) + times

    for given, times in stratum.given.items():
        classified = sum(given.classes)
        kinds["usable"] += times
        kinds["sourced"] += (given.pages > 0) * times
        kinds["pages"] += given.pages * times
        kinds["in_text"] += given.in_text * times
        kinds["classified"] += classified * times
        kinds["own"] += (given.own > 0) * times
        spread("in_text", given.in_text, given.pages, times)
        spread("own_pages", given.own, given.pages, times)
        for name, of_class in zip(CLASSES, given.classes, strict=True):
            kinds[name] += (of_class > 0) * times
            spread(name, of_class, classified, times)
    for name, said in stratum.said.items():
        for kind in _NAMED_AND_CITED:
            kinds[f"{kind} {name}"] = 0
        for one, times in said.items():
            kinds[f"{_kind(named=one.named, cited=one.cited)} {name}"] += times
    return Counts(*place, kinds, spreads)


_NAMED_AND_CITED = ("named_and_cited", "named_not_cited", "cited_not_named", "neither")


def _kind(*, named: bool, cited: bool) -> str:
    return _NAMED_AND_CITED[2 * (not named) + (not cited)]


def _counts(pool: Pool, pages: Pages) -> Document:
    """Pages and domains over all answers, each counted once however many answers have it.

    ``citations`` counts a page once per answer; ``only_in_text`` and ``unclassified`` are some of them.
    """
    given, sites = sum(pages.pages.values()), sum(pages.sites.values())
    return {
        "citations": pool.total("pages"),
        "only_in_text": pool.total("in_text"),
        "unclassified": pool.total("pages") - pool.total("classified"),
        "pages": given,
        "pages_only_retrieved": len(pages.pages) - given,
        "domains": sites,
        "domains_only_retrieved": len(pages.sites) - sites,
    }


def _by_class(pool: Pool, plan: Plan, unsourced: str) -> dict[str, Document]:
    """Each class's share of the given pages, which sum to 1, and the rate of answers with at least one of them.

    Where no domain in the plan could make a page owned, or a competitor's, that class is null: such pages, if there are
    any, stand among the others.
    """
    reasons = {
        SourceClass.OWNED: "" if plan.subject.domains else _NO_DOMAIN,
        SourceClass.COMPETITOR: "" if any(brand.domains for brand in plan.brands[1:]) else _NO_COMPETITOR,
    }
    return {str(each): _class_numbers(pool, str(each), reasons.get(each, ""), unsourced) for each in SourceClass}


def _class_numbers(pool: Pool, source_class: str, reason: str, unsourced: str) -> Document:
    if reason:
        return {"share": absent(reason), "answers": absent(reason)}
    return {
        "share": pool.share(source_class, "class_share", unsourced),
        "answers": pool.rate(source_class, "usable", "class_rate", unsourced),
    }


def _subject(pool: Pool, subject: Brand, reason: str, unsourced: str) -> Document:
    """How often the subject's own pages are given, and what part of all given pages they are."""
    if not subject.domains:
        return {"brand": subject.name, "citation_rate": absent(_NO_DOMAIN), "citation_share": absent(_NO_DOMAIN)}
    return {
        "brand": subject.name,
        "citation_rate": pool.rate("own", "usable", "owned_citation_rate", reason),
        "citation_share": pool.share("own_pages", "owned_citation_share", unsourced),
    }


def _named_and_cited(pool: Pool, brand: Brand, tallies: Tallies, reason: str) -> Document:
    """The usable answers by whether they name the brand and whether they give a page of its own: four that sum."""
    return {
        "brand": brand.name,
        "usable": pool.total("usable"),
        **{kind: pool.total(f"{kind} {brand.name}") for kind in _NAMED_AND_CITED},
        "cited_not_named_rate": pool.rate(f"cited_not_named {brand.name}", "usable", "cited_not_named_rate", reason),
        "cited_not_named_pages": tallies.pages.unnamed[brand.name].most_given(MOST_PAGES),
    }


def _most_given_first(row: tuple[tuple[str, str | None], Domain]) -> tuple[int, int, str, str]:
    (site, owner), domain = row
    return -len(domain.given), -len(domain.retrieved), site, owner or ""


def _domain(site: str, owner: str | None, domain: Domain, pool: Pool, places: Mapping[int, Place]) -> Document:
    """One domain: in how many answers, what class its pages have, and whether any provider reported one of them."""
    given, retrieved = (
        {places[number]: times for number, times in Counter(strata).items()}
        for strata in (domain.given, domain.retrieved)
    )
    classes = classes_told(domain.classes)
    return {
        "domain": site,
        "owner": owner,
        "source_class": next(iter(classes), None),
        "classes": classes,
        "cited": "cited" if True in domain.verdicts else "unknown" if None in domain.verdicts else "only retrieved",
        "only_in_text": domain.only_in_text,
        "answers": pool.rate_of(given, "usable", "citation_rate", ""),
        "only_retrieved": pool.rate_of(retrieved, "usable", "retrieval_rate", ""),
        "pages": len(domain.pages),
        "most_given_pages": domain.pages.most_given(MOST_PAGES),
    }
