"""What a plan may cost, before it runs: a range for one call of an engine, the sum of a plan, and limits it can keep.

A range rests on what this engine's answers cost here, or on its list price and assumed tokens; it is never a promise.
Calls that fail and are repeated may be billed as well and are not in it. What is not known is None, with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from brandq.errors import Fault
from brandq.plan import CostLimit, EngineRef, Experience, Plan
from brandq.providers.dialect import Price

#: so many answers of known cost are a range of their own; fewer may all have been short ones
ENOUGH = 5
#: with fewer, the next may cost half of the least or twice the most that was seen. The list price's upper end is far
#: above what most answers take: it would set aside so much that a limited plan is asked one call at a time
FACTOR = 2
#: tokens of a character: English has four characters in a token, Chinese about one
TOKENS_PER_CHAR = (Decimal("0.25"), Decimal(1))
#: tokens of an answer that nothing was searched for: a few sentences, or a long list with reasons
TOKENS_OUT = (100, 1_500)
#: Tokens of a searching call, all of its rounds together: what was found is read, and billed as put in. A recorded
#: reply of the longest kind took 31,073 in and 4,416 out
SEARCHING_IN = (2_000, 35_000)
SEARCHING_OUT = (200, 4_500)
#: searches that one call makes; each has its fee
SEARCHES = (1, 3)
#: amounts on the wire: the lower end is rounded down, the upper one up
_STEP = Decimal("0.000001")


@dataclass(frozen=True)
class CallCost:
    """What one call of an engine costs, from low to high; both None where it is not known, and ``basis`` says why.

    ``currency`` is None as well where nobody is paid: then both are 0.
    """

    low: Decimal | None
    high: Decimal | None
    currency: str | None
    basis: str


def cost_of_call(plan: Plan, engine: EngineRef, price: Price | None, known: Experience | None) -> CallCost:
    """What one call of this engine costs. ``price``: of the engine's model; ``known``: what its last answers cost.

    ``high`` is what is set aside for a call under a limit.
    """
    if engine.simulated or engine.imported:
        return CallCost(
            Decimal(0), Decimal(0), None, f"{'simulated' if engine.simulated else 'imported'}: nobody is paid"
        )
    if known is not None and known.costs and known.currency is not None:
        low, high, n = min(known.costs), max(known.costs), len(known.costs)
        if n >= ENOUGH:
            return CallCost(low, high, known.currency, f"the least and the most that its last {n} answers cost")
        words = f"half of the least and twice the most that its {n} answer{'s' * (n > 1)} of known cost took"
        return CallCost(low / FACTOR, high * FACTOR, known.currency, words)
    model = f"{engine.provider}/{engine.model}"
    if price is None:
        return CallCost(None, None, None, f"no price for {model}: give it one in the engines file")
    if engine.search and price.search is None:
        words = f"the price of {model} has no fee for its searches: give it `search` in the engines file"
        return CallCost(None, None, None, words)
    return _listed(plan, engine, price)


def _listed(plan: Plan, engine: EngineRef, price: Price) -> CallCost:
    lengths = [len(prompt) + len(plan.system or "") for prompt in plan.prompts]
    ends: list[Decimal] = []
    tokens: list[int] = []
    for end, length in enumerate((min(lengths), max(lengths))):
        tokens_in = int((TOKENS_PER_CHAR[end] * length).to_integral_value(ROUND_CEILING))
        tokens_out, fee = TOKENS_OUT[end], Decimal(0)
        if engine.search:
            tokens_in, tokens_out = tokens_in + SEARCHING_IN[end], SEARCHING_OUT[end]
            fee = (price.search or Decimal(0)) * SEARCHES[end]
        ends.append((price.tokens_in * tokens_in + price.tokens_out * tokens_out) / 1_000_000 + fee)
        tokens.append(tokens_in + tokens_out)
    least, most = tokens
    if engine.search:
        few, many = SEARCHES
        basis = f"list price of {price.dated}, {least:,} to {most:,} tokens and {few} to {many} searches assumed"
    else:
        basis = f"list price of {price.dated}, {least:,} to {most:,} tokens assumed"
    return CallCost(ends[0], ends[1], price.currency, basis)


def estimate_cost(plan: Plan, calls: Mapping[str, CallCost], asked: Mapping[str, int]) -> dict[str, Any]:
    """What the plan costs, for the wire; amounts are decimal texts, those of an engine are of all its calls.

    ``calls`` and ``asked``: by engine, what one costs and how many samples are really asked for. Without a sum there is
    a reason, and the engines still say what is known of each.
    """
    engines = []
    unknown: list[str] = []
    by_currency: dict[str, list[str]] = {}
    bases: dict[str, list[str]] = {}
    low, high = Decimal(0), Decimal(0)
    for engine in plan.engines:
        call, n = calls[engine.engine], asked.get(engine.engine, 0)
        least = None if call.low is None else call.low * n
        most = None if call.high is None else call.high * n
        engines.append(
            {
                "engine": engine.engine,
                "calls": n,
                "low": _text(least, ROUND_FLOOR),
                "high": _text(most, ROUND_CEILING),
                "currency": call.currency,
                "basis": call.basis,
            }
        )
        if not n:
            continue
        bases.setdefault(call.basis, []).append(engine.engine)
        if least is None or most is None:
            unknown.append(engine.engine)
            continue
        low, high = low + least, high + most
        if call.currency is not None:
            by_currency.setdefault(call.currency, []).append(engine.engine)
    reason = None
    if unknown:
        reason = f"not known for {', '.join(unknown)}"
    elif len(by_currency) > 1:
        parts = [f"{currency} ({', '.join(names)})" for currency, names in by_currency.items()]
        reason = f"there is no sum of several currencies: {'; '.join(parts)}"
    return {
        "low": None if reason else _text(low, ROUND_FLOOR),
        "high": None if reason else _text(high, ROUND_CEILING),
        "currency": None if reason else next(iter(by_currency), None),
        "basis": _together(bases),
        "reason": reason,
        "engines": engines,
    }


def _together(bases: Mapping[str, list[str]]) -> str:
    """Each basis once, with the engines it is of; alone where it is everybody's."""
    if not bases:
        return "no call is made"
    if len(bases) == 1:
        return next(iter(bases))
    return "; ".join(f"{', '.join(names)}: {basis}" for basis, names in bases.items())


