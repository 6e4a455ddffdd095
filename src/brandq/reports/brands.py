"""What the answers say of each brand: one block of numbers over all, by engine, by prompt, and by both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from brandq.analysis.findings import ADVISED_AGAINST, NEGATIVE, POSITIVE, RECOMMENDED, SENTIMENTS, TOP_PICK
from brandq.measures.rates import Number, absent
from brandq.plan import Brand, Plan
from brandq.reports.pooling import Counts, Pool, estimand_of
from brandq.reports.tallies import Groups, Place, Said, Stratum, Tallies

#: the points of net sentiment; what is neutral or mixed is 0
_POINTS = {POSITIVE: 1, NEGATIVE: -1}
#: the kinds of usable answers, as one brand sees them; those with an opinion by its label, untold: without one
_KINDS = (
    *("usable", "named", "first", "top_3", "cited", "recommended", "intercepted"),
    *("doubtful", "unknown", "weighed", "caveat", "untold", *SENTIMENTS),
)
#: ranks as they are counted together, each up to and including its last; None: from there on
RANKS: Mapping[str, int | None] = {"1": 1, "2": 2, "3": 3, "4-5": 5, "6-10": 10, "11+": None}
#: the values of answers that are shared out or averaged
_SPREADS = ("voice", "rank", "reciprocal", "position", "points", "strength")


def brand_document(
    execution_id: str, plan: Plan, brand: Brand, tallies: Tallies, groups: Groups, naming: Mapping[int, Sequence[str]]
) -> dict[str, Any]:
    """Every number about one brand. ``naming``: the tracked brands that each prompt names."""
    strata = {place: _counted(place, stratum.said[brand.name]) for place, stratum in tallies.strata.items()}

    def block(engine: str | None = None, prompt_no: int | None = None) -> dict[str, Any]:
        group = groups.at(prompt_no, engine)
        estimand = estimand_of(
            len(plan.prompts) if prompt_no is None else 1, len(plan.engines) if engine is None else 1
        )
        pool = Pool([strata[place] for place in group.places], estimand)
        whole = engine is None or prompt_no is None
        return {
            **group.marks,
            **_measures(brand, pool, group.reason, whole=whole),
            **({"rank_distribution": _ranks(pool)} if prompt_no is None else {}),
            **(
                {"intercepted_by": _intercepted_by(brand, plan, tallies.strata, pool, group.reason)}
                if engine is None and prompt_no is None
                else {}
            ),
            "evidence": _evidence(execution_id, brand.name, engine, prompt_no),
        }

    prompted = sorted(no for no, names in naming.items() if brand.name in names)
    document = {
        "name": brand.name,
        "subject": brand == plan.subject,
        "named_in_prompts": prompted,
        "overall": block(),
        "engines": [{"engine": engine.engine, **block(engine.engine)} for engine in plan.engines],
        "prompts": [
            {
                "prompt_no": prompt_no,
                **block(None, prompt_no),
                "engines": [{"engine": engine.engine, **block(engine.engine, prompt_no)} for engine in plan.engines],
            }
            for prompt_no in range(1, len(plan.prompts) + 1)
        ],
    }
    if prompted:
        group = groups.at(None, None)
        others = [strata[place] for place in group.places if place[0] not in prompted]
        document["unprompted"] = _unprompted(plan, others, group.reason, len(plan.prompts) - len(prompted))
    return document


def _unprompted(plan: Plan, others: Sequence[Counts], reason: str, prompts: int) -> Number:
    """The mention rate over the prompts that do not name the brand: naming it makes the mentions that are counted."""
    pool = Pool(others, estimand_of(prompts, len(plan.engines)))
    why = reason or ("every prompt names the brand" if prompts == 0 else "no usable answer to the other prompts")
    return pool.rate("named", "usable", "unprompted_mention_rate", why)


def _counted(place: Place, said: Mapping[Said, int]) -> Counts:
    """What the usable answers to one prompt by one engine say of the brand, as its numbers need it."""
    kinds = dict.fromkeys(_KINDS, 0)
    spreads: dict[str, dict[tuple[float, int], int]] = {name: {} for name in _SPREADS}

    def spread(name: str, value: float, size: int, times: int) -> None:
        spreads[name][value, size] = spreads[name].get((value, size), 0) + times

    for one, times in said.items():
        kinds["usable"] += times
        kinds["cited"] += one.cited * times
        kinds["intercepted"] += one.intercepted * times
        kinds["doubtful"] += one.doubtful * times
        kinds["unknown"] += one.unknown * times
        spread("voice", int(one.named), one.named_in_all, times)
        if not one.named or one.rank is None:
            spread("reciprocal", 0.0, 1, times)
        if not one.named:
            continue
        kinds["named"] += times
        kinds[one.sentiment or "untold"] += times
        if one.rank is not None:
            kinds["first"] += (one.rank <= 1) * times
            kinds["top_3"] += (one.rank <= 3) * times
            spread("rank", one.rank, 1, times)
            spread("reciprocal", 1 / one.rank, 1, times)
        if one.position is not None:
            spread("position", one.position, 1, times)
        if one.sentiment is not None:
            spread("points", _POINTS.get(one.sentiment, 0), 1, times)
        if one.caveat is not None:
            kinds["weighed"] += times
            kinds["caveat"] += one.caveat * times
        if one.strength is not None:
            kinds["recommended"] += (one.strength >= RECOMMENDED) * times
            spread("strength", one.strength, 1, times)
    return Counts(*place, kinds, spreads)


def _measures(brand: Brand, pool: Pool, reason: str, *, whole: bool) -> dict[str, Any]:
    """The brand's numbers over these answers. One prompt on one engine (not ``whole``) gets the three main ones.

    Where they speak of the market, the mention rate stands there a second time as what it is of these very prompts.
    """
    n = pool.total("usable")
    not_ranked = reason or f"none of the {n} usable answers gives it a rank in an explicit list"
    no_voice = reason or f"none of the {n} usable answers mentions a tracked brand"
    numbers: dict[str, Any] = {
        "mention_rate": pool.rate("named", "usable", "mention_rate", reason),
        "share_of_voice": pool.share("voice", "share_of_voice", no_voice),
        "average_rank": pool.mean_place("rank", "usable", "average_rank", not_ranked),
    }
    if not whole:
        return numbers
    if pool.estimand == "market":
        panel = replace(pool, estimand="panel")
        numbers["mention_rate_of_panel"] = panel.rate("named", "usable", "mention_rate", reason)
    return {
        **numbers,
        "first_place_rate": pool.rate("first", "usable", "first_place_rate", reason),
        "top_3_rate": pool.rate("top_3", "usable", "top_3_rate", reason),
        "mean_reciprocal_rank": pool.mean("reciprocal", "mean_reciprocal_rank", reason),
        **_spoken_of(pool, reason),
        "owned_citation_rate": (
            pool.rate("cited", "usable", "owned_citation_rate", reason)
            if brand.domains
            else absent("no domain of this brand is in the plan")
        ),
        "doubtful_answers": pool.total("doubtful"),
        "unknown_to_answers": pool.total("unknown"),
    }


def _spoken_of(pool: Pool, reason: str) -> dict[str, Any]:
    """How the answers that name the brand speak of it. What could not be told is counted, and is no opinion."""
    named = pool.total("named")
    not_named = reason or f"none of the {pool.total('usable')} usable answers mentions it"
    untold = f"it cannot be told from any of the {named} that name it" if named else not_named

    def speaks(label: str) -> Number:
        return pool.rate(label, "named", "sentiment", not_named)

    return {
        "average_position": pool.mean_place("position", "named", "average_position", not_named),
        "sentiment": {**{label: speaks(label) for label in SENTIMENTS}, "unknown": speaks("untold")},
        "net_sentiment": pool.mean("points", "net_sentiment", untold, least=-1.0),
        "caveat_rate": pool.rate("caveat", "weighed", "caveat_rate", untold),
        "recommended_rate": pool.rate("recommended", "usable", "recommended_rate", reason),
        "interception_rate": pool.rate("intercepted", "usable", "interception_rate", reason),
        "recommendation_strength": pool.mean(
            "strength", "recommendation_strength", untold, least=float(ADVISED_AGAINST), most=float(TOP_PICK)
        ),
    }


def _ranks(pool: Pool) -> dict[str, int]:
    """How many usable answers give the brand each rank, name it without one, and do not name it; these sum to n."""
    counted = dict.fromkeys(RANKS, 0)
    for stratum in pool.strata:
        for (rank, _), times in stratum.spreads["rank"].items():
            counted[next(name for name, last in RANKS.items() if last is None or rank <= last)] += times
    n, named = pool.total("usable"), pool.total("named")
    return {**counted, "unranked": named - sum(counted.values()), "not_named": n - named, "n": n}


def _intercepted_by(brand: Brand, plan: Plan, strata: Mapping[Place, Stratum], pool: Pool, reason: str) -> list[Any]:
    """For each other tracked brand the rate of answers that recommend it and not this one, the commonest first."""
    seen: dict[str, Counter[Place]] = {other.name: Counter() for other in plan.brands if other != brand}
    for place, stratum in strata.items():
        for recommended, times in stratum.recommended.items():
            if brand.name not in recommended:
                for name in recommended:
                    seen[name][place] += times
    rows = [
        {"brand": name, "rate": pool.rate_of(places, "usable", "interception_rate", reason)}
        for name, places in seen.items()
    ]
    return sorted(rows, key=lambda row: (-row["rate"].get("k", 0), row["brand"]))


def _evidence(execution_id: str, brand: str, engine: str | None, prompt_no: int | None) -> str:
    wanted = {"brand": brand, "engine": engine, "prompt_no": prompt_no}
    given = {name: str(value) for name, value in wanted.items() if value is not None}
    return f"/api/executions/{quote(execution_id, safe='')}/samples?{urlencode(given, quote_via=quote)}"
