"""Measures: counts become numbers, each with its n, its interval and the id of its definition.

A number is a mapping ready for JSON. A proportion has ``value``, ``k``, ``n``, ``low``, ``high``, ``interval`` and
``definition``; a mean has no ``k``. What cannot be told is ``{"value": None, "n": 0, "reason": …}`` and never 0. Values
are fractions from 0 to 1, or places for ranks, rounded to six digits, so that a document reads the same anywhere.

Numbers over several prompts also say what they speak of, their ``estimand``, and from how many ``prompts``:

- ``market``: what people ask. The prompts are a sample of it; how they differ from one another makes the interval.
- ``panel``: these prompts and no others, asked again. Only what varies from repeat to repeat makes the interval.
- ``cell``: one prompt on one engine.

The value of a rate is the same for market and panel, k/n; a prompt with fewer usable answers weighs less. The
intervals answer two questions and are never exchanged, averaged or compared with one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Any, Literal

from brandq.measures.counting import (
    Cluster,
    Parts,
    Places,
    by_prompt,
    by_stratum,
    pairs_by_stratum,
    totals_by_prompt,
)
from brandq.measures.intervals import Interval, cluster_wilson, jackknife, panel_wilson, stratified, t_quantile, wilson

Number = dict[str, Any]
Estimand = Literal["market", "panel"]

#: under so many prompts a market interval is printed with a note
FEWEST_PROMPTS = 5
NOTE_FEW = "fewer than 5 prompts: not to be read as the market"
REASON_ONE = "one prompt is no sample of what people ask"
_DIGITS = 6


def absent(reason: str) -> Number:
    """No number, and why."""
    return {"value": None, "n": 0, "reason": reason}


def rate(k: int, n: int, definition: str, reason: str = "there is nothing to count") -> Number:
    """k of n as a proportion with its Wilson interval; absent for the ``reason`` when n is 0.

    It takes the n for independent draws: true of the samples of one prompt on one engine, not of several together.
    """
    if n == 0:
        return absent(reason)
    low, high = wilson(k, n)
    return {
        "value": round(k / n, _DIGITS),
        "k": k,
        "n": n,
        "low": round(low, _DIGITS),
        "high": round(high, _DIGITS),
        "interval": "wilson",
        "definition": definition,
    }


def mean(
    values: Sequence[float], definition: str, reason: str = "there is nothing to average", *, least: float | None = None
) -> Number:
    """The mean with its t interval, whose low end is not below ``least``; absent for the ``reason`` without values.

    One value, or several that are all the same, have no spread to build an interval from: then it is None, and
    ``interval_reason`` says so. It takes the values for independent draws; over several prompts ``average`` is right.
    """
    n = len(values)
    if n == 0:
        return absent(reason)
    centre = fmean(values)
    number: Number = {"value": round(centre, _DIGITS), "n": n, "low": None, "high": None, "interval": None}
    if n > 1 and min(values) != max(values):
        half = t_quantile(n - 1) * stdev(values) / sqrt(n)
        low = centre - half
        number["low"] = round(low if least is None else max(least, low), _DIGITS)
        number["high"] = round(centre + half, _DIGITS)
        number["interval"] = "t"
    else:
        number["interval_reason"] = "a single value has no spread" if n == 1 else "all values are the same: no spread"
    return {**number, "definition": definition}


def cell_rate(cluster: Cluster, definition: str, reason: str = "there is nothing to count") -> Number:
    """The rate of one prompt on one engine, with Wilson's interval. It says nothing of other prompts and engines."""
    number = rate(cluster.k, cluster.n, definition, reason)
    return number if number["value"] is None else {**number, "estimand": "cell", "prompts": 1}


def market_rate(clusters: Iterable[Cluster], definition: str, reason: str = "there is nothing to count") -> Number:
    """The rate among what people ask, of which the prompts are a sample; ``intervals.cluster_wilson`` has the method.

    Under 5 prompts it carries a ``note``, with 1 no interval. It does not say that the prompts are a good sample:
    whoever chose them to flatter a brand gets a narrow interval around a flattered number.
    """
    return rate_over_prompts([(each.k, each.n) for each in by_prompt(clusters).values()], definition, reason)


def rate_over_prompts(counts: Sequence[tuple[int, int]], definition: str, reason: str) -> Number:
    """``market_rate`` from the (k, n) of each prompt, n > 0."""
    n = sum(each for _, each in counts)
    if n == 0:
        return absent(reason)
    k = sum(each for each, _ in counts)
    return _over_prompts(
        k / n, {"k": k, "n": n}, len(counts), definition, "cluster_wilson", lambda: cluster_wilson(counts)
    )


