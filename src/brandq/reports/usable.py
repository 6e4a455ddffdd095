"""Usable: whose answers enter denominators, what became of the others, and the answers by prompt and engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brandq.analysis.findings import UNUSABLE, AnswerType, BrandFinding
from brandq.measures.rates import Number, rate
from brandq.plan import Plan
from brandq.providers.dialect import AnswerKind
from brandq.reports.facts import SampleFacts
from brandq.states import SampleState

#: what a sample can come to, in the order of the document
OUTCOMES = (*(str(kind) for kind in AnswerKind), "failed", "cancelled", "open")

#: prompt and engine, None for any of them
Place = tuple[int | None, str | None]


def is_usable(sample: SampleFacts) -> bool:
    """Whether the sample's answer enters denominators: it came whole, and neither declines nor is an error's text."""
    return sample.state == SampleState.ANALYZED and sample.kind == AnswerKind.OK and sample.answer_type not in UNUSABLE


def outcome_of(sample: SampleFacts) -> str:
    """What became of a sample, one of OUTCOMES.

    An answer that declines in its words is refused, one that is an error's text failed, whatever its provider said.
    """
    if sample.state == SampleState.ANALYZED and sample.kind is not None:
        if sample.kind == AnswerKind.OK and sample.answer_type in UNUSABLE:
            return str(AnswerKind.REFUSED) if sample.answer_type == AnswerType.REFUSAL else "failed"
        return str(sample.kind)
    if sample.state in {SampleState.FAILED, SampleState.CANCELLED}:
        return str(sample.state)
    return "open"


def outcomes(samples: Iterable[SampleFacts]) -> dict[str, int]:
    counted = Counter(outcome_of(sample) for sample in samples)
    return {name: counted[name] for name in OUTCOMES}


def coverage(samples: Sequence[SampleFacts]) -> Number:
    """Every planned sample has a row, whatever became of it, so what was planned is counted and not multiplied."""
    return rate(sum(is_usable(sample) for sample in samples), len(samples), "coverage", "no sample was planned")


def came_to(samples: Sequence[SampleFacts], outcome: str, definition: str) -> Number:
    """The rate of samples that came to this outcome, of those planned."""
    return rate(
        sum(outcome_of(sample) == outcome for sample in samples), len(samples), definition, "no sample was planned"
    )


def unusable_because(samples: Sequence[SampleFacts]) -> str:
    """Why there is no usable answer among these, counted in words."""
    counted = [f"{count} {name}" for name, count in outcomes(samples).items() if count and name != AnswerKind.OK]
    return f"no usable answer ({', '.join(counted) or 'nothing was asked'})"


@dataclass(frozen=True)
class Usable:
    """A usable answer: what it says of each brand, and how many of the tracked brands it names."""

    sample: SampleFacts
    brands: Mapping[str, BrandFinding]
    named: int

    @property
    def stratum(self) -> tuple[int, str]:
        return self.sample.prompt_no, self.sample.engine


class Groups:
    """The samples by prompt and engine, with None for any: each sample is read once, however many numbers it enters."""

    def __init__(self, samples: Sequence[SampleFacts], plan: Plan) -> None:
        names = {brand.name for brand in plan.brands}
        simulated = {engine.engine for engine in plan.engines if engine.simulated}
        imported = {engine.engine for engine in plan.engines if engine.imported}
        self.samples: dict[Place, list[SampleFacts]] = {}
        self.usable: dict[Place, list[Usable]] = {}
        #: where at least one sample was simulated, or imported
        self.simulated: set[Place] = set()
        self.imported: set[Place] = set()
        for sample in samples:
            places = [(no, engine) for no in (None, sample.prompt_no) for engine in (None, sample.engine)]
            for place in places:
                self.samples.setdefault(place, []).append(sample)
            if sample.simulated or sample.engine in simulated:
                self.simulated.update(places)
            if sample.imported or sample.engine in imported:
                self.imported.update(places)
            if is_usable(sample):
                brands = {finding.brand: finding for finding in sample.brands if finding.brand in names}
                usable = Usable(sample, brands, sum(finding.named for finding in brands.values()))
                for place in places:
                    self.usable.setdefault(place, []).append(usable)

    def at(self, prompt_no: int | None, engine: str | None) -> tuple[list[Usable], str, dict[str, Any]]:
        """The usable answers there, the reason where there is none, and what every block of numbers begins with."""
        place = prompt_no, engine
        usable, samples = self.usable.get(place, []), self.samples.get(place, [])
        reason = "" if usable else unusable_because(samples)
        marks = {
            "simulated": place in self.simulated,
            "imported": place in self.imported,
            "coverage": rate(len(usable), len(samples), "coverage", "no sample was planned here"),
        }
        return usable, reason, marks
