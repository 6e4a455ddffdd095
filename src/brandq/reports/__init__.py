"""Reports: the frozen document of one ended execution, built from facts alone.

Everything measured in it is a number object of ``measures.rates``; plain integers are counts of samples. Only
samples that are analyzed and whose answer is of kind ok are usable and enter denominators; coverage counts them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from brandq.measures.trackers import side_by_side
from brandq.plan import EngineRef, Plan
from brandq.reports.brands import brand_document
from brandq.reports.candidates import count_candidates
from brandq.reports.definitions import DEFINITIONS, NOTES
from brandq.reports.disclosure import disclosure
from brandq.reports.facts import Facts, Publication
from brandq.reports.sources import sources_section
from brandq.reports.tallies import SEARCHES, Asked, Costs, Groups, Tallies, added
from brandq.reports.usable import Outcomes, came_to, coverage, outcome_of, outcomes, usable
from brandq.states import ExecutionState

#: the shape of the document; raised when a field comes, changes its meaning or goes away
REPORT_VERSION = 3
_MOST_MESSAGE_CHARS = 300

Document = dict[str, Any]


def build(facts: Facts, *, built_at: datetime, version: int = 1, judge: Document | None = None) -> Document:
    """The report as a JSON-ready document. The same facts, in any order, and the same time give the same document.

    ``version`` is that of this execution's report; ``judge`` says who judged, where sentiments are a judge's.
    """
    return _document(facts, Tallies(facts.plan, facts.samples), built_at, version, judge)


def _document(facts: Facts, tallies: Tallies, built_at: datetime, version: int, judge: Document | None) -> Document:
    plan = facts.plan
    groups, whole = Groups(tallies.strata), tallies.outcomes
    naming = {no: named_in(prompt, plan.brands) for no, prompt in enumerate(plan.prompts, start=1)}
    brands = [brand_document(facts.execution_id, plan, brand, tallies, groups, naming) for brand in plan.brands]
    return {
        "report_version": REPORT_VERSION,
        "version": version,
        "method_version": _method(plan, judge),
        "judge": judge,
        "execution_id": facts.execution_id,
        "status": _outcome(facts, whole),
        "label": plan.label,
        "retry_of": facts.retry_of,
        "times": {
            "created_at": _moment(facts.created_at),
            "started_at": _moment(facts.started_at),
            "ended_at": _moment(facts.ended_at),
            "built_at": _moment(built_at),
        },
        "simulated": _marked(tallies, plan.engines, lambda each: each.simulated),
        "imported": _marked(tallies, plan.engines, lambda each: each.imported),
        "plan": _plan(facts),
        "disclosure": disclosure(plan, tallies, naming, brands[0]["overall"]["mention_rate"]),
        "coverage": {
            "planned": whole.total(),
            "outcomes": outcomes(whole),
            "taken_over": tallies.taken_over,
            "usable": coverage(whole),
            "refusal_rate": came_to(whole, "refused", "refusal_rate"),
            "failure_rate": came_to(whole, "failed", "failure_rate"),
            "answer_types": {str(name): tallies.answer_types[name] for name in AnswerType},
            "injection_suspected": tallies.injection_suspected,
            "search": _search(added(asked.search for asked in tallies.engines.values())),
            "engines": [
                _engine(engine, tallies.engines.get(engine.engine) or Asked(), tallies) for engine in plan.engines
            ],
        },
        "brands": brands,
        "agreement": agreement(_named(tallies)),
        "stability": stability(_named(tallies)),
        "competitors": _competitors(plan, tallies, groups),
        "citations": sources_section(plan, tallies, groups.at(None, None)),
        "formulas": [{"brand": brand.name, "rows": side_by_side(tallies.namings, brand.name)} for brand in plan.brands],
        "cost": _cost(tallies.costs),
        "definitions": deepcopy(DEFINITIONS),
        "notes": list(NOTES),
    }


def _method(plan: Plan, judge: Document | None) -> str:
    """Which rules made the numbers, and a digest of the judge where one had a say; ``judge`` says who that is."""
    read_by = method_version(plan.brands)
    return f"{read_by}+judge.{hashlib.sha256(judge['method'].encode()).hexdigest()[:8]}" if judge else read_by


def outcome(facts: Facts) -> str:
    """The state in which the execution ends: completed, partial, failed; or cancelled, which stays so."""
    return _outcome(facts, Counter(map(outcome_of, facts.samples)))


def _outcome(facts: Facts, counted: Outcomes) -> str:
    if facts.cancelled:
        return str(ExecutionState.CANCELLED)
    if usable(counted) == 0:
        return str(ExecutionState.FAILED)
    whole = usable(counted) == sum(counted.values())
    return str(ExecutionState.COMPLETED if whole else ExecutionState.PARTIAL)


def publication(facts: Facts, *, built_at: datetime, version: int = 1, judge: Document | None = None) -> Publication:
    """The finished document of these facts, with the words for an execution that got no usable answer.

    It goes through the samples once.
    """
    tallies = Tallies(facts.plan, facts.samples)
    document = _document(facts, tallies, built_at, version, judge)
    status = document["status"]
    error_code, error_message = _why_failed(tallies) if status == ExecutionState.FAILED else (None, None)
    return Publication(
        document, document["method_version"], digest(document), status, version, error_code, error_message
    )


def _why_failed(tallies: Tallies) -> tuple[str, str]:
    """The commonest reason why samples have no usable answer, and all of them counted in words."""
    ordered = sorted(tallies.reasons.items(), key=lambda item: (-item[1], item[0]))
    counted = ", ".join(f"{reason} × {n}" for reason, n in ordered)
    example = tallies.message
    return ordered[0][0], f"no usable answer: {counted}" + (f"; for example: {example}" if example else "")


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the document as canonical JSON: sorted keys, no spaces, UTF-8."""
    hashed = hashlib.sha256()
    for piece in _canonical(document, 3):
        hashed.update(piece.encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()


def _canonical(value: Any, depth: int) -> Iterator[str]:
    """Canonical JSON, piece by piece down to this depth, since the whole of a large document is many megabytes."""
    if depth and isinstance(value, Mapping):
        for number, key in enumerate(sorted(value)):
            yield f"{',' if number else '{'}{json.dumps(key, ensure_ascii=False)}:"
            yield from _canonical(value[key], depth - 1)
        yield "}" if value else "{}"
    elif depth and isinstance(value, list):
        for number, item in enumerate(value):
            yield "," if number else "["
            yield from _canonical(item, depth - 1)
        yield "]" if value else "[]"
    else:
        yield json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


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


def _marked(tallies: Tallies, engines: Sequence[EngineRef], marked: Callable[[Asked | EngineRef], int]) -> Document:
    """Which engines, and how many samples, were simulated or imported: shown wherever numbers are."""
    found = {name: n for name, asked in tallies.engines.items() if (n := marked(asked))}
    names = [engine.engine for engine in engines if marked(engine) or engine.engine in found]
    return {"any": bool(names or found), "engines": names, "samples": sum(found.values())}


def _search(counted: Mapping[str, int]) -> dict[str, int]:
    """Counts over the answers: how many were asked for with search, and what their engines say came of it."""
    return {name: counted.get(name, 0) for name in SEARCHES}


def _engine(engine: EngineRef, asked: Asked, tallies: Tallies) -> Document:
    return {
        "engine": engine.engine,
        "provider": engine.provider,
        "model": engine.model,
        # who copied an answer from a page knows whether it searched; the file does not say
        "search": None if engine.imported else engine.search,
        "locale": engine.locale,
        "simulated": engine.simulated or asked.simulated > 0,
        "imported": engine.imported or asked.imported > 0,
        "planned": asked.outcomes.total(),
        "outcomes": outcomes(asked.outcomes),
        "usable": coverage(asked.outcomes),
        "refusal_rate": came_to(asked.outcomes, "refused", "refusal_rate"),
        "failure_rate": came_to(asked.outcomes, "failed", "failure_rate"),
        "stability": stability(_named(tallies, engine.engine)),
        "errors": [
            {"code": code, "samples": failures.samples, "example": _shortened(failures.example)}
            for code, failures in sorted(asked.failures.items())
        ],
        "served_models": [
            {"model": model, "answers": asked.served[model]}
            for model in sorted(asked.served, key=lambda name: (name is None, name))
        ],
        "search_counts": _search(asked.search),
    }


def _shortened(message: str | None) -> str | None:
    return message[:_MOST_MESSAGE_CHARS] if message else None


def _named(tallies: Tallies, engine: str | None = None) -> list[Named]:
    """The tracked brands that each repeat names, by prompt and engine."""
    return [
        Named(prompt_no, tuple(stratum.named.elements()), asked)
        for (prompt_no, asked), stratum in tallies.strata.items()
        if stratum.named and engine in (None, asked)
    ]


def _competitors(plan: Plan, tallies: Tallies, groups: Groups) -> Document:
    """Names that nobody tracks and that answers put where they put brands."""
    reason = groups.at(None, None).reason
    return count_candidates(tallies.names, prompts=len(plan.prompts), repeats=plan.repeats, reason=reason)


def _cost(costs: Costs) -> Document:
    """What the answers of this execution cost, as far as it is known. A sum of nothing known is null, not 0."""
    totals = [
        {"currency": currency, "basis": basis, "value": _plain(total), "n": n}
        for (currency, basis), (total, n) in sorted(costs.known.items())
    ]
    document: Document = {
        "totals": totals,
        "answers": costs.paid,
        "unknown_cost_answers": costs.paid - sum(n for _, n in costs.known.values()),
        "not_paid_here": costs.answered - costs.paid,
    }
    if not totals:
        document["reason"] = (
            "no answer was asked for" if not costs.paid else "no engine reported a cost or has a known price"
        )
    return document


def _plain(amount: Decimal) -> str:
    """Money as a decimal string, without an exponent and without zeros at the end."""
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
