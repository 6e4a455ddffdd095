"""Pages: which ones answers give as sources, counted by domain while the answers go by; no citation is kept.

A page is kept once in its best spelling, and of each answer with a page of a domain four bytes.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from brandq.analysis.citations import IN_TEXT, best_spelling, page_key
from brandq.analysis.findings import CitationFinding, SourceClass
from brandq.plan import Plan

#: the classes, in the order of the document
CLASSES = tuple(map(str, SourceClass))

_NUMBERS = {name: n for n, name in enumerate(CLASSES)}
#: answers to one prompt give the same pages again and again
_key = lru_cache(maxsize=8192)(page_key)


class Given(NamedTuple):
    """The pages that one answer gives: how many in all, in its text alone, of the subject's own, and of each class."""

    pages: int = 0
    in_text: int = 0
    own: int = 0
    classes: tuple[int, ...] = (0,) * len(CLASSES)


class Spellings:
    """Pages, each with how often it was given and the best of its spellings."""

    def __init__(self) -> None:
        self._counted: dict[str, int] = {}
        self._best: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._counted)

    def add(self, key: str, canonical_url: str) -> None:
        before = self._best.get(key)
        self._counted[key] = self._counted.get(key, 0) + 1
        if before is None:
            self._best[key] = canonical_url
        elif before != canonical_url:
            self._best[key] = best_spelling((before, canonical_url))

    def most_given(self, most: int) -> list[str]:
        ordered = sorted(self._counted, key=lambda key: (-self._counted[key], key))
        return [self._best[key] for key in ordered[:most]]


class Domain:
    """The pages of one domain and one owner. ``given`` and ``retrieved``: the stratum of each answer that has some."""

    def __init__(self) -> None:
        self.given = array("I")
        self.retrieved = array("I")
        self.classes: Counter[str] = Counter()
        self.verdicts: set[bool | None] = set()
        self.only_in_text = True
        self.pages = Spellings()


class Pages:
    """All that answers give as sources, and what they only retrieved."""

    def __init__(self, plan: Plan) -> None:
        self._subject = plan.subject.name
        self.domains: dict[tuple[str, str | None], Domain] = {}
        #: pages and domains, and whether any answer gives them
        self.pages: dict[str, bool] = {}
        self.sites: dict[str, bool] = {}
        #: own pages of a brand in answers that do not name it
        self.unnamed = {brand.name: Spellings() for brand in plan.brands if brand.domains}

    def add(self, citations: Sequence[CitationFinding], named: Collection[str], stratum: int) -> Given:
        """Count the sources of one usable answer, which names these brands, to its stratum's number."""
        if not citations:
            return Given()
        found: dict[tuple[str, str | None], bool] = {}
        pages = in_text = own = 0
        classes = [0] * len(CLASSES)
        for citation in citations:
            given = citation.cited is not False
            key = _key(citation.canonical_url)
            self.pages[key] = self.pages.get(key, False) or given
            self.sites[citation.domain] = self.sites.get(citation.domain, False) or given
            place = citation.domain, citation.owner
            found[place] = found.get(place, False) or given
            self._add_to_domain(place, key, citation)
            if not given:
                continue
            pages += 1
            in_text += citation.via == IN_TEXT
            own += citation.owner == self._subject
            if citation.source_class in _NUMBERS:
                classes[_NUMBERS[citation.source_class]] += 1
            if citation.owner in self.unnamed and citation.owner not in named:
                self.unnamed[citation.owner].add(key, citation.canonical_url)
        for place, given in found.items():
            domain = self.domains[place]
            (domain.given if given else domain.retrieved).append(stratum)
        return Given(pages, in_text, own, tuple(classes))

    def _add_to_domain(self, place: tuple[str, str | None], key: str, citation: CitationFinding) -> None:
        domain = self.domains.get(place)
        if domain is None:
            domain = self.domains[place] = Domain()
        if citation.source_class in _NUMBERS:
            domain.classes[citation.source_class] += 1
        domain.verdicts.add(citation.cited)
        if citation.via != IN_TEXT:
            domain.only_in_text = False
        domain.pages.add(key, citation.canonical_url)


def classes_told(counted: Mapping[str, int]) -> dict[str, int]:
    """How many citations of each class, the commonest first: qq.com is press and the accounts of anybody."""
    return {name: counted[name] for name in sorted(counted, key=lambda name: (-counted[name], _NUMBERS[name]))}
