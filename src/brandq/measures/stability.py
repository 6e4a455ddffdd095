"""Stability: how alike the answers are, by the sets of brands that they name.

The likeness of two sets is Jaccard's: brands in both / brands in either (Jaccard 1901). Where both are empty it is not
defined: such a pair says nothing and is left out, and counted; a set against an empty one is 0. Numbers are means over
prompts, each prompt once, so the number of engines and repeats gives no prompt more weight.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from statistics import fmean

from brandq.measures.counting import Named, Parts
from brandq.measures.rates import Number, absent, average

Pair = tuple[frozenset[str], frozenset[str]]


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
    pairs: dict[int, list[list[Pair]]] = {}
    for (prompt_no, _), repeats in sorted(_merged(named).items()):
        pairs.setdefault(prompt_no, []).append(list(combinations(repeats, 2)))
    return _likeness(pairs, definition, "one repeat has nothing to be compared with")


def agreement(named: Iterable[Named], definition: str = "agreement") -> Number:
    """How alike two engines are on one prompt: every answer of the one with every answer of the other.

    Over pairs of answers, then pairs of engines, then prompts. With one engine there is no number. Read it beside
    ``stability``: engines cannot agree with each other more than each does with itself.
    """
    engines: dict[int, list[tuple[frozenset[str], ...]]] = {}
    for (prompt_no, _), repeats in sorted(_merged(named).items()):
        engines.setdefault(prompt_no, []).append(repeats)
    pairs = {
        prompt_no: [[(one, other) for one in some for other in others] for some, others in combinations(every, 2)]
        for prompt_no, every in engines.items()
    }
    return _likeness(pairs, definition, "one engine has nothing to be compared with")


def _merged(named: Iterable[Named]) -> dict[tuple[int, str], tuple[frozenset[str], ...]]:
    found: dict[tuple[int, str], tuple[frozenset[str], ...]] = {}
    for each in named:
        key = (each.prompt_no, each.engine)
        found[key] = (*found.get(key, ()), *each.repeats)
    return {key: tuple(sorted(repeats, key=sorted)) for key, repeats in found.items()}


def _likeness(pairs: dict[int, list[list[Pair]]], definition: str, alone: str) -> Number:
    values: dict[int, float] = {}
    compared = empty = 0
    for prompt_no, groups in pairs.items():
        likenesses = [[jaccard(*pair) for pair in group] for group in groups]
        told = [[each for each in group if each is not None] for group in likenesses]
        compared += sum(len(group) for group in told)
        empty += sum(len(group) for group in likenesses) - sum(len(group) for group in told)
        if any(told):
            values[prompt_no] = fmean(fmean(group) for group in told if group)
    if not values:
        return absent(f"none of the {empty} pairs names a tracked brand" if empty else alone)
    number = average([Parts(no, ((value, 1.0),)) for no, value in values.items()], "market", definition)
    return {**number, "n": compared, "empty_pairs": empty}
