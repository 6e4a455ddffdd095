"""Reports: the frozen document of one ended execution, built from facts alone.

Everything measured in it is a number object of ``analysis.measures``; plain integers are counts of samples. Only
samples that are analyzed and whose answer is of kind ok are usable and enter denominators; coverage counts them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from brandq.analysis import METHOD_VERSION
from brandq.analysis.findings import BrandFinding, CitationFinding
from brandq.analysis.measures import Number, absent, rate
from brandq.plan import Brand, EngineRef, Plan
from brandq.providers.dialect import AnswerKind
from brandq.reports.definitions import DEFINITIONS, NOTES
from brandq.reports.facts import Facts, Publication, SampleFacts
from brandq.reports.pooling import Pool, estimand_of
from brandq.states import ExecutionState, SampleState

#: the shape of the document; raised when a field changes its meaning or goes away
REPORT_VERSION = 1
#: what a sample can come to, in the order of the document
OUTCOMES = (*(str(kind) for kind in AnswerKind), "failed", "cancelled", "open")
#: a report stays readable and small; what is left out is counted
MOST_DOMAINS = 200
MOST_PAGES = 5
_MOST_MESSAGE_CHARS = 300

Document = dict[str, Any]


def build(facts: Facts, *, built_at: datetime) -> Document:
    """The report as a JSON-ready document. The same facts, in any order, and the same time give the same document."""
    plan = facts.plan
    engine_order = {engine.engine: n for n, engine in enumerate(plan.engines)}
    samples = sorted(
        facts.samples,
        key=lambda sample: (sample.prompt_no, engine_order.get(sample.engine, len(engine_order)), sample.repeat_no),
    )
    groups = _Groups(samples, plan)
    engines = [_engine(engine, samples) for engine in plan.engines]
    return {
        "report_version": REPORT_VERSION,
        "method_version": METHOD_VERSION,
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
        "coverage": {
            "planned": len(samples),
            "outcomes": _outcomes(samples),
            "taken_over": sum(sample.taken_over for sample in samples),
            "usable": _coverage(samples),
            "search": _search(samples),
            "engines": engines,
        },
        "brands": [_brand(facts, brand, groups) for brand in plan.brands],
        "citations": _citations(samples),
        "cost": _cost(samples),
        "definitions": deepcopy(DEFINITIONS),
        "notes": list(NOTES),
    }


def outcome(facts: Facts) -> str:
    """The state in which the execution ends: completed, partial, failed; or cancelled, which stays so."""
    if facts.cancelled:
        return str(ExecutionState.CANCELLED)
    usable = sum(is_usable(sample) for sample in facts.samples)
    if usable == 0:
        return str(ExecutionState.FAILED)
    return str(ExecutionState.COMPLETED if usable == len(facts.samples) else ExecutionState.PARTIAL)


def publication(facts: Facts, *, built_at: datetime) -> Publication:
    """The finished document of these facts, with the words for an execution that got no usable answer."""
    document = build(facts, built_at=built_at)
    status = outcome(facts)
    error_code, error_message = _why_failed(facts) if status == ExecutionState.FAILED else (None, None)
    return Publication(document, METHOD_VERSION, digest(document), status, error_code, error_message)


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


def is_usable(sample: SampleFacts) -> bool:
    """Whether the sample's answer enters denominators."""
    return sample.state == SampleState.ANALYZED and sample.kind == AnswerKind.OK


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _plan(facts: Facts) -> Document:
    plan = facts.plan
    return {
        "brands": [
            {"name": brand.name, "aliases": list(brand.aliases), "domains": list(brand.domains)}
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


def _outcome_of(sample: SampleFacts) -> str:
    if sample.state == SampleState.ANALYZED and sample.kind is not None:
        return str(sample.kind)
    if sample.state in {SampleState.FAILED, SampleState.CANCELLED}:
        return str(sample.state)
    return "open"


def _outcomes(samples: Iterable[SampleFacts]) -> dict[str, int]:
    counted = Counter(_outcome_of(sample) for sample in samples)
    return {name: counted[name] for name in OUTCOMES}


def _coverage(samples: Sequence[SampleFacts]) -> Number:
    """Every planned sample has a row, whatever became of it, so what was planned is counted and not multiplied."""
    return rate(sum(is_usable(sample) for sample in samples), len(samples), "coverage", "no sample was planned")


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


def _engine(engine: EngineRef, samples: Sequence[SampleFacts]) -> Document:
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
        "outcomes": _outcomes(mine),
        "usable": _coverage(mine),
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


@dataclass(frozen=True)
class _Usable:
    """A usable answer: what it says of each brand, and how many of the tracked brands it mentions."""

    sample: SampleFacts
    brands: Mapping[str, BrandFinding]
    named: int


class _Groups:
    """The samples by prompt and engine, with None for any: each sample is read once, however many numbers it enters."""

    def __init__(self, samples: Sequence[SampleFacts], plan: Plan) -> None:
        names = {brand.name for brand in plan.brands}
        simulated = {engine.engine for engine in plan.engines if engine.simulated}
        imported = {engine.engine for engine in plan.engines if engine.imported}
        self.samples: dict[tuple[int | None, str | None], list[SampleFacts]] = {}
        self.usable: dict[tuple[int | None, str | None], list[_Usable]] = {}
        #: where at least one sample was simulated, or imported
        self.simulated: set[tuple[int | None, str | None]] = set()
        self.imported: set[tuple[int | None, str | None]] = set()
        for sample in samples:
            keys = [(no, engine) for no in (None, sample.prompt_no) for engine in (None, sample.engine)]
            for key in keys:
                self.samples.setdefault(key, []).append(sample)
            if sample.simulated or sample.engine in simulated:
                self.simulated.update(keys)
            if sample.imported or sample.engine in imported:
                self.imported.update(keys)
            if is_usable(sample):
                brands = {finding.brand: finding for finding in sample.brands if finding.brand in names}
                usable = _Usable(sample, brands, sum(finding.count > 0 for finding in brands.values()))
                for key in keys:
                    self.usable.setdefault(key, []).append(usable)


def _brand(facts: Facts, brand: Brand, groups: _Groups) -> Document:
    plan = facts.plan

    def pool(usable: Sequence[_Usable], engine: str | None, prompt_no: int | None) -> Pool[_Usable]:
        estimand = estimand_of(len(plan.prompts), engine=engine, prompt_no=prompt_no)
        return Pool(usable, lambda answer: (answer.sample.prompt_no, answer.sample.engine), estimand)

    def block(engine: str | None = None, prompt_no: int | None = None) -> Document:
        usable = groups.usable.get((prompt_no, engine), [])
        reason = "" if usable else _unusable_because(groups.samples.get((prompt_no, engine), []))
        planned = len(groups.samples.get((prompt_no, engine), []))
        return {
            "simulated": (prompt_no, engine) in groups.simulated,
            "imported": (prompt_no, engine) in groups.imported,
            "coverage": rate(len(usable), planned, "coverage", "no sample was planned here"),
            **_measures(brand, pool(usable, engine, prompt_no), reason, whole=engine is None or prompt_no is None),
            "evidence": _evidence(facts.execution_id, brand.name, engine, prompt_no),
        }

    return {
        "name": brand.name,
        "subject": brand == plan.subject,
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


def _measures(brand: Brand, pool: Pool[_Usable], reason: str, *, whole: bool) -> Document:
    """The brand's numbers over these answers. One prompt on one engine (not ``whole``) gets the three main ones."""

    def finding(answer: _Usable) -> BrandFinding | None:
        found = answer.brands.get(brand.name)
        return found if found is not None and found.count > 0 else None

    def rank(answer: _Usable) -> int | None:
        found = finding(answer)
        return found.rank if found else None

    def position(answer: _Usable) -> int | None:
        found = finding(answer)
        return found.position if found else None

    n = len(pool.answers)
    not_named = reason or f"none of the {n} usable answers mentions it"
    not_ranked = reason or f"none of the {n} usable answers gives it a rank in an explicit list"
    no_voice = reason or f"none of the {n} usable answers mentions a tracked brand"
    numbers: Document = {
        "mention_rate": pool.rate(lambda answer: finding(answer) is not None, "mention_rate", reason),
        "share_of_voice": pool.share(
            lambda answer: (int(finding(answer) is not None), answer.named), "share_of_voice", no_voice
        ),
        "average_rank": pool.mean_place(rank, "average_rank", not_ranked),
    }
    if whole:
        numbers["first_place_rate"] = pool.rate(lambda answer: rank(answer) == 1, "first_place_rate", reason)
        numbers["average_position"] = pool.mean_place(position, "average_position", not_named)
        numbers["owned_citation_rate"] = (
            pool.rate(lambda answer: _cites(answer.sample, brand.name), "owned_citation_rate", reason)
            if brand.domains
            else absent("no domain of this brand is in the plan")
        )
    return numbers


def _cites(sample: SampleFacts, name: str) -> bool:
    return any(citation.owner == name and citation.cited is not False for citation in sample.citations)


def _unusable_because(samples: Sequence[SampleFacts]) -> str:
    counted = [f"{count} {name}" for name, count in _outcomes(samples).items() if count and name != AnswerKind.OK]
    return f"no usable answer ({', '.join(counted) or 'nothing was asked'})"


def _evidence(execution_id: str, brand: str, engine: str | None, prompt_no: int | None) -> str:
    wanted = {"brand": brand, "engine": engine, "prompt_no": prompt_no}
    given = {name: str(value) for name, value in wanted.items() if value is not None}
    return f"/api/executions/{quote(execution_id, safe='')}/samples?{urlencode(given, quote_via=quote)}"


def _citations(samples: Sequence[SampleFacts]) -> Document:
    """Domains by the number of usable answers that give them as a source; once per answer, whatever its pages."""
    usable = [sample for sample in samples if is_usable(sample)]
    n = len(usable)
    reason = "" if usable else _unusable_because(samples)
    domains: dict[tuple[str, str | None], list[list[CitationFinding]]] = {}
    for sample in usable:
        here: dict[tuple[str, str | None], list[CitationFinding]] = {}
        for citation in sample.citations:
            here.setdefault((citation.domain, citation.owner), []).append(citation)
        for key, found in here.items():
            domains.setdefault(key, []).append(found)
    rows = [_domain(key, answers, n) for key, answers in domains.items()]
    rows.sort(key=lambda row: (-row["answers"]["k"], -row["only_retrieved"]["k"], row["domain"], row["owner"] or ""))
    with_sources = sum(any(citation.cited is not False for citation in sample.citations) for sample in usable)
    return {
        "with_sources": rate(with_sources, n, "sourced_rate", reason),
        "domains": rows[:MOST_DOMAINS],
        "domains_left_out": max(0, len(rows) - MOST_DOMAINS),
    }


def _domain(key: tuple[str, str | None], answers: Sequence[Sequence[CitationFinding]], n: int) -> Document:
    every = [citation for found in answers for citation in found]
    given = sum(any(citation.cited is not False for citation in found) for found in answers)
    verdicts = {citation.cited for citation in every}
    pages = Counter(citation.canonical_url for citation in every)
    return {
        "domain": key[0],
        "owner": key[1],
        "cited": "cited" if True in verdicts else "unknown" if None in verdicts else "only retrieved",
        "answers": rate(given, n, "citation_rate"),
        "only_retrieved": rate(len(answers) - given, n, "retrieval_rate"),
        "pages": len(pages),
        "most_given_pages": sorted(pages, key=lambda url: (-pages[url], url))[:MOST_PAGES],
    }


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
