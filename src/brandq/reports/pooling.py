"""Pooling: the numbers over some of an execution's answers, each with the interval of what it speaks of.

Several prompts are a sample of what people ask (market); one prompt over its engines is itself (panel); one prompt on
one engine is a cell, whose answers are independent draws.

Answers come counted: one ``Counts`` per prompt and engine, so that the work grows with these and not with the answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, repeat
from typing import Literal

from brandq.measures.counting import Cluster
from brandq.measures.rates import (
    Estimand,
    Number,
    Pooled,
    average_over,
    cell_rate,
    mean,
    mean_rank_over,
    rate,
    rate_over_prompts,
    rate_over_strata,
    share_over,
)

SINGLE: Literal["cell"] = "cell"

#: (numerator, denominator) of an answer, and how many answers have it; for a mean, the value and 1
Spread = Mapping[tuple[float, int], int]


def estimand_of(prompts: int, engines: int) -> Estimand | Literal["cell"]:
    """What numbers over the answers to so many prompts by so many engines speak of."""
    if prompts > 1:
        return "market"
    return "panel" if engines > 1 else SINGLE


@dataclass(frozen=True)
class Counts:
    """The usable answers to one prompt by one engine: how many there are of each kind, and how some values spread."""

    prompt_no: int
    engine: str
    kinds: Mapping[str, int]
    spreads: Mapping[str, Spread] = field(default_factory=dict)


@dataclass(frozen=True)
class Pool:
    """Counted answers in the order of prompts and engines, and what numbers over them speak of."""

    strata: Sequence[Counts]
    estimand: Estimand | Literal["cell"]

    def total(self, kind: str) -> int:
        """How many answers are of this kind."""
        return sum(one.kinds[kind] for one in self.strata)

    def rate(self, kind: str, among: str, definition: str, reason: str) -> Number:
        """The proportion of answers of one kind among those of another."""
        if self.estimand == "market":
            counts = [(each[kind], each[among]) for each in self._prompts.values() if each[among]]
            return rate_over_prompts(counts, definition, reason)
        return self._rate([(one, one.kinds[kind], one.kinds[among]) for one in self.strata], definition, reason)

    def rate_of(self, seen: Mapping[tuple[int, str], int], among: str, definition: str, reason: str) -> Number:
        """The proportion of answers that were counted elsewhere, by prompt and engine."""
        if self.estimand == "market":
            by_prompt: Counter[int] = Counter()
            for (prompt_no, _), k in seen.items():
                by_prompt[prompt_no] += k
            counts = [(by_prompt[no], each[among]) for no, each in self._prompts.items() if each[among]]
            return rate_over_prompts(counts, definition, reason)
        rows = [(one, seen.get((one.prompt_no, one.engine), 0), one.kinds[among]) for one in self.strata]
        return self._rate(rows, definition, reason)

    def _rate(self, rows: Iterable[tuple[Counts, int, int]], definition: str, reason: str) -> Number:
        told = [row for row in rows if row[2]]
        if self.estimand == SINGLE and told:
            one, k, n = told[0]
            return cell_rate(Cluster(one.prompt_no, k, n, one.engine), definition, reason)
        prompts = len({one.prompt_no for one, _, _ in told})
        return rate_over_strata([(k, n) for _, k, n in told], prompts, definition, reason)

    def share(self, spread: str, definition: str, reason: str) -> Number:
        """Numerators over denominators, added over the answers."""
        if self.estimand == SINGLE:
            pairs = _expanded(_merged(one.spreads[spread] for one in self.strata))
            k, n = sum(int(above) for above, _ in pairs), sum(below for _, below in pairs)
            return _single(rate(k, n, definition, reason))
        return share_over(self._pooled(spread), self.estimand, definition, reason)

    def mean(self, spread: str, definition: str, reason: str, *, least: float = 0.0, most: float = 1.0) -> Number:
        """The mean of a value between ``least`` and ``most``."""
        if self.estimand == SINGLE:
            number = mean(self._values(spread), definition, reason, least=least)
            if number.get("high") is not None:
                number["high"] = min(most, number["high"])
            return _single(number)
        return average_over(self._pooled(spread), self.estimand, definition, reason, least=least, most=most)

    def mean_place(self, spread: str, among: str, definition: str, reason: str) -> Number:
        """The mean of the places, over the answers that give one; ``among``: all that might."""
        if self.estimand == SINGLE:
            return _single(mean(self._values(spread), definition, reason, least=1.0))
        return mean_rank_over(self._pooled(spread), self.total(among), self.estimand, definition, reason)

    @cached_property
    def _prompts(self) -> Mapping[int, Mapping[str, int]]:
        """The counts of each prompt over its engines."""
        found: dict[int, dict[str, int]] = {}
        for one in self.strata:
            before = found.get(one.prompt_no)
            if before is None:
                found[one.prompt_no] = dict(one.kinds)
            else:
                for kind, count in one.kinds.items():
                    before[kind] += count
        return found

    def _values(self, spread: str) -> list[float]:
        return [value for value, _ in _expanded(_merged(one.spreads[spread] for one in self.strata))]

    def _pooled(self, spread: str) -> Pooled:
        prompts: dict[int, list[Spread]] = {}
        for one in self.strata:
            prompts.setdefault(one.prompt_no, []).append(one.spreads[spread])
        totals = [_total(spreads[0] if len(spreads) == 1 else _merged(spreads)) for spreads in prompts.values()]

        def pairs() -> list[list[tuple[float, int]]]:
            return [
                _expanded(one.spreads[spread])
                for one in self.strata
                if any(below > 0 for _, below in one.spreads[spread])
            ]

        return Pooled([(above, below) for above, below in totals if below > 0], pairs)


def _merged(spreads: Iterable[Spread]) -> Spread:
    found: dict[tuple[float, int], int] = {}
    for spread in spreads:
        for pair, times in spread.items():
            found[pair] = found.get(pair, 0) + times
    return found


def _expanded(spread: Spread) -> list[tuple[float, int]]:
    """The pair of each answer, in ascending order."""
    return list(chain.from_iterable(repeat(pair, times) for pair, times in sorted(spread.items())))


def _total(spread: Spread) -> tuple[float, int]:
    below = sum(denominator * times for (_, denominator), times in spread.items())
    if all(isinstance(numerator, int) for numerator, _ in spread):
        return sum(numerator * times for (numerator, _), times in spread.items()), below
    # fractions are added one after the other in ascending order, so that rounding is the same everywhere
    return sum(numerator for numerator, _ in _expanded(spread)), below


def _single(number: Number) -> Number:
    return number if number["value"] is None else {**number, "estimand": SINGLE, "prompts": 1}