def _text(amount: Decimal | None, rounding: str) -> str | None:
    return None if amount is None else f"{amount.quantize(_STEP, rounding).normalize():f}"


def limit_faults(plan: Plan, calls: Mapping[str, CallCost], daily: CostLimit | None) -> list[Fault]:
    """Why the limits in force cannot be kept: a limit that nobody can count against would only seem to be one.

    ``calls``: what one call costs, of the engines that are asked and no others.
    """
    faults: list[Fault] = []
    given = plan.cost_limit
    if given and daily and given.currency != daily.currency:
        words = f"is in {given.currency}, and the daily limit here in {daily.currency}; give it in {daily.currency}"
        return [Fault("/cost_limit", words)]
    limit = given or daily
    if limit is None:
        return faults
    for number, engine in enumerate(plan.engines):
        call = calls.get(engine.engine)
        if call is None or engine.simulated or engine.imported:
            continue
        if call.high is None:
            why = f"{call.basis} (BRANDQ_ENGINES_FILE), or leave {engine.engine} out"
        elif call.currency != limit.currency:
            why = f"it is paid in {call.currency}; leave {engine.engine} out"
            if given and not daily:
                why = f"it is paid in {call.currency}; give the limit in {call.currency}, or leave {engine.engine} out"
        else:
            continue
        if given:
            faults.append(Fault("/cost_limit", f"cannot be kept for {engine.engine}: {why}"))
        else:
            faults.append(
                Fault(f"/engines/{number}", f"the daily limit of {daily} cannot be kept for {engine.engine}: {why}")
            )
    return faults
