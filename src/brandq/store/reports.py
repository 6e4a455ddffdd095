"""Reports: the facts that one is built from, the one that stands, and the versions before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.analysis.findings import AnswerType, BrandFinding, CitationFinding
from brandq.errors import Conflict
from brandq.reports.facts import Facts, Publication, SampleFacts
from brandq.states import ExecutionState
from brandq.store.executions import execution
from brandq.store.findings import brand_finding, candidates_in, citation_finding
from brandq.store.moving import insert_or_ignore, insert_or_replace, move_execution
from brandq.tables import (
    answers,
    citations,
    deliveries,
    earlier_reports,
    executions,
    findings,
    readings,
    reports,
    samples,
)


def facts(db: Connection, execution_id: str) -> Facts:
    """Everything that a report of this execution is built from, in four queries however large it is."""
    found = execution(db, execution_id)
    mine = samples.c.execution_id == execution_id
    brands: dict[int, list[BrandFinding]] = {}
    order = {brand.name: number for number, brand in enumerate(found.plan.brands)}
    for row in db.execute(sa.select(findings).join(samples, samples.c.sample_id == findings.c.sample_id).where(mine)):
        brands.setdefault(row.sample_id, []).append(brand_finding(row))
    sources: dict[int, list[CitationFinding]] = {}
    cited = sa.select(citations).join(samples, samples.c.sample_id == citations.c.sample_id).where(mine)
    for row in db.execute(cited.order_by(citations.c.sample_id, citations.c.n)):
        sources.setdefault(row.sample_id, []).append(citation_finding(row))
    rows = db.execute(
        sa.select(
            samples,
            *(column for column in answers.c if column.name in _FACT_COLUMNS),
            *(column for column in readings.c if column.name != "sample_id"),
        )
        .join(answers, answers.c.sample_id == samples.c.sample_id, isouter=True)
        .join(readings, readings.c.sample_id == samples.c.sample_id, isouter=True)
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
                method_version=row.method_version,
                answer_type=AnswerType(row.answer_type) if row.answer_type else None,
                injection_suspected=bool(row.injection_suspected),
                candidates=candidates_in(row),
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


#: reports of one execution that are begun before it is given up: what builds it may end its worker each time
MAX_BUILDS = 6


def begin_report(db: Connection, execution_id: str, *, now: datetime) -> bool:
    """Count one more building of the report; False where none is to be built.

    Committed before it is built, so that one which ends its worker each time is known by it: at the bound the execution
    ends as failed, without a report, and says so.
    """
    mine = executions.c.execution_id == execution_id
    waiting = executions.c.status == ExecutionState.REPORTING
    builds = db.execute(
        sa.update(executions).where(mine, waiting).values(builds=executions.c.builds + 1).returning(executions.c.builds)
    ).scalar()
    if builds is None or builds <= MAX_BUILDS:
        return builds is not None
    words = (
        f"its report was begun {MAX_BUILDS} times and never finished; the answers are stored, "
        f"`brandq recompute {execution_id}` shows what goes wrong"
    )
    values = {"ended_at": now, "updated_at": now, "error_code": "report", "error_message": words}
    move_execution(db, "publish", mine, values=values, target=str(ExecutionState.FAILED))
    return False


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
        keep_report(db, execution_id, made, now=now)
        if tell:
            db.execute(
                sa.insert(deliveries).values(execution_id=execution_id, attempt=0, next_attempt_at=now, created_at=now)
            )
    return bool(moved)


def keep_report(db: Connection, execution_id: str, made: Publication, *, now: datetime) -> None:
    """Store the first report of an execution; one that stands already is kept."""
    insert_or_ignore(db, reports, [_report_row(execution_id, made, now)])


def _report_row(execution_id: str, made: Publication, now: datetime) -> dict[str, Any]:
    return {
        "execution_id": execution_id,
        "version": made.version,
        "document": made.document,
        "method_version": made.method_version,
        "digest": made.digest,
        "built_at": now,
    }


def next_report_version(db: Connection, execution_id: str) -> int:
    """The version that the next report of this execution has: 1 where there is none yet. Locks the one that stands."""
    standing = sa.select(reports.c.version).where(reports.c.execution_id == execution_id).with_for_update()
    return int(db.execute(standing).scalar() or 0) + 1


def supersede_report(db: Connection, execution_id: str, made: Publication, *, now: datetime) -> None:
    """Put a new version in place of the report that stands, which is kept beside it as it was.

    Conflict where another version was put there meanwhile.
    """
    row = db.execute(sa.select(reports).where(reports.c.execution_id == execution_id)).one_or_none()
    if row is not None:
        if made.version != row.version + 1:
            raise Conflict(f"the report of {execution_id} is at version {row.version} already; try again")
        db.execute(sa.insert(earlier_reports).values(**row._mapping))
    insert_or_replace(db, reports, _report_row(execution_id, made, now))


def report_document(db: Connection, execution_id: str, version: int | None = None) -> Mapping[str, Any] | None:
    """A frozen report of an execution: the one that stands, or an earlier version. None where there is none."""
    for table in (reports,) if version is None else (reports, earlier_reports):
        wanted = sa.select(table.c.document).where(table.c.execution_id == execution_id)
        if version is not None:
            wanted = wanted.where(table.c.version == version)
        document: Mapping[str, Any] | None = db.execute(wanted).scalar()
        if document is not None:
            return document
    return None


@dataclass(frozen=True)
class ReportVersion:
    """One version of an execution's report, and by which method it was made."""

    version: int
    method_version: str
    built_at: datetime


def report_versions(db: Connection, execution_id: str) -> list[ReportVersion]:
    """Every version of an execution's report, the first one first."""
    found = [
        ReportVersion(row.version, row.method_version, row.built_at)
        for table in (earlier_reports, reports)
        for row in db.execute(
            sa.select(table.c.version, table.c.method_version, table.c.built_at).where(
                table.c.execution_id == execution_id
            )
        )
    ]
    return sorted(found, key=lambda each: each.version)
