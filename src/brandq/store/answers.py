"""Answers and what was found in them: stored, loaded for analysis, taken over, shown as evidence, made into facts."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from brandq.analysis.findings import BrandFinding, CitationFinding, Findings
from brandq.errors import Conflict, NotFound
from brandq.plan import Plan
from brandq.providers.dialect import Answer, AnswerKind, Citation
from brandq.reports.facts import Facts, Publication, SampleFacts
from brandq.states import ExecutionState, SampleState
from brandq.store.executions import Place, execution
from brandq.store.moving import insert_or_ignore, insert_or_replace, move_execution, move_samples
from brandq.store.samples import answer_row
from brandq.tables import answers, citations, deliveries, executions, findings, reports, samples

#: ids bound in one statement; SQLite takes 32,766 at most
_MOST_IDS = 5000
#: executions that are looked through for answers that may be taken instead of new ones, the newest first
_MOST_LIKE = 500


@dataclass(frozen=True)
class Placed:
    """A stored answer and where it stands in its plan."""

    sample_id: int
    prompt_no: int
    engine: str
    repeat_no: int
    answer: Answer


def _answer(row: Row[Any]) -> Answer:
    return Answer(
        text=row.text,
        kind=AnswerKind(row.kind),
        finish=row.finish,
        served_model=row.served_model,
        citations=tuple(Citation(**source) for source in row.sources),
        search_requested=row.search_requested,
        search_executed=row.search_executed,
        tokens_in=row.tokens_in,
        tokens_out=row.tokens_out,
        cost=row.cost,
        currency=row.currency,
        cost_basis=row.cost_basis,
    )


def unread_answers(db: Connection, execution_id: str, sample_ids: Sequence[int]) -> list[Placed]:
    """Those of the samples that are answered and not analyzed."""
    rows = db.execute(
        sa.select(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, answers)
        .join(answers, answers.c.sample_id == samples.c.sample_id)
        .where(
            samples.c.execution_id == execution_id,
            samples.c.sample_id.in_(sample_ids),
            samples.c.state == SampleState.ANSWERED,
        )
        .order_by(samples.c.sample_id)
    )
    return [Placed(row.sample_id, row.prompt_no, row.engine, row.repeat_no, _answer(row)) for row in rows]


def record_findings(db: Connection, found: Mapping[int, Findings]) -> int:
    """Record the findings of answers that are not analyzed yet; how many that were."""
    moved = {
        row.sample_id
        for row in move_samples(db, "analyze", samples.c.sample_id.in_(list(found)), values={"sent_at": None})
    }
    _insert_findings(db, {sample_id: found[sample_id] for sample_id in moved})
    return len(moved)


def _insert_findings(db: Connection, found: Mapping[int, Findings]) -> None:
    brand_rows = [
        {"sample_id": sample_id, **vars(brand), "spans": [list(span) for span in brand.spans]}
        for sample_id in sorted(found)
        for brand in found[sample_id].brands
    ]
    citation_rows = [
        {"sample_id": sample_id, "n": n, **vars(citation)}
        for sample_id in sorted(found)
        for n, citation in enumerate(found[sample_id].citations, 1)
    ]
    for table, rows in ((findings, brand_rows), (citations, citation_rows)):
        if rows:
            db.execute(sa.insert(table), rows)


def places_with_answer(db: Connection, execution_id: str) -> dict[Place, int]:
    """Where an execution has an answer, and the sample that holds it."""
    rows = db.execute(
        sa.select(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, samples.c.sample_id)
        .join(answers, answers.c.sample_id == samples.c.sample_id)
        .where(samples.c.execution_id == execution_id)
    )
    return {(row.prompt_no, row.engine, row.repeat_no): row.sample_id for row in rows}


def reusable_answers(db: Connection, owner: str, plan: Plan, since: datetime) -> dict[Place, int]:
    """For places of the plan, the newest usable answer since then to the same of this owner, and the sample it is at.

    The same is: engine with everything that names it, system text, prompt, and number of the repeat. Simulated answers
    are for simulated engines alone, imported ones for none. An answer that was itself taken over has kept the time at
    which it was given, so no answer outlives ``since`` by being taken over again and again.

    No table of its own keeps them: the owner's newest executions that ended since then, or have not ended (so all that
    can hold such an answer, up to a bound), are compared with the plan here, and one query finds the answers of those
    that are like it.
    """
    engines = {engine.engine: engine for engine in plan.engines if not engine.imported}
    stored = db.execute(
        sa.select(executions.c.execution_id, executions.c.plan)
        .where(executions.c.owner == owner, sa.or_(executions.c.ended_at.is_(None), executions.c.ended_at >= since))
        .order_by(executions.c.created_at.desc(), executions.c.execution_id.desc())
        .limit(_MOST_LIKE)
    )
    prompt_nos: dict[str, dict[int, int]] = {}
    same_engines: dict[str, set[str]] = {}
    for execution_id, document in stored:
        other = Plan.from_json(document)
        same = {engine.engine for engine in other.engines if engines.get(engine.engine) == engine}
        numbers = {
            number: plan.prompts.index(prompt) + 1
            for number, prompt in enumerate(other.prompts, 1)
            if prompt in plan.prompts
        }
        if same and numbers and other.system == plan.system:
            prompt_nos[execution_id], same_engines[execution_id] = numbers, same
    rows = db.execute(
        sa.select(
            samples.c.execution_id,
            samples.c.prompt_no,
            samples.c.engine,
            samples.c.repeat_no,
            samples.c.sample_id,
            answers.c.simulated,
        )
        .join(answers, answers.c.sample_id == samples.c.sample_id)
        .where(
            samples.c.execution_id.in_(list(prompt_nos)),
            samples.c.engine.in_(list(engines)),
            samples.c.repeat_no <= plan.repeats,
            answers.c.kind == AnswerKind.OK,
            answers.c.imported.is_(False),
            answers.c.answered_at >= since,
        )
        .order_by(answers.c.answered_at.desc(), samples.c.sample_id.desc())
    )
    newest: dict[Place, int] = {}
    for row in rows:
        number = prompt_nos[row.execution_id].get(row.prompt_no)
        alike = row.engine in same_engines[row.execution_id] and row.simulated == engines[row.engine].simulated
        if number is not None and alike:
            newest.setdefault((number, row.engine, row.repeat_no), row.sample_id)
    return newest


def take_over(db: Connection, target: str, given: Mapping[Place, int]) -> None:
    """Copy the answers of these samples to the answered samples of the execution ``target`` at their places.

    Each copy names the sample it was given for, has the time at which it was given, and costs nothing again: its cost
    stays with the original. Conflict when one of them was removed meanwhile.
    """
    kept = [
        column
        for column in answers.c
        if column.name not in ("sample_id", "taken_from", "cost", "currency", "cost_basis")
    ]
    copied = sa.select(
        sa.bindparam("target_id", type_=sa.BigInteger),
        # a copy of a copy names the first
        sa.func.coalesce(answers.c.taken_from, answers.c.sample_id),
        sa.literal("taken over"),
        *kept,
    ).where(answers.c.sample_id == sa.bindparam("source_id", type_=sa.BigInteger))
    names = ["sample_id", "taken_from", "cost_basis", *(column.name for column in kept)]
    places = db.execute(
        sa.select(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, samples.c.sample_id).where(
            samples.c.execution_id == target, samples.c.state == SampleState.ANSWERED
        )
    )
    pairs = [
        {"target_id": row.sample_id, "source_id": given[(row.prompt_no, row.engine, row.repeat_no)]} for row in places
    ]
    if pairs:
        db.execute(sa.insert(answers).from_select(names, copied), pairs)
    if len(taken_over(db, target)) != len(pairs):
        raise Conflict("an answer that was to be taken over was removed meanwhile; send it again")


def taken_over(db: Connection, execution_id: str) -> frozenset[Place]:
    """Where an execution has an answer of an earlier one."""
    rows = db.execute(
        sa.select(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no)
        .join(answers, answers.c.sample_id == samples.c.sample_id)
        .where(samples.c.execution_id == execution_id, answers.c.taken_from.is_not(None))
    )
    return frozenset((row.prompt_no, row.engine, row.repeat_no) for row in rows)


def import_answers(db: Connection, execution_id: str, given: Mapping[Place, Answer], *, answered_at: datetime) -> int:
    """Store answers that somebody already had, at the answered samples of their places; how many."""
    rows = db.execute(
        sa.select(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, samples.c.sample_id).where(
            samples.c.execution_id == execution_id, samples.c.state == SampleState.ANSWERED
        )
    )
    stored = []
    for row in rows:
        answer = given[(row.prompt_no, row.engine, row.repeat_no)]
        fields = answer_row(row.sample_id, answer, raw=None, request=None, answered_at=answered_at)
        stored.append({**fields, "imported": True})
    for start in range(0, len(stored), _MOST_IDS):
        db.execute(sa.insert(answers), stored[start : start + _MOST_IDS])
    return len(stored)


def _brand_finding(row: Row[Any]) -> BrandFinding:
    fields = {name: getattr(row, name) for name in BrandFinding.__dataclass_fields__ if name not in ("count", "spans")}
    # a row is a tuple, and its own count() hides the column
    return BrandFinding(**fields, count=row._mapping["count"], spans=tuple((span[0], span[1]) for span in row.spans))


def _citation_finding(row: Row[Any]) -> CitationFinding:
    return CitationFinding(**{name: getattr(row, name) for name in CitationFinding.__dataclass_fields__})


def facts(db: Connection, execution_id: str) -> Facts:
    """Everything that a report of this execution is built from, in four queries however large it is."""
    found = execution(db, execution_id)
    mine = samples.c.execution_id == execution_id
    brands: dict[int, list[BrandFinding]] = {}
    order = {brand.name: number for number, brand in enumerate(found.plan.brands)}
    for row in db.execute(sa.select(findings).join(samples, samples.c.sample_id == findings.c.sample_id).where(mine)):
        brands.setdefault(row.sample_id, []).append(_brand_finding(row))
    sources: dict[int, list[CitationFinding]] = {}
    cited = sa.select(citations).join(samples, samples.c.sample_id == citations.c.sample_id).where(mine)
    for row in db.execute(cited.order_by(citations.c.sample_id, citations.c.n)):
        sources.setdefault(row.sample_id, []).append(_citation_finding(row))
    rows = db.execute(
        sa.select(samples, *(column for column in answers.c if column.name in _FACT_COLUMNS))
        .join(answers, answers.c.sample_id == samples.c.sample_id, isouter=True)
        .where(mine)
        .order_by(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no)
    )
    return Facts(
        execution_id=execution_id,
        plan=found.plan,
        samples=[
            SampleFacts(
                sample_id=row.sample_id,
                prompt_no=row.prompt_no,
                engine=row.engine,
                repeat_no=row.repeat_no,
                state=row.state,
                attempt=row.attempt,
                error_code=row.error_code,
                error_message=row.error_message,
                kind=row.kind,
                simulated=bool(row.simulated),
                imported=bool(row.imported),
                taken_over=row.taken_from is not None,
                served_model=row.served_model,
                search_requested=row.search_requested,
                search_executed=row.search_executed,
                cost=row.cost,
                currency=row.currency,
                cost_basis=row.cost_basis,
                latency_ms=row.latency_ms,
                answered_at=row.answered_at,
                brands=sorted(brands.get(row.sample_id, []), key=lambda brand: order.get(brand.brand, len(order))),
                citations=sources.get(row.sample_id, []),
            )
            for row in rows
        ],
        cancelled=found.status == ExecutionState.CANCELLED,
        retry_of=found.retry_of,
        created_at=found.created_at,
        started_at=found.started_at,
        ended_at=found.ended_at,
    )


_FACT_COLUMNS = frozenset(
    (
        "kind",
        "simulated",
        "imported",
        "taken_from",
        "served_model",
        "search_requested",
        "search_executed",
        "cost",
        "currency",
        "cost_basis",
        "latency_ms",
        "answered_at",
    )
)


def publish_report(db: Connection, execution_id: str, made: Publication, *, tell: bool, now: datetime) -> bool:
    """End the execution with this report; False when it was not waiting for one. ``tell``: a delivery is planned."""
    moved = move_execution(
        db,
        "publish",
        executions.c.execution_id == execution_id,
        target=made.status,
        values={
            "ended_at": now,
            "updated_at": now,
            "error_code": made.error_code,
            "error_message": made.error_message,
        },
    )
    if moved:
        keep_report(db, execution_id, made, replace=False, now=now)
        if tell:
            db.execute(
                sa.insert(deliveries).values(execution_id=execution_id, attempt=0, next_attempt_at=now, created_at=now)
            )
    return bool(moved)


def keep_report(db: Connection, execution_id: str, made: Publication, *, replace: bool, now: datetime) -> None:
    """Store the report; one that stands already is kept, unless it is to be replaced by another method's."""
    row = {
        "execution_id": execution_id,
        "document": made.document,
        "method_version": made.method_version,
        "digest": made.digest,
        "built_at": now,
    }
    if replace:
        insert_or_replace(db, reports, row)
    else:
        insert_or_ignore(db, reports, [row])


