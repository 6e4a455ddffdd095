"""Pooling: the numbers over some of an execution's answers, each with the interval of what it speaks of.

Several prompts are a sample of what people ask (market); one prompt over its engines is itself (panel); one prompt on
one engine is a cell, whose answers are independent draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeVar

from brandq.measures.counting import Places, gather, tally
from brandq.measures.rates import (
    Estimand,
    Number,
    average,
    cell_rate,
    market_rate,
    mean,
    mean_rank,
    panel_rate,
    rate,
    share,
)

T = TypeVar("T")

SINGLE: Literal["cell"] = "cell"


def estimand_of(prompts: int, engines: int) -> Estimand | Literal["cell"]:
    """What numbers over the answers to so many prompts by so many engines speak of."""
    if prompts > 1:
        return "market"
    return "panel" if engines > 1 else SINGLE


@dataclass(frozen=True)
class Pool(Generic[T]):
    """Usable answers, and where each belongs: its prompt and its engine."""

    answers: Sequence[T]
    stratum: Callable[[T], tuple[int, str]]
    estimand: Estimand | Literal["cell"]

    def where(self, counts: Callable[[T], bool]) -> Pool[T]:
        """The answers that count alone."""
        return replace(self, answers=[answer for answer in self.answers if counts(answer)])

    def rate(self, counts: Callable[[T], bool], definition: str, reason: str) -> Number:
        """The proportion of answers that count."""
        clusters = tally((*self.stratum(answer), counts(answer)) for answer in self.answers)
        if self.estimand == "market":
            return market_rate(clusters, definition, reason)
        if self.estimand == "panel" or not clusters:
            return panel_rate(clusters, definition, reason)
        return cell_rate(clusters[0], definition, reason)

    def share(self, parts: Callable[[T], tuple[int, int]], definition: str, reason: str) -> Number:
        """Numerators over denominators, as ``parts`` gives them for an answer."""
        if self.estimand == SINGLE:
            sums = [sum(side) for side in zip(*(parts(answer) for answer in self.answers), strict=True)] or [0, 0]
            return _single(rate(sums[0], sums[1], definition, reason))
        return share(
            gather((*self.stratum(answer), *parts(answer)) for answer in self.answers),
            self.estimand,
            definition,
            reason,
        )

    def mean(
        self, value: Callable[[T], float], definition: str, reason: str, *, least: float = 0.0, most: float = 1.0
    ) -> Number:
        """The mean of a value between ``least`` and ``most``."""
        if self.estimand == SINGLE:
            number = mean([value(answer) for answer in self.answers], definition, reason, least=least)
            if number.get("high") is not None:
                number["high"] = min(most, number["high"])
            return _single(number)
        parts = gather((*self.stratum(answer), float(value(answer)), 1.0) for answer in self.answers)
        return average(parts, self.estimand, definition, reason, least=least, most=most)

    def mean_place(self, place: Callable[[T], int | None], definition: str, reason: str) -> Number:
        """The mean of the places, over the answers that give one."""
        if self.estimand == SINGLE:
            values = [value for answer in self.answers if (value := place(answer)) is not None]
            return _single(mean(values, definition, reason, least=1.0))
        strata: dict[tuple[int, str], list[int | None]] = {}
        for answer in self.answers:
            strata.setdefault(self.stratum(answer), []).append(place(answer))
        places = [Places(prompt_no, tuple(ranks), engine) for (prompt_no, engine), ranks in strata.items()]
        return mean_rank(places, self.estimand, definition, reason)


def _single(number: Number) -> Number:
    return number if number["value"] is None else {**number, "estimand": SINGLE, "prompts": 1}