def panel_rate(clusters: Iterable[Cluster], definition: str, reason: str = "there is nothing to count") -> Number:
    """The rate of these very prompts on these engines, were they asked again; only repeats vary.

    Each prompt on each engine is a stratum; ``intervals.panel_wilson`` has the method. It says nothing of other
    prompts, nor of how the engine answers on another day.
    """
    strata = by_stratum(clusters)
    prompts = len({prompt_no for prompt_no, _ in strata})
    return rate_over_strata([(each.k, each.n) for each in strata.values()], prompts, definition, reason)


def rate_over_strata(counts: Sequence[tuple[int, int]], prompts: int, definition: str, reason: str) -> Number:
    """``panel_rate`` from the (k, n) of each stratum, n > 0, and the number of prompts that they are of."""
    n = sum(each for _, each in counts)
    if n == 0:
        return absent(reason)
    k = sum(each for each, _ in counts)
    number = _number(k / n, {"k": k, "n": n}, panel_wilson(counts), "panel_wilson", definition)
    return {**number, "estimand": "panel", "prompts": prompts}


def share(
    parts: Iterable[Parts], estimand: Estimand, definition: str, reason: str = "there is nothing to count"
) -> Number:
    """Numerators over denominators, both counts: a share of voice, a citation share. ``k`` and ``n`` are their sums.

    ``intervals.jackknife`` for the market, ``intervals.stratified`` for the panel. At 0 and at 1 the market interval is
    Wilson's with the number of prompts, as if each prompt had said yes or no. ``prompts`` are those whose denominator
    is not 0: a prompt in whose answers no brand is named has no share. A rival's gain and a loss of one's own look the
    same. ValueError for a numerator above its denominator.
    """
    parts = list(parts)
    if any(not 0 <= numerator <= denominator for part in parts for numerator, denominator in part.pairs):
        raise ValueError("a share's numerators lie between 0 and their denominators")
    return _ratio(parts, estimand, definition, reason, (0.0, 1.0), counts=True)


def share_over(pooled: Pooled, estimand: Estimand, definition: str, reason: str) -> Number:
    """``share`` of what is pooled already; nothing is checked again."""
    return _ratio_over(pooled, estimand, definition, reason, (0.0, 1.0), counts=True)


def average(
    parts: Iterable[Parts],
    estimand: Estimand,
    definition: str,
    reason: str = "there is nothing to average",
    *,
    least: float = 0.0,
    most: float = 1.0,
) -> Number:
    """The mean of per-answer values between ``least`` and ``most``, given as (value, 1); ``n`` is how many there are.

    The intervals are those of ``share``. A mean hides what it is made of: half at 0 and half at 1 is as good as all at
    ½. ValueError for a value beyond its ends.
    """
    parts = list(parts)
    if any(not least * size <= value <= most * size for part in parts for value, size in part.pairs):
        raise ValueError(f"a value lies outside {least} to {most}")
    return _ratio(parts, estimand, definition, reason, (least, most), counts=False)


def average_over(
    pooled: Pooled, estimand: Estimand, definition: str, reason: str, *, least: float = 0.0, most: float = 1.0
) -> Number:
    """``average`` of what is pooled already; nothing is checked again."""
    return _ratio_over(pooled, estimand, definition, reason, (least, most), counts=False)


def mean_rank(
    places: Iterable[Places], estimand: Estimand, definition: str, reason: str = "it is ranked nowhere"
) -> Number:
    """The mean rank over the answers that rank the brand; ``of`` is how many answers there are, ranked or not.

    Conditional on being ranked, and ``condition`` says so: a brand first in one answer and absent from ninety-nine has
    mean rank 1. The market interval is the jackknife's on the rank's own scale; the panel's takes what varies between
    answers of one prompt on one engine, with t, and does not exist where nothing does. Rates of first places, and the
    mean of 1/rank with 0 for no rank (Voorhees 1999), are over all answers and compare brands.
    """
    places = list(places)
    parts = [
        Parts(place.prompt_no, tuple((float(rank), 1.0) for rank in place.ranks if rank is not None), place.engine)
        for place in places
    ]
    answers = sum(len(place.ranks) for place in places)
    return mean_rank_over(_pooled(parts), answers, estimand, definition, reason)


