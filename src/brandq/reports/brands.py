"""What the answers say of each brand: one block of numbers over all, by engine, by prompt, and by both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from brandq.analysis.findings import ADVISED_AGAINST, RECOMMENDED, SENTIMENTS, TOP_PICK, BrandFinding
from brandq.measures.rates import Number, absent
from brandq.plan import Brand, Plan
from brandq.reports.facts import SampleFacts
from brandq.reports.pooling import Pool, estimand_of
from brandq.reports.usable import Groups, Usable

#: the points of net sentiment; what is neutral or mixed is 0
_POINTS = {"pos": 1.0, "neg": -1.0}


def brand_document(
    execution_id: str, plan: Plan, brand: Brand, groups: Groups, naming: Mapping[int, Sequence[str]]
) -> dict[str, Any]:
    """Every number about one brand. ``naming``: the tracked brands that each prompt names."""

    def block(engine: str | None = None, prompt_no: int | None = None) -> dict[str, Any]:
        usable, reason, marks = groups.at(prompt_no, engine)
        estimand = estimand_of(
            len(plan.prompts) if prompt_no is None else 1, len(plan.engines) if engine is None else 1
        )
        pool = Pool(usable, lambda answer: answer.stratum, estimand)
        whole = engine is None or prompt_no is None
        return {
            **marks,
            **_measures(brand, pool, reason, whole=whole),
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
        document["unprompted"] = _unprompted(plan, brand, groups, frozenset(prompted))
    return document


def _unprompted(plan: Plan, brand: Brand, groups: Groups, prompted: frozenset[int]) -> Number:
    """The mention rate over the prompts that do not name the brand: naming it makes the mentions that are counted."""
    usable, reason, _ = groups.at(None, None)
    others = [answer for answer in usable if answer.sample.prompt_no not in prompted]
    prompts = len(plan.prompts) - len(prompted)
    pool = Pool(others, lambda answer: answer.stratum, estimand_of(prompts, len(plan.engines)))
    why = reason or ("every prompt names the brand" if prompts == 0 else "no usable answer to the other prompts")
    return pool.rate(lambda answer: _finding(answer, brand) is not None, "unprompted_mention_rate", why)


def _finding(answer: Usable, brand: Brand) -> BrandFinding | None:
    found = answer.brands.get(brand.name)
    return found if found is not None and found.named else None


def _measures(brand: Brand, pool: Pool[Usable], reason: str, *, whole: bool) -> dict[str, Any]:
    """The brand's numbers over these answers. One prompt on one engine (not ``whole``) gets the three main ones.

    Where they speak of the market, the mention rate stands there a second time as what it is of these very prompts.
    """

    def rank(answer: Usable) -> int | None:
        found = _finding(answer, brand)
        return found.rank if found else None

    n = len(pool.answers)
    not_ranked = reason or f"none of the {n} usable answers gives it a rank in an explicit list"
    no_voice = reason or f"none of the {n} usable answers mentions a tracked brand"
    numbers: dict[str, Any] = {
        "mention_rate": pool.rate(lambda answer: _finding(answer, brand) is not None, "mention_rate", reason),
        "share_of_voice": pool.share(
            lambda answer: (int(_finding(answer, brand) is not None), answer.named), "share_of_voice", no_voice
        ),
        "average_rank": pool.mean_place(rank, "average_rank", not_ranked),
    }
    if not whole:
        return numbers

    def within(most: int, answer: Usable) -> bool:
        place = rank(answer)
        return place is not None and place <= most

    def reciprocal(answer: Usable) -> float:
        place = rank(answer)
        return 1 / place if place else 0.0

    if pool.estimand == "market":
        numbers["mention_rate_of_panel"] = replace(pool, estimand="panel").rate(
            lambda answer: _finding(answer, brand) is not None, "mention_rate", reason
        )
    return {
        **numbers,
        "first_place_rate": pool.rate(lambda answer: within(1, answer), "first_place_rate", reason),
        "top_3_rate": pool.rate(lambda answer: within(3, answer), "top_3_rate", reason),
        "mean_reciprocal_rank": pool.mean(reciprocal, "mean_reciprocal_rank", reason),
        **_spoken_of(brand, pool, reason),
        "owned_citation_rate": (
            pool.rate(lambda answer: _cites(answer.sample, brand.name), "owned_citation_rate", reason)
            if brand.domains
            else absent("no domain of this brand is in the plan")
        ),
        "doubtful_answers": sum(
            bool(found.doubtful) for answer in pool.answers if (found := answer.brands.get(brand.name)) is not None
        ),
        "unknown_to_answers": sum(
            found.count > 0 and not found.known
            for answer in pool.answers
            if (found := answer.brands.get(brand.name)) is not None
        ),
    }


def _spoken_of(brand: Brand, pool: Pool[Usable], reason: str) -> dict[str, Any]:
    """How the answers that name the brand speak of it. What could not be told is counted, and is no opinion."""
    named = pool.where(lambda answer: _finding(answer, brand) is not None)

    def of(answer: Usable) -> BrandFinding:
        return answer.brands[brand.name]

    not_named = reason or f"none of the {len(pool.answers)} usable answers mentions it"
    told = named.where(lambda answer: of(answer).sentiment is not None)
    weighed = named.where(lambda answer: of(answer).caveat is not None)
    graded = named.where(lambda answer: of(answer).strength is not None)
    untold = not_named if not named.answers else f"it cannot be told from any of the {len(named.answers)} that name it"

    def speaks(label: str | None) -> Number:
        return named.rate(lambda answer: of(answer).sentiment == label, "sentiment", not_named)

    def strength(answer: Usable) -> int:
        return of(answer).strength or 0

    return {
        "average_position": named.mean_place(lambda answer: of(answer).position, "average_position", not_named),
        "sentiment": {**{label: speaks(label) for label in SENTIMENTS}, "unknown": speaks(None)},
        "net_sentiment": told.mean(
            lambda answer: _POINTS.get(of(answer).sentiment or "", 0.0), "net_sentiment", untold, least=-1.0
        ),
        "caveat_rate": weighed.rate(lambda answer: of(answer).caveat is True, "caveat_rate", untold),
        "recommended_rate": pool.rate(
            lambda answer: _finding(answer, brand) is not None and strength(answer) >= RECOMMENDED,
            "recommended_rate",
            reason,
        ),
        "interception_rate": pool.rate(lambda answer: _intercepted(answer, brand), "interception_rate", reason),
        "recommendation_strength": graded.mean(
            strength, "recommendation_strength", untold, least=float(ADVISED_AGAINST), most=float(TOP_PICK)
        ),
    }


def _intercepted(answer: Usable, brand: Brand) -> bool:
    """Whether the answer recommends another tracked brand and not this one."""
    recommended = {
        name for name, found in answer.brands.items() if found.named and (found.strength or 0) >= RECOMMENDED
    }
    return bool(recommended) and brand.name not in recommended


def _cites(sample: SampleFacts, name: str) -> bool:
    return any(citation.owner == name and citation.cited is not False for citation in sample.citations)


def _evidence(execution_id: str, brand: str, engine: str | None, prompt_no: int | None) -> str:
    wanted = {"brand": brand, "engine": engine, "prompt_no": prompt_no}
    given = {name: str(value) for name, value in wanted.items() if value is not None}
    return f"/api/executions/{quote(execution_id, safe='')}/samples?{urlencode(given, quote_via=quote)}"