def all_answers(db: Connection, execution_id: str) -> list[Placed]:
    """Every answer of an execution, analyzed or not."""
    rows = db.execute(
        sa.select(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, answers)
        .join(answers, answers.c.sample_id == samples.c.sample_id)
        .where(samples.c.execution_id == execution_id)
        .order_by(samples.c.sample_id)
    )
    return [Placed(row.sample_id, row.prompt_no, row.engine, row.repeat_no, _answer(row)) for row in rows]


def replace_findings(db: Connection, execution_id: str, found: Mapping[int, Findings]) -> None:
    """Record the findings of answers that were analyzed before, in place of the old ones."""
    mine = sa.select(samples.c.sample_id).where(samples.c.execution_id == execution_id)
    for table in (findings, citations):
        db.execute(sa.delete(table).where(table.c.sample_id.in_(mine)))
    _insert_findings(db, found)


def report_document(db: Connection, execution_id: str) -> Mapping[str, Any] | None:
    """The frozen report of an execution, None while there is none."""
    document: Mapping[str, Any] | None = db.execute(
        sa.select(reports.c.document).where(reports.c.execution_id == execution_id)
    ).scalar()
    return document


@dataclass(frozen=True)
class SampleRow:
    """One sample as it is listed: its place in the plan, what became of it, and the brands that its answer names."""

    sample_id: int
    prompt_no: int
    engine: str
    repeat_no: int
    state: str
    attempt: int
    error_code: str | None
    error_message: str | None
    http_status: int | None
    next_attempt_at: datetime | None
    settled_at: datetime | None
    kind: str | None
    served_model: str | None
    simulated: bool | None
    excerpt: str | None
    brands: Sequence[str]