def mean_rank_over(pooled: Pooled, answers: int, estimand: Estimand, definition: str, reason: str) -> Number:
    """``mean_rank`` of ranks that are pooled already as (rank, 1), out of so many answers, ranked or not."""
    if estimand == "market":
        number = _ratio_over(pooled, estimand, definition, reason, (1.0, None), counts=False)
    else:
        number = _panel_mean(pooled, definition, reason, least=1.0)
    if number["value"] is None:
        return number
    return {**number, "of": answers, "condition": "over the answers that rank the brand"}


def _panel_mean(pooled: Pooled, definition: str, reason: str, *, least: float) -> Number:
    """The mean of values without an upper end: mean ± t·s/√n, s² the variance within strata, pooled."""
    strata = [[value for value, _ in pairs] for pairs in pooled.strata()]
    values = [value for stratum in strata for value in stratum]
    if not values:
        return absent(reason)
    freedom = len(values) - len(strata)
    centres = [fmean(stratum) for stratum in strata]
    squares = sum((value - centre) ** 2 for stratum, centre in zip(strata, centres, strict=True) for value in stratum)
    interval = None
    if squares > 0:
        half = t_quantile(freedom) * sqrt(squares / freedom / len(values))
        interval = max(least, fmean(values) - half), fmean(values) + half
    number = _number(fmean(values), {"n": len(values)}, interval, "t", definition)
    if interval is None:
        number["interval_reason"] = "no two answers to one prompt by one engine differ: no spread"
    return {**number, "estimand": "panel", "prompts": len(pooled.totals)}


@dataclass(frozen=True)
class Pooled:
    """What a ratio is made of, where its denominator is not 0: (numerator, denominator) of each prompt, in their order.

    ``strata`` gives the same of each answer, by prompt and engine, in ascending order; only a panel's interval asks.
    """

    totals: Sequence[tuple[float, float]]
    strata: Callable[[], Sequence[Sequence[tuple[float, float]]]]


def _pooled(parts: Sequence[Parts]) -> Pooled:
    return Pooled(list(totals_by_prompt(parts).values()), lambda: list(pairs_by_stratum(parts).values()))


def _ratio(
    parts: Sequence[Parts],
    estimand: Estimand,
    definition: str,
    reason: str,
    ends: tuple[float, float | None],
    *,
    counts: bool,
) -> Number:
    return _ratio_over(_pooled(parts), estimand, definition, reason, ends, counts=counts)


def _ratio_over(
    pooled: Pooled,
    estimand: Estimand,
    definition: str,
    reason: str,
    ends: tuple[float, float | None],
    *,
    counts: bool,
) -> Number:
    """Sum of numerators / sum of denominators, with the interval of its estimand."""
    least, most = ends
    totals = pooled.totals
    below = sum(denominator for _, denominator in totals)
    if not totals:
        return absent(reason)
    above = sum(numerator for numerator, _ in totals)
    told = {"k": _whole(above), "n": _whole(below)} if counts else {"n": _whole(below)}
    if estimand == "market":
        return _over_prompts(
            above / below,
            told,
            len(totals),
            definition,
            "wilson_of_prompts" if most is not None and above / below in (least, most) else "jackknife",
            lambda: jackknife(totals, least, most),
        )
    number: Number
    if most is None or least == most:
        number = _number(above / below, told, None, "stratified", definition)
        number["interval_reason"] = "all values are the same: no spread"
    else:
        number = _number(above / below, told, stratified(pooled.strata(), least, most), "stratified", definition)
    return {**number, "estimand": "panel", "prompts": len(totals)}


def _over_prompts(
    value: float, told: Number, prompts: int, definition: str, name: str, interval: Callable[[], Interval | None]
) -> Number:
    """A number of the market: without interval for one prompt, with a note under ``FEWEST_PROMPTS``."""
    found = interval() if prompts > 1 else None
    number = {**_number(value, told, found, name, definition), "estimand": "market", "prompts": prompts}
    if found is None:
        number["interval_reason"] = REASON_ONE if prompts == 1 else "all prompts give the same: no spread"
    if prompts < FEWEST_PROMPTS:
        number["note"] = NOTE_FEW
    return number


def _number(value: float, told: Number, interval: Interval | None, name: str, definition: str) -> Number:
    value = round(value, _DIGITS)
    low, high = interval or (None, None)
    return {
        "value": value,
        **told,
        # rounding must not push an end past the value
        "low": None if low is None else min(value, round(low, _DIGITS)),
        "high": None if high is None else max(value, round(high, _DIGITS)),
        "interval": name if interval else None,
        "definition": definition,
    }


def _whole(count: float) -> float:
    return int(count) if float(count).is_integer() else round(count, _DIGITS)
