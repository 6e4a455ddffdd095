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
from math import sqrt
from statistics import fmean, stdev
from typing import Any, Literal

from brandq.analysis.counting import (
    Cluster,
    Parts,
    Places,
    Sentiments,
    by_prompt,
    by_stratum,
    pairs_by_stratum,
    totals_by_prompt,
)
from brandq.analysis.intervals import Interval, Z, cluster_wilson, jackknife, stratified, t_quantile, wilson

Number = dict[str, Any]
Estimand = Literal["market", "panel"]

#: under so many prompts a market interval is printed with a note
FEWEST_PROMPTS = 5
NOTE_FEW = "fewer than 5 prompts: not to be read as the market"
REASON_ONE = "one prompt is no sample of what people ask"
#: what an answer can say of a brand; unknown is what could not be told, and no opinion
POSITIVE, NEUTRAL, MIXED, NEGATIVE, UNKNOWN = "positive", "neutral", "mixed", "negative", "unknown"
SENTIMENTS = (POSITIVE, NEUTRAL, MIXED, NEGATIVE, UNKNOWN)
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
    prompts = by_prompt(clusters)
    k, n = sum(each.k for each in prompts.values()), sum(each.n for each in prompts.values())
    if n == 0:
        return absent(reason)
    counts = [(each.k, each.n) for each in prompts.values()]
    return _over_prompts(
        k / n, {"k": k, "n": n}, len(prompts), definition, "cluster_wilson", lambda: cluster_wilson(counts)
    )


def panel_rate(clusters: Iterable[Cluster], definition: str, reason: str = "there is nothing to count") -> Number:
    """The rate of these very prompts on these engines, were they asked again; only repeats vary.

    Each prompt on each engine is a stratum: v = Σ n·m(1 − m)/N² with m = (k + ½)/(n + 1), the interval k/n ± z·√v
    within 0 and 1 (``intervals.stratified``). It says nothing of other prompts, nor of how the engine answers on
    another day.
    """
    strata = by_stratum(clusters)
    k, n = sum(each.k for each in strata.values()), sum(each.n for each in strata.values())
    if n == 0:
        return absent(reason)
    smoothed = [(each.n, (each.k + 0.5) / (each.n + 1)) for each in strata.values()]
    half = Z * sqrt(sum(size * share * (1 - share) for size, share in smoothed)) / n
    value = k / n
    return {
        **_number(value, {"k": k, "n": n}, (max(0.0, value - half), min(1.0, value + half)), "stratified", definition),
        "estimand": "panel",
        "prompts": len({prompt_no for prompt_no, _ in strata}),
    }


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


def mean_rank(
    places: Iterable[Places], estimand: Estimand, definition: str, reason: str = "it is ranked nowhere"
) -> Number:
    """The mean rank over the answers that rank the brand; ``of`` is how many answers there are, ranked or not.

    Conditional on being ranked, and ``condition`` says so: a brand first in one answer and absent from ninety-nine has
    mean rank 1. The market interval is the jackknife's on the rank's own scale; the panel's is smoothed towards the
    first place and the last that any answer gave. Compare brands by ``reciprocal_rank`` and ``top_rate`` instead.
    """
    places = list(places)
    ranks = [rank for place in places for rank in place.ranks if rank is not None]
    parts = [
        Parts(place.prompt_no, tuple((float(rank), 1.0) for rank in place.ranks if rank is not None), place.engine)
        for place in places
    ]
    most = None if estimand == "market" else float(max(ranks, default=1))
    number = _ratio(parts, estimand, definition, reason, (1.0, most), counts=False)
    if number["value"] is None:
        return number
    answers = sum(len(place.ranks) for place in places)
    return {**number, "of": answers, "condition": "over the answers that rank the brand"}


def reciprocal_rank(
    places: Iterable[Places], estimand: Estimand, definition: str, reason: str = "there is nothing to average"
) -> Number:
    """The mean of 1/rank over all answers, 0 where the brand has no rank (Voorhees 1999): 0 to 1, higher is better.

    Unconditional, so brands and dates compare. It does not tell rare first places from frequent fourth ones, and an
    answer without a list counts against every brand.
    """
    parts = [
        Parts(place.prompt_no, tuple((1 / rank if rank else 0.0, 1.0) for rank in place.ranks), place.engine)
        for place in places
    ]
    return average(parts, estimand, definition, reason)


