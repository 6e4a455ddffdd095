"""Tallies: all that a report's numbers are made of, counted while the samples go by. No sample is kept.

What is kept grows with the plan (prompts, engines, brands) and with the names and pages that answers give, not with the
answers; but for a few bytes of each, by which it is known where a name or a page was seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from brandq.analysis.findings import RECOMMENDED, AnswerType, BrandFinding
from brandq.measures.trackers import Counted, Namings
from brandq.plan import Plan
from brandq.providers.dialect import AnswerKind
from brandq.reports.candidates import Names
from brandq.reports.facts import SampleFacts
from brandq.reports.pages import Given, Pages
from brandq.reports.usable import coverage, outcome_of, unusable_because, usable

#: prompt and engine
Place = tuple[int, str]


class Said(NamedTuple):
    """What one usable answer says of one brand, as far as numbers are made of it.

    ``named_in_all``: how many of the tracked brands it names. ``cited``: it gives a page of the brand's own.
    ``intercepted``: it recommends another tracked brand and not this one.
    """

    named_in_all: int
    cited: bool
    intercepted: bool
    doubtful: bool = False
    unknown: bool = False
    named: bool = False
    rank: int | None = None
    position: int | None = None
    sentiment: str | None = None
    caveat: bool | None = None
    strength: int | None = None


class Stratum:
    """The samples of one prompt on one engine. ``said`` counts, brand by brand, what the usable answers say."""

    def __init__(self, number: int, brands: Iterable[str]) -> None:
        self.number = number
        self.outcomes: Counter[str] = Counter()
        self.simulated = self.imported = False
        self.said: dict[str, dict[Said, int]] = {brand: {} for brand in brands}
        #: the sets of brands that the usable answers name
        self.named: Counter[frozenset[str]] = Counter()
        #: the sets of brands that they recommend, where they recommend any
        self.recommended: Counter[frozenset[str]] = Counter()
        self.given: Counter[Given] = Counter()


class Failures:
    """Samples that ended with one error. The ``example`` is the first one's that has a message, in the plan's order."""

    def __init__(self) -> None:
        self.samples = 0
        self.example: str | None = None
        self._place: tuple[int, int] = 0, 0

    def add(self, sample: SampleFacts) -> None:
        self.samples += 1
        place = sample.prompt_no, sample.repeat_no
        if sample.error_message and (self.example is None or place < self._place):
            self.example, self._place = sample.error_message, place


class Asked:
    """The samples of one engine: what became of them, how they failed, and what its answers report of themselves."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.simulated = self.imported = 0
        self.failures: dict[str, Failures] = {}
        self.served: Counter[str | None] = Counter()
        self.search: Counter[str] = Counter()

    def add(self, sample: SampleFacts, outcome: str) -> None:
        self.outcomes[outcome] += 1
        self.simulated += sample.simulated
        self.imported += sample.imported
        if sample.error_code is not None:
            self.failures.setdefault(sample.error_code, Failures()).add(sample)
        if sample.kind is None:
            return
        self.served[sample.served_model] += 1
        self.search["answers"] += 1
        if sample.search_requested:
            self.search["requested"] += 1
            self.search[_SEARCH[sample.search_executed]] += 1


_SEARCH = {True: "executed", False: "not_executed", None: "not_reported"}
#: what is counted of searching, in the order of the document
SEARCHES = ("answers", "requested", *_SEARCH.values())


class Costs:
    """What was paid here, by currency and basis: the sum, and of how many answers it is known."""

    def __init__(self) -> None:
        self.answered = self.paid = 0
        self.known: dict[tuple[str, str], tuple[Decimal, int]] = {}

    def add(self, sample: SampleFacts) -> None:
        self.answered += 1
        if sample.taken_over or sample.imported:
            return
        self.paid += 1
        if sample.cost is not None and sample.currency:
            kind = sample.currency, sample.cost_basis or "unknown"
            total, n = self.known.get(kind, (Decimal(0), 0))
            self.known[kind] = total + sample.cost, n + 1


