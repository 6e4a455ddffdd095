"""Reports: the frozen document of one ended execution, built from facts alone.

Everything measured in it is a number object of ``measures.rates``; plain integers are counts of samples. Only
samples that are analyzed and whose answer is of kind ok are usable and enter denominators; coverage counts them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from brandq.analysis import named_in
from brandq.analysis.findings import AnswerType
from brandq.analysis.method import method_version
from brandq.measures.counting import Named
from brandq.measures.stability import agreement, stability
from brandq.measures.trackers import Counted, side_by_side
from brandq.plan import EngineRef, Plan
from brandq.providers.dialect import AnswerKind
from brandq.reports.brands import brand_document
from brandq.reports.candidates import count_candidates
from brandq.reports.definitions import DEFINITIONS, NOTES
from brandq.reports.disclosure import disclosure
from brandq.reports.facts import Facts, Publication, SampleFacts
from brandq.reports.sources import sources_section
from brandq.reports.usable import Groups, Usable, came_to, coverage, is_usable, outcomes
from brandq.states import ExecutionState

#: the shape of the document; raised when a field changes its meaning or goes away
REPORT_VERSION = 2
_MOST_MESSAGE_CHARS = 300

Document = dict[str, Any]


def build(facts: Facts, *, built_at: datetime, version: int = 1, judge: Document | None = None) -> Document:
    """The report as a JSON-ready document. The same facts, in any order, and the same time give the same document.

    ``version`` is that of this execution's report; ``judge`` says who judged, where sentiments are a judge's.
    """
    plan = facts.plan
    engine_order = {engine.engine: n for n, engine in enumerate(plan.engines)}
    samples = sorted(
        facts.samples,
        key=lambda sample: (sample.prompt_no, engine_order.get(sample.engine, len(engine_order)), sample.repeat_no),
    )
    groups = Groups(samples, plan)
    naming = {no: named_in(prompt, plan.brands) for no, prompt in enumerate(plan.prompts, start=1)}
    brands = [brand_document(facts.execution_id, plan, brand, groups, naming) for brand in plan.brands]
    return {
        "report_version": REPORT_VERSION,
        "version": version,
        "method_version": _method(plan, judge),
        "judge": judge,
        "execution_id": facts.execution_id,
        "status": outcome(facts),
        "label": plan.label,
        "retry_of": facts.retry_of,
        "times": {
            "created_at": _moment(facts.created_at),
            "started_at": _moment(facts.started_at),
            "ended_at": _moment(facts.ended_at),
            "built_at": _moment(built_at),
        },
        "simulated": _marked(samples, plan.engines, lambda each: each.simulated),
        "imported": _marked(samples, plan.engines, lambda each: each.imported),
        "plan": _plan(facts),
        "disclosure": disclosure(plan, samples, naming, brands[0]["overall"]["mention_rate"]),
        "coverage": {
            "planned": len(samples),
            "outcomes": outcomes(samples),
            "taken_over": sum(sample.taken_over for sample in samples),
            "usable": coverage(samples),
            "refusal_rate": came_to(samples, "refused", "refusal_rate"),
            "failure_rate": came_to(samples, "failed", "failure_rate"),
            "answer_types": _answer_types(samples),
            "injection_suspected": sum(sample.injection_suspected for sample in samples),
            "search": _search(samples),
            "engines": [_engine(engine, samples, groups) for engine in plan.engines],
        },
        "brands": brands,
        "agreement": agreement(_named(groups)),
        "stability": stability(_named(groups)),
        "competitors": _competitors(plan, groups),
        "citations": sources_section(plan, groups),
        "formulas": _formulas(plan, samples),
        "cost": _cost(samples),
        "definitions": deepcopy(DEFINITIONS),
        "notes": list(NOTES),
    }


def _method(plan: Plan, judge: Document | None) -> str:
    """Which rules made the numbers, and a digest of the judge where one had a say; ``judge`` says who that is."""
    read_by = method_version(plan.brands)
    return f"{read_by}+judge.{hashlib.sha256(judge['method'].encode()).hexdigest()[:8]}" if judge else read_by


def outcome(facts: Facts) -> str:
    """The state in which the execution ends: completed, partial, failed; or cancelled, which stays so."""
    if facts.cancelled:
        return str(ExecutionState.CANCELLED)
    usable = sum(is_usable(sample) for sample in facts.samples)
    if usable == 0:
        return str(ExecutionState.FAILED)
    return str(ExecutionState.COMPLETED if usable == len(facts.samples) else ExecutionState.PARTIAL)


def publication(facts: Facts, *, built_at: datetime, version: int = 1, judge: Document | None = None) -> Publication:
    """The finished document of these facts, with the words for an execution that got no usable answer."""
    document = build(facts, built_at=built_at, version=version, judge=judge)
    status = outcome(facts)
    error_code, error_message = _why_failed(facts) if status == ExecutionState.FAILED else (None, None)
    return Publication(
        document, document["method_version"], digest(document), status, version, error_code, error_message
    )


def _why_failed(facts: Facts) -> tuple[str, str]:
    """The commonest reason why samples have no usable answer, and all of them counted in words."""
    reasons = Counter(sample.error_code or sample.kind or sample.state for sample in facts.samples)
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    counted = ", ".join(f"{reason} × {n}" for reason, n in ordered)
    example = next((sample.error_message for sample in facts.samples if sample.error_message), None)
    return ordered[0][0], f"no usable answer: {counted}" + (f"; for example: {example}" if example else "")


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the document as canonical JSON: sorted keys, no spaces, UTF-8."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _plan(facts: Facts) -> Document:
    plan = facts.plan
    return {
        "brands": [
            {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(brand).items()}
            for brand in plan.brands
        ],
        "prompts": [{"prompt_no": n, "text": prompt} for n, prompt in enumerate(plan.prompts, start=1)],
        "engines": [engine.engine for engine in plan.engines],
        "repeats": plan.repeats,
        "priority": plan.priority,
        "system": plan.system,
        "cost_limit": plan.cost_limit.to_json() if plan.cost_limit else None,
        "reuse_within_hours": plan.reuse_within_hours,
    }


def _marked(
    samples: Sequence[SampleFacts], engines: Sequence[EngineRef], marked: Callable[[SampleFacts | EngineRef], bool]
) -> Document:
    """Which engines, and how many samples, were simulated or imported: shown wherever numbers are."""
    found = Counter(sample.engine for sample in samples if marked(sample))
    names = [engine.engine for engine in engines if marked(engine) or engine.engine in found]
    return {"any": bool(names or found), "engines": names, "samples": sum(found.values())}


def _search(samples: Iterable[SampleFacts]) -> dict[str, int]:
    """Counts over the answers: how many were asked for with search, and what their engines say came of it."""
    answered = [sample for sample in samples if sample.kind is not None]
    asked = [sample for sample in answered if sample.search_requested]
    return {
        "answers": len(answered),
        "requested": len(asked),
        "executed": sum(sample.search_executed is True for sample in asked),
        "not_executed": sum(sample.search_executed is False for sample in asked),
        "not_reported": sum(sample.search_executed is None for sample in asked),
    }


def _engine(engine: EngineRef, samples: Sequence[SampleFacts], groups: Groups) -> Document:
    mine = [sample for sample in samples if sample.engine == engine.engine]
    errors: dict[str, list[SampleFacts]] = {}
    for sample in mine:
        if sample.error_code is not None:
            errors.setdefault(sample.error_code, []).append(sample)
    served = Counter(sample.served_model for sample in mine if sample.kind is not None)
    return {
        "engine": engine.engine,
        "provider": engine.provider,
        "model": engine.model,
        # who copied an answer from a page knows whether it searched; the file does not say
        "search": None if engine.imported else engine.search,
        "locale": engine.locale,
        "simulated": engine.simulated or any(sample.simulated for sample in mine),
        "imported": engine.imported or any(sample.imported for sample in mine),
        "planned": len(mine),
        "outcomes": outcomes(mine),
        "usable": coverage(mine),
        "refusal_rate": came_to(mine, "refused", "refusal_rate"),
        "failure_rate": came_to(mine, "failed", "failure_rate"),
        "stability": stability(_named(groups, engine.engine)),
        "errors": [
            {"code": code, "samples": len(errors[code]), "example": _example(errors[code])} for code in sorted(errors)
        ],
        "served_models": [
            {"model": model, "answers": served[model]}
            for model in sorted(served, key=lambda name: (name is None, name))
        ],
        "search_counts": _search(mine),
    }


def _example(samples: Sequence[SampleFacts]) -> str | None:
    return next((sample.error_message[:_MOST_MESSAGE_CHARS] for sample in samples if sample.error_message), None)


def _answer_types(samples: Iterable[SampleFacts]) -> dict[str, int]:
    """How many analyzed answers of kind ok do what."""
    counted = Counter(sample.answer_type for sample in samples if sample.kind == AnswerKind.OK)
    return {str(name): counted[name] for name in AnswerType}


def _named(groups: Groups, engine: str | None = None) -> list[Named]:
    """The tracked brands that each repeat names, by prompt and engine."""
    strata: dict[tuple[int, str], list[Usable]] = {}
    for answer in groups.at(None, engine)[0]:
        strata.setdefault(answer.stratum, []).append(answer)
    return [
        Named(
            prompt_no,
            tuple(frozenset(name for name, found in one.brands.items() if found.named) for one in answers),
            asked,
        )
        for (prompt_no, asked), answers in strata.items()
    ]


def _competitors(plan: Plan, groups: Groups) -> Document:
    """Names that nobody tracks and that answers put where they put brands."""
    usable, reason, _ = groups.at(None, None)
    seen = ((one.sample.prompt_no, one.sample.engine, one.sample.repeat_no, one.sample.candidates) for one in usable)
    return count_candidates(seen, prompts=len(plan.prompts), repeats=plan.repeats, reason=reason)


def _formulas(plan: Plan, samples: Sequence[SampleFacts]) -> list[Document]:
    """What other products would print for the same answers, brand by brand."""
    counted = [
        Counted(
            {found.brand: found.count if found.known else 0 for found in sample.brands},
            usable=is_usable(sample),
            prompt_no=sample.prompt_no,
        )
        for sample in samples
        if sample.kind is not None
    ]
    return [{"brand": brand.name, "rows": side_by_side(counted, brand.name)} for brand in plan.brands]


def _cost(samples: Sequence[SampleFacts]) -> Document:
    """What the answers of this execution cost, as far as it is known. A sum of nothing known is null, not 0."""
    answered = [sample for sample in samples if sample.kind is not None]
    paid = [sample for sample in answered if not (sample.taken_over or sample.imported)]
    known: dict[tuple[str, str], list[Decimal]] = {}
    for sample in paid:
        if sample.cost is not None and sample.currency:
            known.setdefault((sample.currency, sample.cost_basis or "unknown"), []).append(sample.cost)
    counted = sum(len(costs) for costs in known.values())
    totals = [
        {"currency": currency, "basis": basis, "value": _plain(sum(costs, Decimal(0))), "n": len(costs)}
        for (currency, basis), costs in sorted(known.items())
    ]
    document: Document = {
        "totals": totals,
        "answers": len(paid),
        "unknown_cost_answers": len(paid) - counted,
        "not_paid_here": len(answered) - len(paid),
    }
    if not totals:
        document["reason"] = "no answer was asked for" if not paid else "no engine reported a cost or has a known price"
    return document


def _plain(amount: Decimal) -> str:
    """Money as a decimal string, without an exponent and without zeros at the end."""
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
