"""Sampling: how well a plan can know a rate before it is asked, and what to call what it will know.

What decides is how alike the repeats of one prompt are, the intra-prompt correlation: at 1 a repeat tells nothing new,
at 0 it is as good as another prompt.
"""

from __future__ import annotations

from typing import Any

from brandq.measures.intervals import PRIOR_CORRELATION, PRIOR_STRATA, effective_n, wilson
from brandq.measures.rates import FEWEST_PROMPTS, NOTE_FEW, REASON_ONE, Estimand

#: measured on an assistant's real answers over 33 topics; over phrasings of one topic it was 0.02 to 0.16
ICC_TOPICS = 0.85

#: least prompts, least repeats, widest half width of the market interval at its rate
_DECISION = (100, 5, 0.10)
_DIRECTIONAL = (50, 3, 0.15)


def expected_half_width(
    rate: float, prompts: int, repeats: int, icc: float = ICC_TOPICS, *, estimand: Estimand = "market"
) -> dict[str, Any]:
    """Half the width that the interval of a rate near ``rate`` will have, with what is assumed.

    Market: Wilson's with Q·R/(1 + (R − 1)·icc) answers (Kish 1965, the design effect), t-corrected for Q − 1. Panel:
    with Q·R/(1 − icc) answers, the icc taken as ``intervals.panel_wilson`` would find it. It does not foresee answers
    that fail, engines that differ, or a rate elsewhere. ``half_width`` is None for the market with one prompt.
    ValueError for a rate or icc outside 0 to 1, or without a prompt or repeat.
    """
    if not 0 <= rate <= 1 or not 0 <= icc <= 1:
        raise ValueError("rate and icc lie between 0 and 1")
    if prompts < 1 or repeats < 1:
        raise ValueError("there is no prompt or no repeat")
    told: dict[str, Any] = {
        "half_width": None,
        "rate": rate,
        "prompts": prompts,
        "repeats": repeats,
        "icc": icc,
        "estimand": estimand,
        "assumes": ["every answer is usable", "all prompts have as many answers", f"the rate is near {rate:.0%}"],
    }
    if estimand == "panel":
        alike = (icc * prompts + PRIOR_CORRELATION * PRIOR_STRATA) / (prompts + PRIOR_STRATA)
        n = prompts * repeats / (1 - alike)
        low, high = wilson(rate * n, n)
        told["half_width"] = round((high - low) / 2, 6)
        told["assumes"].append("the same prompts are asked again of the same engine")
        return told
    told["assumes"].append(f"two answers to one prompt correlate with {icc}; the prompts are a sample of what is asked")
    if prompts == 1:
        return {**told, "reason": REASON_ONE}
    if rate in (0, 1):
        low, high = wilson(rate * prompts, prompts)
    else:
        variance = rate * (1 - rate) * (1 + (repeats - 1) * icc) / (prompts * repeats)
        n = effective_n(rate, variance, prompts)
        low, high = wilson(rate * n, n)
    told["half_width"] = round((high - low) / 2, 6)
    return {**told, "note": NOTE_FEW} if prompts < FEWEST_PROMPTS else told


#: the rate that a plan's precision is told for: few brands are named more often, and higher ones are known no worse
TOLD_FOR = 0.3


def foretell_precision(prompts: int, repeats: int) -> dict[str, Any]:
    """How well a plan will know a mention rate near 30 % on one engine, in a number and in words.

    One prompt is no sample of what people ask: then it is the rate of that prompt, a cell with Wilson's interval.
    """
    asked = f"{prompts} prompt{'s' * (prompts > 1)} × {repeats} repeat{'s' * (repeats > 1)}"
    if prompts > 1:
        half_width, estimand = expected_half_width(TOLD_FOR, prompts, repeats)["half_width"], "market"
    else:
        low, high = wilson(TOLD_FOR * repeats, repeats)
        half_width, estimand = round((high - low) / 2, 6), "cell"
    known = f"a mention rate near {TOLD_FOR:.0%} on one engine is known to ± {100 * half_width:.0f} points"
    if prompts == 1:
        known = f"{known}, for this prompt alone"
    return {
        "half_width": half_width,
        "rate": TOLD_FOR,
        "estimand": estimand,
        "words": f"with {asked}, {known} (95 %)",
    }


def grade(prompts: int, repeats: float, half_width: float | None) -> str:
    """exploratory, directional or decision-grade, by prompts, usable repeats per prompt and engine, and half width.

    Directional from 50 prompts, 3 repeats and ±15 points of the market interval; decision-grade from 100, 5 and ±10.
    Under 50 prompts all is exploratory, which is where the IAB's guidance of August 2026 is said to draw its line; the
    other limits are brandq's own. It does not say that the prompts were well chosen.
    """
    for name, (least_prompts, least_repeats, widest) in (("decision-grade", _DECISION), ("directional", _DIRECTIONAL)):
        enough = prompts >= least_prompts and repeats >= least_repeats
        if enough and half_width is not None and half_width <= widest:
            return name
    return "exploratory"