class Tallies:
    """The samples of one execution, counted. Their order changes nothing but which message stands for all."""

    def __init__(self, plan: Plan, samples: Iterable[SampleFacts] = ()) -> None:
        self._brands = tuple(brand.name for brand in plan.brands)
        self._simulated = {engine.engine for engine in plan.engines if engine.simulated}
        self._imported = {engine.engine for engine in plan.engines if engine.imported}
        self._said: dict[Said, Said] = {}
        self.strata: dict[Place, Stratum] = {}
        self.engines: dict[str, Asked] = {}
        self.names = Names()
        self.pages = Pages(plan)
        self.namings = Namings()
        self.costs = Costs()
        self.answer_types: Counter[AnswerType | None] = Counter()
        self.taken_over = self.injection_suspected = 0
        self.first_answer_at: datetime | None = None
        self.last_answer_at: datetime | None = None
        #: why samples have no usable answer, where none has one; and the first message that says more
        self.reasons: Counter[str] = Counter()
        self.message: str | None = None
        for sample in samples:
            self.add(sample)

    @property
    def outcomes(self) -> Counter[str]:
        """What all samples came to."""
        return added(asked.outcomes for asked in self.engines.values())

    def add(self, sample: SampleFacts) -> None:
        outcome = outcome_of(sample)
        stratum = self._stratum(sample)
        stratum.outcomes[outcome] += 1
        asked = self.engines.get(sample.engine)
        if asked is None:
            asked = self.engines[sample.engine] = Asked()
        asked.add(sample, outcome)
        self.taken_over += sample.taken_over
        self.injection_suspected += sample.injection_suspected
        self.reasons[sample.error_code or sample.kind or sample.state] += 1
        self.message = self.message or sample.error_message
        at = sample.answered_at
        if at is not None:
            self.first_answer_at = min(at, self.first_answer_at or at)
            self.last_answer_at = max(at, self.last_answer_at or at)
        if sample.kind is None:
            return
        if sample.kind == AnswerKind.OK:
            self.answer_types[sample.answer_type] += 1
        self.costs.add(sample)
        mentions = {found.brand: found.count if found.known else 0 for found in sample.brands}
        self.namings.add(Counted(mentions, usable=outcome == AnswerKind.OK, prompt_no=sample.prompt_no))
        if outcome == AnswerKind.OK:
            self._add_usable(sample, stratum)

    def _stratum(self, sample: SampleFacts) -> Stratum:
        place = sample.prompt_no, sample.engine
        stratum = self.strata.get(place)
        if stratum is None:
            stratum = self.strata[place] = Stratum(len(self.strata), self._brands)
        stratum.simulated |= sample.simulated or sample.engine in self._simulated
        stratum.imported |= sample.imported or sample.engine in self._imported
        return stratum

    def _add_usable(self, sample: SampleFacts, stratum: Stratum) -> None:
        found = {finding.brand: finding for finding in sample.brands}
        named = frozenset(name for name in self._brands if name in found and found[name].named)
        stratum.named[named] += 1
        stratum.given[self.pages.add(sample.citations, named, stratum.number)] += 1
        self.names.add(sample.prompt_no, sample.engine, sample.repeat_no, sample.candidates)
        recommended = frozenset(name for name in named if (found[name].strength or 0) >= RECOMMENDED)
        if recommended:
            stratum.recommended[recommended] += 1
        cited = {citation.owner for citation in sample.citations if citation.cited is not False}
        for name, counted in stratum.said.items():
            intercepted = bool(recommended) and name not in recommended
            said = _said(found.get(name), len(named), name in cited, intercepted)
            # of the same words one copy is enough
            said = self._said.setdefault(said, said)
            counted[said] = counted.get(said, 0) + 1


def added(counters: Iterable[Mapping[str, int]]) -> Counter[str]:
    whole: Counter[str] = Counter()
    for each in counters:
        whole.update(each)
    return whole


def _said(found: BrandFinding | None, named_in_all: int, cited: bool, intercepted: bool) -> Said:
    if found is None:
        return Said(named_in_all, cited, intercepted)
    doubtful = bool(found.doubtful)
    if found.count == 0 or not found.known:
        return Said(named_in_all, cited, intercepted, doubtful, found.count > 0)
    return Said(
        named_in_all,
        cited,
        intercepted,
        doubtful,
        False,
        True,
        found.rank,
        found.position,
        found.sentiment,
        found.caveat,
        found.strength,
    )


class Group:
    """The strata that some numbers are over, those with usable answers by prompt and engine.

    ``reason`` says why there is no number, where no answer is usable; ``marks`` is what a block of numbers begins with.
    """

    def __init__(self, strata: Mapping[Place, Stratum]) -> None:
        counted = added(stratum.outcomes for stratum in strata.values())
        self.places = [place for place in sorted(strata) if usable(strata[place].outcomes)]
        self.reason = "" if self.places else unusable_because(counted)
        self.marks: dict[str, Any] = {
            "simulated": any(stratum.simulated for stratum in strata.values()),
            "imported": any(stratum.imported for stratum in strata.values()),
            "coverage": coverage(counted, "no sample was planned here"),
        }


class Groups:
    """The strata by prompt and by engine, with None for any."""

    def __init__(self, strata: Mapping[Place, Stratum]) -> None:
        grouped: dict[tuple[int | None, str | None], dict[Place, Stratum]] = {}
        for (prompt_no, engine), stratum in strata.items():
            for place in ((None, None), (None, engine), (prompt_no, None), (prompt_no, engine)):
                grouped.setdefault(place, {})[prompt_no, engine] = stratum
        self._nothing = Group({})
        self._groups = {place: Group(members) for place, members in grouped.items()}

    def at(self, prompt_no: int | None, engine: str | None) -> Group:
        return self._groups.get((prompt_no, engine), self._nothing)
