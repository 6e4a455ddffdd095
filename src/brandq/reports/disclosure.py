"""Disclosure: what a reader must know before numbers are quoted: what was asked of whom, when, and how firm it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

from brandq.measures.rates import Number
from brandq.measures.sampling import grade
from brandq.plan import Plan
from brandq.reports.tallies import Tallies
from brandq.reports.usable import usable


def disclosure(
    plan: Plan, tallies: Tallies, naming: Mapping[int, Sequence[str]], subject_rate: Number
) -> dict[str, Any]:
    """The block that goes with every number. ``naming``: the tracked brands that each prompt names.

    ``grade`` is exploratory, directional or decision-grade for the subject's mention rate over all; see
    ``measures.sampling.grade``. Cadence is what one execution has: its prompts were asked once, not over time.
    """
    counted = tallies.outcomes
    strata = {place: n for place, stratum in tallies.strata.items() if (n := usable(stratum.outcomes))}
    repeats = float(median(strata.values())) if strata else 0.0
    half_width = None
    if subject_rate.get("low") is not None:
        half_width = (subject_rate["high"] - subject_rate["low"]) / 2
    prompts = len({prompt_no for prompt_no, _ in strata})
    return {
        "prompts": len(plan.prompts),
        "prompts_naming_a_tracked_brand": sorted(no for no, names in naming.items() if names),
        "repeats": plan.repeats,
        "samples": counted.total(),
        "usable": usable(counted),
        "engines": [
            {
                "engine": engine.engine,
                "model": engine.model,
                "search": None if engine.imported else engine.search,
                "locale": engine.locale,
            }
            for engine in plan.engines
        ],
        "system_text": plan.system is not None,
        "asked": {
            "first_answer_at": _moment(tallies.first_answer_at),
            "last_answer_at": _moment(tallies.last_answer_at),
        },
        "cadence": "one execution: each prompt was put to each engine as often as repeats says, and not over time",
        "grade": grade(prompts, repeats, half_width),
        "grade_because": _because(prompts, repeats, half_width),
    }


def _because(prompts: int, repeats: float, half_width: float | None) -> str:
    width = "no interval" if half_width is None else f"± {100 * half_width:.0f} points"
    known = (
        f"{counted(prompts, 'prompt')} with usable answers, {repeats:g} usable "
        f"{'repeat' if repeats == 1 else 'repeats'} of each on an engine, {width}"
    )
    return f"{known}; directional asks for 50, 3 and ± 15, decision-grade for 100, 5 and ± 10"


def counted(n: int, noun: str) -> str:
    """``1 prompt``, ``2 prompts``."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None