def top_rate(
    places: Iterable[Places], top: int, estimand: Estimand, definition: str, reason: str = "there is nothing to count"
) -> Number:
    """The rate of answers that rank the brand among the first ``top``, of all usable answers, ranked or not.

    An answer without a list counts against every brand. Ties share a rank, so the rates of all brands may exceed 1.
    """
    clusters = [
        Cluster(
            place.prompt_no,
            sum(rank is not None and rank <= top for rank in place.ranks),
            len(place.ranks),
            place.engine,
        )
        for place in places
    ]
    over = market_rate if estimand == "market" else panel_rate
    return over(clusters, definition, reason)


def sentiment_split(
    answers: Iterable[Sentiments], estimand: Estimand, definition: str, reason: str = "no answer names the brand"
) -> dict[str, Number]:
    """The rate of each of ``SENTIMENTS`` over the answers that name the brand; the values sum to 1.

    Answers whose sentiment was not told are the rate ``unknown`` and stay in the denominator. The intervals are those
    of five single rates, not of the split as a whole. ValueError for a label that is none of them.
    """
    answers = list(answers)
    _refuse_unknown_labels(answers)
    over = market_rate if estimand == "market" else panel_rate
    return {
        label: over(
            [
                Cluster(
                    answer.prompt_no,
                    sum((each or UNKNOWN) == label for each in answer.labels),
                    len(answer.labels),
                    answer.engine,
                )
                for answer in answers
            ],
            definition,
            reason,
        )
        for label in SENTIMENTS
    }


def net_sentiment(
    answers: Iterable[Sentiments], estimand: Estimand, definition: str, reason: str = "no answer's sentiment was told"
) -> Number:
    """(positive − negative) / answers whose sentiment was told, from −1 to 1; neutral and mixed are 0.

    Unknown ones are left out, so read it beside the split. Assistants hardly ever speak badly of what they recommend:
    it saturates near 1, and the caveat rate beside it tells more.
    """
    answers = list(answers)
    _refuse_unknown_labels(answers)
    points = {POSITIVE: 1.0, NEGATIVE: -1.0}
    parts = [
        Parts(
            answer.prompt_no,
            tuple((points.get(label, 0.0), 1.0) for label in answer.labels if label not in (None, UNKNOWN)),
            answer.engine,
        )
        for answer in answers
    ]
    return average(parts, estimand, definition, reason, least=-1.0, most=1.0)


def _refuse_unknown_labels(answers: Iterable[Sentiments]) -> None:
    for label in {label for answer in answers for label in answer.labels}:
        if label is not None and label not in SENTIMENTS:
            raise ValueError(f"{label!r} is no sentiment; there are {', '.join(SENTIMENTS)}")


def _ratio(
    parts: Sequence[Parts],
    estimand: Estimand,
    definition: str,
    reason: str,
    ends: tuple[float, float | None],
    *,
    counts: bool,
) -> Number:
    """Sum of numerators / sum of denominators, with the interval of its estimand."""
    least, most = ends
    strata = pairs_by_stratum(parts)
    totals = totals_by_prompt(parts)
    below = sum(denominator for _, denominator in totals.values())
    if not totals:
        return absent(reason)
    above = sum(numerator for numerator, _ in totals.values())
    told = {"k": _whole(above), "n": _whole(below)} if counts else {"n": _whole(below)}
    if estimand == "market":
        return _over_prompts(
            above / below,
            told,
            len(totals),
            definition,
            "wilson_of_prompts" if most is not None and above / below in (least, most) else "jackknife",
            lambda: jackknife(list(totals.values()), least, most),
        )
    number: Number
    if most is None or least == most:
        number = _number(above / below, told, None, "stratified", definition)
        number["interval_reason"] = "all values are the same: no spread"
    else:
        number = _number(above / below, told, stratified(list(strata.values()), least, most), "stratified", definition)
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
