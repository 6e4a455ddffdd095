"""Comparing: did a rate change between two executions, or is it chance?

Only what both asked is compared, prompt by prompt and engine by engine: a stratum is one prompt on one engine, and a
difference between prompts is never taken for a change. The main numbers speak of this panel; ``paired`` speaks of the
prompts as a sample. Neither knows what else lies between the executions: a provider's new model, another day's news.
A change of the served model is a break in the series and is to be told, not tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from math import copysign, sqrt
from statistics import fmean, stdev
from typing import Any

from brandq.measures.counting import Cluster, by_stratum
from brandq.measures.intervals import Interval, Z, normal_p, t_p, t_quantile, wilson
from brandq.measures.rates import FEWEST_PROMPTS

Comparison = dict[str, Any]
#: (k before, n before, k after, n after) of one stratum, both n > 0
Stratum = tuple[int, int, int, int]

#: of the changes that are called so, at most about this share is none
FALSE_DISCOVERIES = 0.10
_DIGITS = 6


def newcombe(k_before: int, n_before: int, k_after: int, n_after: int) -> Interval:
    """The interval of the second proportion minus the first, of two unpaired samples (Newcombe 1998, method 10).

    From the two Wilson intervals. It takes all answers for independent draws and pairs nothing, so it is too wide for
    the same prompts asked twice and too narrow for other prompts. ValueError as for ``wilson``.
    """
    before, after = k_before / n_before if n_before else 0.0, k_after / n_after if n_after else 0.0
    (low_before, high_before), (low_after, high_after) = wilson(k_before, n_before), wilson(k_after, n_after)
    difference = after - before
    low = difference - sqrt((after - low_after) ** 2 + (high_before - before) ** 2)
    high = difference + sqrt((high_after - after) ** 2 + (before - low_before) ** 2)
    return max(-1.0, low), min(1.0, high)


def cochran_mantel_haenszel(strata: Iterable[Stratum]) -> tuple[float, float] | None:
    """(z, two-sided p) of the test of Cochran 1954 and Mantel and Haenszel 1959, z above 0 for a rise.

    Without continuity correction, p from the normal. None where every stratum is all or nothing on both sides, so that
    there is nothing to test. It finds changes of one direction: rises and falls in different prompts cancel.
    """
    excess = variance = 0.0
    for k_before, n_before, k_after, n_after in strata:
        n, k = n_before + n_after, k_before + k_after
        excess += k_after - k * n_after / n
        variance += n_before * n_after * k * (n - k) / (n * n * (n - 1))
    if variance == 0:
        return None
    z = excess / sqrt(variance)
    return z, normal_p(z)


def risk_difference(strata: Sequence[Stratum]) -> tuple[float, Interval, str]:
    """Mantel and Haenszel's pooled difference of the rates, its interval, and the name of the interval.

    Weights n₁n₂/n. The interval holds every difference d that Sato's variance (Sato 1989), written for that d, does not
    reject: (D − d)² <= z²·(d·P + Q), a quadratic (Klingenberg 2014, "klingenberg"). It needs no many answers per
    stratum. Where no stratum varies that variance is 0; then it is Newcombe's of all answers together, "newcombe",
    which is wider. ValueError without strata.
    """
    if not strata:
        raise ValueError("there is no stratum to compare")
    weight = weighted = slope = level = 0.0
    for k_before, n_before, k_after, n_after in strata:
        n = n_before + n_after
        weight += n_before * n_after / n
        weighted += (k_after * n_before - k_before * n_after) / n
        slope += (n_after**2 * k_before - n_before**2 * k_after + n_before * n_after * (n_before - n_after) / 2) / n**2
        level += (k_after * (n_before - k_before) + k_before * (n_after - k_after)) / (2 * n)
    difference = weighted / weight
    if all(k_before + k_after in (0, n_before + n_after) for k_before, n_before, k_after, n_after in strata):
        pooled = [sum(column) for column in zip(*strata, strict=True)]
        low, high = newcombe(*pooled)
        return difference, (min(low, difference), max(high, difference)), "newcombe"
    slope, level = slope / weight**2, level / weight**2
    middle = difference + Z * Z * slope / 2
    half = sqrt(max(0.0, middle**2 - difference**2 + Z * Z * level))
    low, high = max(-1.0, middle - half), min(1.0, middle + half)
    return difference, (min(low, difference), max(high, difference)), "klingenberg"


def paired_t(differences: Sequence[float]) -> Comparison:
    """Student's paired t over the prompts' own differences: did the rate change for prompts like these?

    ``difference``, ``low``, ``high``, ``p`` and ``prompts``; without numbers and with a ``reason`` under 5 prompts, or
    where all changed alike. Every prompt weighs the same, so the difference may stand apart from the pooled one.
    """
    prompts = len(differences)
    if prompts < FEWEST_PROMPTS:
        return {"difference": None, "prompts": prompts, "reason": f"fewer than {FEWEST_PROMPTS} common prompts"}
    centre, error = fmean(differences), stdev(differences) / sqrt(prompts)
    if error == 0:
        return {"difference": None, "prompts": prompts, "reason": "all prompts changed alike: no spread"}
    half = t_quantile(prompts - 1) * error
    return {
        "difference": round(centre, _DIGITS),
        "low": round(max(-1.0, centre - half), _DIGITS),
        "high": round(min(1.0, centre + half), _DIGITS),
        "p": round(t_p(centre / error, prompts - 1), _DIGITS),
        "prompts": prompts,
    }


def compare(before: Iterable[Cluster], after: Iterable[Cluster]) -> Comparison:
    """The change of a rate on the prompts and engines that both have, as one object.

    ``difference``, ``low``, ``high`` and ``interval`` as in ``risk_difference``; ``p`` by Cochran, Mantel and Haenszel,
    1 where nothing varies; ``p_adjusted`` equal to it until ``adjust`` sees the comparisons beside it; ``k_before`` of
    ``n_before`` and ``k_after`` of ``n_after`` the compared answers, ``prompts`` and ``strata`` what they belong to,
    ``left_out`` the strata that only one side has; ``paired`` as in ``paired_t``. The difference weighs strata, so it
    may stand apart from that of the two sums. Without a common stratum it is None with a ``reason``.
    """
    old, new = by_stratum(before), by_stratum(after)
    common = sorted(old.keys() & new.keys())
    strata = [(old[key].k, old[key].n, new[key].k, new[key].n) for key in common]
    told: Comparison = {
        **{
            name: sum(stratum[place] for stratum in strata)
            for place, name in enumerate(("k_before", "n_before", "k_after", "n_after"))
        },
        "prompts": len({prompt_no for prompt_no, _ in common}),
        "strata": len(strata),
        "left_out": len(old.keys() ^ new.keys()),
        "estimand": "panel",
    }
    if not strata:
        return {"difference": None, "reason": "no prompt has usable answers of the same engine on both sides", **told}
    difference, (low, high), interval = risk_difference(strata)
    tested = cochran_mantel_haenszel(strata)
    by_prompt: dict[int, list[float]] = {}
    for (prompt_no, _), (k_before, n_before, k_after, n_after) in zip(common, strata, strict=True):
        by_prompt.setdefault(prompt_no, []).append(k_after / n_after - k_before / n_before)
    p = 1.0 if tested is None else round(tested[1], _DIGITS)
    number: Comparison = {
        "difference": round(difference, _DIGITS),
        "low": round(low, _DIGITS),
        "high": round(high, _DIGITS),
        "interval": interval,
        "p": p,
        "p_adjusted": p,
        **told,
        "paired": paired_t([fmean(each) for each in by_prompt.values()]),
    }
    return {**number, "verdict": _verdict(number, FALSE_DISCOVERIES)}


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p, in the order given: those not above q hold at most a share q of false discoveries on average.

    Benjamini and Hochberg 1995, for independent or positively dependent tests. It does not say which are false.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place], reverse=True)
    adjusted, least = [1.0] * len(p_values), 1.0
    for rank, place in zip(range(len(p_values), 0, -1), order, strict=True):
        least = min(least, p_values[place] * len(p_values) / rank)
        adjusted[place] = least
    return adjusted


def adjust(comparisons: Sequence[Mapping[str, Any]], q: float = FALSE_DISCOVERIES) -> list[Comparison]:
    """The same comparisons with ``p_adjusted`` and ``verdict`` for having looked at all of them at once.

    Those without a difference stay as they are and do not count. Give it everything that is shown together, not only
    what looks interesting: a choice made after looking is not paid for.
    """
    tested = [place for place, each in enumerate(comparisons) if each["difference"] is not None]
    adjusted = dict(zip(tested, benjamini_hochberg([comparisons[place]["p"] for place in tested]), strict=True))
    found = []
    for place, each in enumerate(comparisons):
        number = dict(each)
        if place in adjusted:
            number["p_adjusted"] = round(adjusted[place], _DIGITS)
            number["verdict"] = _verdict(number, q)
        found.append(number)
    return found


def split_in_two(ids: Iterable[str], seed: int) -> tuple[list[str], list[str]]:
    """The ids by chance into two halves, as ``seed`` decides: for an A/A test, which compares what must not differ.

    The order given changes nothing, nor does the Python version: each id falls where its SHA-256 with the seed puts it.
    Split the samples of each prompt on each engine by themselves, so that both halves have every stratum. Of an odd
    number the seed decides which half gets one more. It shows how often the method calls chance a change, and not how
    much assistants change from one day to the next.
    """
    drawn = sorted(set(ids), key=lambda each: sha256(f"{seed}\0{each}".encode()).digest())
    middle = len(drawn) // 2
    if len(drawn) % 2 and sha256(f"{seed}\0{drawn[middle]}\0half".encode()).digest()[0] % 2:
        middle += 1
    return sorted(drawn[:middle]), sorted(drawn[middle:])


def _verdict(number: Mapping[str, Any], q: float) -> str:
    """up or down where the interval and the adjusted p both say so, words otherwise."""
    direction = copysign(1, number["difference"])
    nearest = number["low"] if direction > 0 else -number["high"]
    if nearest > 0 and number["p_adjusted"] <= q:
        return "up" if direction > 0 else "down"
    points = (number["high"] - number["low"]) * 50
    return f"no clear change (±{points:.0f} points)" if points >= 1 else f"no clear change (±{points:.1f} points)"
