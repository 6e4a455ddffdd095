"""Stability: how alike the answers are, by the sets of brands that they name.

The likeness of two sets is Jaccard's: brands in both / brands in either (Jaccard 1901). Where both are empty it is not
defined: such a pair says nothing and is left out, and counted; a set against an empty one is 0. Numbers are means over
prompts, each prompt once, so the number of engines and repeats gives no prompt more weight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from statistics import fmean

from brandq.measures.counting import Named, Parts
from brandq.measures.rates import Number, absent, average

#: the sets that answers name, and how many name each
Sets = Counter[frozenset[str]]
#: how many pairs of answers have which likeness, None where it is not defined
Pairs = Counter[float | None]


def jaccard(one: frozenset[str], other: frozenset[str]) -> float | None:
    """Brands in both / brands in either; None where there is no brand in either."""
    either = one | other
    return len(one & other) / len(either) if either else None


def stability(named: Iterable[Named], definition: str = "stability") -> Number:
    """How alike two repeats of one prompt on one engine are: over pairs, then engines, then prompts.

    ``n`` counts the pairs, ``empty_pairs`` those left out. With one repeat there is no pair, and no number. It tells
    sets only, neither order nor words, and brands that are not tracked do not exist for it; fewer tracked brands make
    answers look more alike.
    """
    pairs: dict[int, list[Pairs]] = {}
    for (prompt_no, _), repeats in sorted(_merged(named).items()):
        pairs.setdefault(prompt_no, []).append(_within(repeats))
    return _likeness(pairs, definition, "one repeat has nothing to be compared with")


def agreement(named: Iterable[Named], definition: str = "agreement") -> Number:
    """How alike two engines are on one prompt: every answer of the one with every answer of the other.

    Over pairs of answers, then pairs of engines, then prompts. With one engine there is no number. Read it beside
    ``stability``: engines cannot agree with each other more than each does with itself.
    """
    engines: dict[int, list[Sets]] = {}
    for (prompt_no, _), repeats in sorted(_merged(named).items()):
        engines.setdefault(prompt_no, []).append(repeats)
    pairs = {
        prompt_no: [_between(some, others) for some, others in combinations(every, 2)]
        for prompt_no, every in engines.items()
    }
    return _likeness(pairs, definition, "one engine has nothing to be compared with")


def _merged(named: Iterable[Named]) -> dict[tuple[int, str], Sets]:
    found: dict[tuple[int, str], Sets] = {}
    for each in named:
        found.setdefault((each.prompt_no, each.engine), Counter()).update(each.repeats)
    return found


def _within(repeats: Sets) -> Pairs:
    """Every pair of these answers, those with the same likeness together."""
    found: Pairs = Counter()
    for one, times in repeats.items():
        found[jaccard(one, one)] += times * (times - 1) // 2
    for one, other in combinations(repeats, 2):
        found[jaccard(one, other)] += repeats[one] * repeats[other]
    return found


def _between(some: Sets, others: Sets) -> Pairs:
    """Each of some with each of the others."""
    found: Pairs = Counter()
    for one, times in some.items():
        for other, other_times in others.items():
            found[jaccard(one, other)] += times * other_times
    return found


def _likeness(pairs: Mapping[int, Sequence[Pairs]], definition: str, alone: str) -> Number:
    values: dict[int, float] = {}
    compared = empty = 0
    for prompt_no, groups in pairs.items():
        empty += sum(group[None] for group in groups)
        told = [{each: times for each, times in group.items() if each is not None and times} for group in groups]
        compared += sum(sum(group.values()) for group in told)
        if any(told):
            values[prompt_no] = fmean(_mean(group) for group in told if group)
    if not values:
        return absent(f"none of the {empty} pairs names a tracked brand" if empty else alone)
    number = average([Parts(no, ((value, 1.0),)) for no, value in values.items()], "market", definition)
    return {**number, "n": compared, "empty_pairs": empty}


def _mean(weighed: Mapping[float, int]) -> float:
    """The mean, rounded once, however often a value occurs."""
    total = sum(Fraction(value) * times for value, times in weighed.items())
    return float(total) / sum(weighed.values())
