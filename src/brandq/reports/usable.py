"""Usable: whose answers enter denominators, and what became of the others."""

from __future__ import annotations

from collections.abc import Mapping

from brandq.analysis.findings import UNUSABLE, AnswerType
from brandq.measures.rates import Number, rate
from brandq.providers.dialect import AnswerKind
from brandq.reports.facts import SampleFacts
from brandq.states import SampleState

#: what a sample can come to, in the order of the document
OUTCOMES = (*(str(kind) for kind in AnswerKind), "failed", "cancelled", "open")

#: how many samples came to each outcome
Outcomes = Mapping[str, int]


def is_usable(sample: SampleFacts) -> bool:
    """Whether the sample's answer enters denominators: it came whole, and neither declines nor is an error's text."""
    return sample.state == SampleState.ANALYZED and sample.kind == AnswerKind.OK and sample.answer_type not in UNUSABLE


def outcome_of(sample: SampleFacts) -> str:
    """What became of a sample, one of OUTCOMES; ok is usable.

    An answer that declines in its words is refused, one that is an error's text failed, whatever its provider said.
    """
    if sample.state == SampleState.ANALYZED and sample.kind is not None:
        if sample.kind == AnswerKind.OK and sample.answer_type in UNUSABLE:
            return str(AnswerKind.REFUSED) if sample.answer_type == AnswerType.REFUSAL else "failed"
        return str(sample.kind)
    if sample.state in {SampleState.FAILED, SampleState.CANCELLED}:
        return str(sample.state)
    return "open"


def outcomes(counted: Outcomes) -> dict[str, int]:
    return {name: counted.get(name, 0) for name in OUTCOMES}


def usable(counted: Outcomes) -> int:
    return counted.get(AnswerKind.OK, 0)


def coverage(counted: Outcomes, reason: str = "no sample was planned") -> Number:
    """Every planned sample has a row, whatever became of it, so what was planned is counted and not multiplied."""
    return rate(usable(counted), sum(counted.values()), "coverage", reason)


def came_to(counted: Outcomes, outcome: str, definition: str) -> Number:
    """The rate of samples that came to this outcome, of those planned."""
    return rate(counted.get(outcome, 0), sum(counted.values()), definition, "no sample was planned")


def unusable_because(counted: Outcomes) -> str:
    """Why there is no usable answer among these, counted in words."""
    words = [f"{count} {name}" for name, count in outcomes(counted).items() if count and name != AnswerKind.OK]
    return f"no usable answer ({', '.join(words) or 'nothing was asked'})"
