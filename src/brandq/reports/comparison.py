"""Comparison: two executions on what both asked, and one execution with itself, which shows what chance alone does.

Only prompts and engines that both have are compared, prompt by prompt and engine by engine (``measures.comparing``).
Numbers of two methods are not compared at all: then the difference would be the method's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from brandq.analysis.findings import RECOMMENDED, BrandFinding
from brandq.errors import Conflict
from brandq.measures.comparing import adjust, compare, split_in_two
from brandq.measures.counting import Cluster, tally
from brandq.plan import Brand, EngineRef, Plan
from brandq.reports.facts import Facts, SampleFacts
from brandq.reports.usable import is_usable

Document = dict[str, Any]
#: the usable samples of each prompt on each engine
_Strata = Mapping[tuple[int, str], Sequence[SampleFacts]]

#: splits of one execution that show how far chance alone moves a rate
SPLITS = 100
#: of these splits, the part within which the shown difference stays
_WITHIN = 0.95
_DIGITS = 6


def _rank(most: int) -> Callable[[BrandFinding], bool]:
    return lambda found: found.named and found.rank is not None and found.rank <= most


#: each measure that is compared: whether one usable answer counts for a brand
_COUNTS: Mapping[str, Callable[[BrandFinding], bool]] = {
    "mention_rate": lambda found: found.named,
    "first_place_rate": _rank(1),
    "top_3_rate": _rank(3),
    "recommended_rate": lambda found: found.named and found.strength is not None and found.strength >= RECOMMENDED,
}


def compare_executions(before: Facts, after: Facts) -> Document:
    """What changed from one execution to another. Conflict says why the two cannot be compared.

    ``primary`` is the subject's mention rate, looked at for its own sake. All ``others`` were looked at together, so
    their p is adjusted (Benjamini and Hochberg); a verdict is up, down, or "no clear change".
    """
    _refuse_other_methods(before, after)
    old, new = _prompts(before.plan), _prompts(after.plan)
    prompts = {text: number for text, number in old.items() if text in new}
    engines = [engine for engine in before.plan.engines if engine.engine in {one.engine for one in after.plan.engines}]
    if not prompts or not engines:
        what = "prompt" if not prompts else "engine"
        raise Conflict(f"the two have no {what} in common, word for word, so there is nothing to compare")
    numbers = {new[text]: number for text, number in prompts.items()}
    names = frozenset(engine.engine for engine in engines)
    sides = (
        [one for one in before.samples if one.prompt_no in prompts.values() and one.engine in names],
        [one for one in after.samples if one.prompt_no in numbers and one.engine in names],
    )
    rows = _rows(before.plan, engines, sides, lambda sample: numbers[sample.prompt_no])
    return {
        "before": _side(before, sides[0]),
        "after": _side(after, sides[1]),
        "prompts": [{"prompt_no": number, "text": text} for text, number in prompts.items()],
        "engines": [engine.engine for engine in engines],
        "left_out": {
            "prompts": len(old.keys() ^ new.keys()),
            "engines": len({one.engine for one in before.plan.engines} ^ {one.engine for one in after.plan.engines}),
        },
        "breaks": _breaks(engines, sides),
        **rows,
    }


def compare_halves(facts: Facts, seed: int = 1) -> Document:
    """One execution split by chance into two, and compared: whatever differs is chance. Conflict where it cannot be.

    ``split`` is the comparison for ``seed``. ``noise`` says of each measure, over ``splits`` seeds and all engines
    together, within what difference 95 of 100 splits stay, and ``called`` how many of these were called a change.
    """
    usable = [sample for sample in facts.samples if is_usable(sample)]
    strata: dict[tuple[int, str], list[SampleFacts]] = {}
    for sample in usable:
        strata.setdefault((sample.prompt_no, sample.engine), []).append(sample)
    paired = {place: samples for place, samples in strata.items() if len(samples) > 1}
    if not paired:
        raise Conflict(
            "no prompt has two usable answers of the same engine, so there is nothing to split; plan with repeats of 2 "
            "or more"
        )
    engines = [engine for engine in facts.plan.engines if any(engine.engine == place[1] for place in paired)]
    halves = _split(paired, seed)
    shown = _rows(facts.plan, engines, halves, lambda sample: sample.prompt_no)
    differences, called = _noise(facts.plan, paired, seed)
    return {
        "execution_id": facts.execution_id,
        "method_version": _method_of(facts),
        "seed": seed,
        "prompts": len({place[0] for place in paired}),
        "engines": [engine.engine for engine in engines],
        "answers": sum(len(samples) for samples in paired.values()),
        "left_out": len(usable) - sum(len(samples) for samples in paired.values()),
        "split": shown,
        "splits": SPLITS,
        "noise": [
            {"brand": brand, "measure": measure, "within": round(_quantile(values), _DIGITS), "of_splits": _WITHIN}
            for (brand, measure), values in differences.items()
        ],
        "called": {"changes": called, "comparisons": sum(map(len, differences.values()))},
    }


def _noise(plan: Plan, strata: _Strata, seed: int) -> tuple[dict[tuple[str, str], list[float]], int]:
    """The size of each difference over all engines, by brand and measure, and how many are called a change."""
    measured = [(brand, measure) for brand in plan.brands for measure in _measures_of(brand)]
    # what an answer counts for is the same in every split
    counts = {
        sample.sample_id: tuple(_counts(sample, brand, measure) for brand, measure in measured)
        for samples in strata.values()
        for sample in samples
    }
    differences: dict[tuple[str, str], list[float]] = {}
    called = 0
    for number in range(SPLITS):
        clusters = [_clusters(half, counts, len(measured)) for half in _split(strata, seed + number)]
        rows = [compare(before, after) for before, after in zip(*clusters, strict=True)]
        primary = measured.index((plan.subject, "mention_rate"))
        # judged as in a comparison: the primary one by itself, all others together
        verdicts = [rows[primary], *adjust([row for place, row in enumerate(rows) if place != primary])]
        called += sum(row["difference"] is not None and row["verdict"] in ("up", "down") for row in verdicts)
        for (brand, measure), row in zip(measured, rows, strict=True):
            if row["difference"] is not None:
                differences.setdefault((brand.name, measure), []).append(abs(row["difference"]))
    return differences, called


def _clusters(
    half: Iterable[SampleFacts], counts: Mapping[int, tuple[bool, ...]], measures: int
) -> list[list[Cluster]]:
    """One list of clusters for each measure."""
    strata: dict[tuple[int, str], list[tuple[bool, ...]]] = {}
    for sample in half:
        strata.setdefault((sample.prompt_no, sample.engine), []).append(counts[sample.sample_id])
    found: list[list[Cluster]] = [[] for _ in range(measures)]
    for (prompt_no, engine), answers in strata.items():
        for place, k in enumerate(map(sum, zip(*answers, strict=True))):
            found[place].append(Cluster(prompt_no, k, len(answers), engine))
    return found


def _quantile(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(_WITHIN * len(ordered)))]


def _split(strata: _Strata, seed: int) -> tuple[list[SampleFacts], list[SampleFacts]]:
    halves: tuple[list[SampleFacts], list[SampleFacts]] = ([], [])
    for samples in strata.values():
        by_id = {str(sample.sample_id): sample for sample in samples}
        for half, ids in zip(halves, split_in_two(by_id, seed), strict=True):
            half += [by_id[each] for each in ids]
    return halves


def _measures_of(brand: Brand) -> tuple[str, ...]:
    return (*_COUNTS, "owned_citation_rate") if brand.domains else tuple(_COUNTS)


def _rows(
    plan: Plan,
    engines: Sequence[EngineRef],
    sides: tuple[Sequence[SampleFacts], Sequence[SampleFacts]],
    prompt_of_after: Callable[[SampleFacts], int],
) -> Document:
    """Every measure of every brand over all engines, and the mention rates by engine. ``sides``: before and after."""
    usable = [[sample for sample in side if is_usable(sample)] for side in sides]
    number_of: tuple[Callable[[SampleFacts], int], ...] = (lambda sample: sample.prompt_no, prompt_of_after)

    def row(brand: Brand, measure: str, engine: str | None) -> Document:
        clusters: list[tuple[Cluster, ...]] = []
        for side, number in zip(usable, number_of, strict=True):
            clusters.append(
                tally(
                    (number(sample), sample.engine, _counts(sample, brand, measure))
                    for sample in side
                    if engine is None or sample.engine == engine
                )
            )
        return {"brand": brand.name, "measure": measure, "engine": engine, **compare(*clusters)}

    primary = row(plan.subject, "mention_rate", None)
    others = [
        row(brand, measure, None)
        for brand in plan.brands
        for measure in _measures_of(brand)
        if (brand, measure) != (plan.subject, "mention_rate")
    ]
    if len(engines) > 1:
        others += [row(brand, "mention_rate", engine.engine) for brand in plan.brands for engine in engines]
    return {"primary": primary, "others": adjust(others)}


def _counts(sample: SampleFacts, brand: Brand, measure: str) -> bool:
    if measure == "owned_citation_rate":
        return any(one.owner == brand.name and one.cited is not False for one in sample.citations)
    found = next((one for one in sample.brands if one.brand == brand.name), None)
    return found is not None and _COUNTS[measure](found)


def _refuse_other_methods(before: Facts, after: Facts) -> None:
    methods = _method_of(before), _method_of(after)
    # where nothing was answered nothing was read, by whichever method
    if methods[0] == methods[1] or "" in methods:
        return
    if before.plan.brands != after.plan.brands:
        raise Conflict(
            "the two track different brands, or spell them differently, and names decide together what is a mention: "
            "import one's answers with the brands of the other (`brandq import`), and compare that"
        )
    first, second = (f"{facts.execution_id} ({method})" for facts, method in zip((before, after), methods, strict=True))
    raise Conflict(f"the two were read by different methods: {first} and {second}; `brandq analyze` reads each again")


def _method_of(facts: Facts) -> str:
    versions = sorted({sample.method_version or "" for sample in facts.samples if sample.kind is not None})
    return ", ".join(version or "a method without a version" for version in versions)


def _prompts(plan: Plan) -> dict[str, int]:
    return {text: number for number, text in enumerate(plan.prompts, start=1)}


def _side(facts: Facts, samples: Sequence[SampleFacts]) -> Document:
    return {
        "execution_id": facts.execution_id,
        "label": facts.plan.label,
        "method_version": _method_of(facts),
        "ended_at": facts.ended_at.isoformat().replace("+00:00", "Z") if facts.ended_at else None,
        "samples": len(samples),
        "usable": sum(is_usable(sample) for sample in samples),
        "simulated": any(sample.simulated for sample in samples),
        "imported": any(sample.imported for sample in samples),
    }


def _breaks(engines: Sequence[EngineRef], sides: Iterable[Sequence[SampleFacts]]) -> list[Document]:
    """Engines that another model answered for: what differs there is a break in the series, and no trend."""
    sides = list(sides)
    found = []
    for engine in engines:
        before, after = (
            sorted({one.served_model for one in side if one.engine == engine.engine and one.served_model})
            for side in sides
        )
        if before != after:
            found.append({"engine": engine.engine, "before": before, "after": after})
    return found