@dataclass(frozen=True)
class SampleFilter:
    """Which samples of an execution are listed; ``brand``: only those whose usable answer mentions it."""

    engine: str | None = None
    state: str | None = None
    prompt_no: int | None = None
    brand: str | None = None
    after: int = 0


def list_samples(db: Connection, execution_id: str, wanted: SampleFilter, limit: int) -> list[SampleRow]:
    """Samples in the order of their ids, from the one after ``wanted.after``."""
    listing = (
        sa.select(
            samples,
            answers.c.kind,
            answers.c.served_model,
            answers.c.simulated,
            sa.func.substr(answers.c.text, 1, 200).label("excerpt"),
        )
        .join(answers, answers.c.sample_id == samples.c.sample_id, isouter=True)
        .where(samples.c.execution_id == execution_id, samples.c.sample_id > wanted.after)
    )
    if wanted.engine:
        listing = listing.where(samples.c.engine == wanted.engine)
    if wanted.state:
        listing = listing.where(samples.c.state == wanted.state)
    if wanted.prompt_no:
        listing = listing.where(samples.c.prompt_no == wanted.prompt_no)
    if wanted.brand:
        mentions = sa.exists().where(
            findings.c.sample_id == samples.c.sample_id, findings.c.brand == wanted.brand, findings.c.count > 0
        )
        listing = listing.where(mentions, answers.c.kind == AnswerKind.OK)
    rows = db.execute(listing.order_by(samples.c.sample_id).limit(limit)).all()
    named: dict[int, list[str]] = {}
    ids = [row.sample_id for row in rows]
    for found in db.execute(
        sa.select(findings.c.sample_id, findings.c.brand)
        .where(findings.c.sample_id.in_(ids), findings.c.count > 0)
        .order_by(findings.c.sample_id, findings.c.position)
    ):
        named.setdefault(found.sample_id, []).append(found.brand)
    return [
        SampleRow(
            **{name: getattr(row, name) for name in SampleRow.__dataclass_fields__ if name != "brands"},
            brands=tuple(named.get(row.sample_id, ())),
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Evidence:
    """One answer with everything that is known of it."""

    sample_id: int
    execution_id: str
    prompt_no: int
    engine: str
    repeat_no: int
    answer: Answer
    state: str
    attempt: int
    http_status: int | None
    latency_ms: int | None
    asked_at: datetime | None
    answered_at: datetime
    simulated: bool
    imported: bool
    taken_from: int | None
    digest: str
    request: Mapping[str, Any] | None
    brands: Sequence[BrandFinding]
    citations: Sequence[CitationFinding]


def evidence(db: Connection, execution_id: str, sample_id: int) -> Evidence:
    """The answer of one sample and its findings. NotFound where there is none."""
    row = db.execute(
        sa.select(
            answers, samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, samples.c.state, samples.c.attempt
        )
        .join(samples, samples.c.sample_id == answers.c.sample_id)
        .where(samples.c.execution_id == execution_id, samples.c.sample_id == sample_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"execution {execution_id} has no answer for sample {sample_id}")
    brand_rows = db.execute(sa.select(findings).where(findings.c.sample_id == sample_id)).all()
    source_rows = db.execute(sa.select(citations).where(citations.c.sample_id == sample_id).order_by(citations.c.n))
    return Evidence(
        sample_id=sample_id,
        execution_id=execution_id,
        prompt_no=row.prompt_no,
        engine=row.engine,
        repeat_no=row.repeat_no,
        answer=_answer(row),
        state=row.state,
        attempt=row.attempt,
        http_status=row.http_status,
        latency_ms=row.latency_ms,
        asked_at=row.asked_at,
        answered_at=row.answered_at,
        simulated=row.simulated,
        imported=row.imported,
        taken_from=row.taken_from,
        digest=row.digest,
        request=row.request,
        brands=[
            _brand_finding(found)
            for found in sorted(brand_rows, key=lambda found: (found.position is None, found.position or 0))
        ],
        citations=[_citation_finding(source) for source in source_rows],
    )


def raw_body(db: Connection, execution_id: str, sample_id: int) -> bytes:
    """The reply's body as the provider sent it. NotFound where none was kept."""
    packed = db.execute(
        sa.select(answers.c.raw)
        .join(samples, samples.c.sample_id == answers.c.sample_id)
        .where(samples.c.execution_id == execution_id, samples.c.sample_id == sample_id)
    ).scalar()
    if packed is None:
        raise NotFound(f"no reply's body is kept for sample {sample_id} of execution {execution_id}")
    return zlib.decompress(packed)
