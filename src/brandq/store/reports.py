"""Reports: the facts that one is built from, the one that stands, and the versions before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.analysis.findings import AnswerType, BrandFinding, CitationFinding
from brandq.errors import Conflict, NotFound
from brandq.plan import Plan
from brandq.reports.facts import Facts, Publication, SampleFacts
from brandq.states import ExecutionState
from brandq.store.executions import Execution, execution
from brandq.store.findings import candidates_in
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

#: rows that wait in memory while facts go by
_AT_ONCE = 1000
#: findings of one shape are many, and one copy of each is enough
_FINDING = ("brand", "count", "position", "rank", "rank_source", "sentiment", "caveat", "strength", "known")
_SAMPLE = ("sample_id", "prompt_no", "engine", "repeat_no", "state", "attempt", "error_code", "error_message")
_ANSWER = (
    *("kind", "served_model", "search_requested", "search_executed"),
    *("cost", "currency", "cost_basis", "latency_ms", "answered_at"),
)


def facts(db: Connection, execution_id: str) -> Facts:
    """Everything that a report of this execution is built from, in four queries, and all of it in memory."""
    found = stream_facts(db, execution_id)
    return replace(found, samples=list(found.samples))


def stream_facts(db: Connection, execution_id: str) -> Facts:
    """The same facts, of which few are in memory at once.

    The samples are read from the database whenever they are gone through, so this transaction must be open then.
    """
    found = execution(db, execution_id)
    return Facts(
        execution_id=execution_id,
        plan=found.plan,
        samples=_Stored(db, execution_id, found.plan),
        cancelled=found.status == ExecutionState.CANCELLED,
        retry_of=found.retry_of,
        created_at=found.created_at,
        started_at=found.started_at,
        ended_at=found.ended_at,
    )


@dataclass(frozen=True)
class _Stored:
    """The samples of one execution, read anew each time by three queries that go side by side in one order."""

    db: Connection
    execution_id: str
    plan: Plan

    def __iter__(self) -> Iterator[SampleFacts]:
        order = {brand.name: number for number, brand in enumerate(self.plan.brands)}
        shapes: dict[Any, BrandFinding] = {}
        rows = self._rows(
            *(samples.c[name] for name in _SAMPLE),
            *(answers.c[name] for name in (*_ANSWER, "simulated", "imported", "taken_from")),
            *(readings.c[name] for name in ("method_version", "answer_type", "injection_suspected", "candidates")),
            beside=(answers, readings),
        )
        # most brands are in doubt nowhere, and what is not read costs nothing
        doubtful = sa.case((sa.cast(findings.c.doubtful, sa.Text) != "[]", findings.c.doubtful))
        found = self._rows(samples.c.sample_id, *(findings.c[name] for name in _FINDING), doubtful, beside=(findings,))
        cited = self._rows(
            samples.c.sample_id,
            *(citations.c[name] for name in CitationFinding.__dataclass_fields__),
            beside=(citations,),
            within=(citations.c.n,),
        )
        first = itemgetter(0)
        # every sample has a row in each, so they stay in step
        for row, (_, of_brands), (_, of_sources) in zip(
            rows, groupby(found, first), groupby(cited, first), strict=True
        ):
            brands = [_brand_of(each, shapes) for each in of_brands if each[1] is not None]
            yield SampleFacts(
                **{name: row._mapping[name] for name in (*_SAMPLE, *_ANSWER)},
                simulated=bool(row.simulated),
                imported=bool(row.imported),
                taken_over=row.taken_from is not None,
                brands=sorted(brands, key=lambda brand: order.get(brand.brand, len(order))),
                citations=[CitationFinding(*each[1:]) for each in of_sources if each[1] is not None],
                method_version=row.method_version,
                answer_type=AnswerType(row.answer_type) if row.answer_type else None,
                injection_suspected=bool(row.injection_suspected),
                candidates=candidates_in(row),
            )

    def _rows(
        self, *columns: sa.ColumnElement[Any], beside: Sequence[sa.Table], within: Sequence[sa.ColumnElement[Any]] = ()
    ) -> Iterable[Any]:
        """Each sample in the order of facts, with what it has in other tables."""
        wanted = sa.select(*columns).select_from(samples)
        for table in beside:
            wanted = wanted.join(table, table.c.sample_id == samples.c.sample_id, isouter=True)
        wanted = wanted.where(samples.c.execution_id == self.execution_id)
        wanted = wanted.order_by(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, *within)
        return self.db.execute(wanted, execution_options={"yield_per": _AT_ONCE})


def _brand_of(row: Sequence[Any], shapes: dict[Any, BrandFinding]) -> BrandFinding:
    """What a report needs of a finding: where it stands in the text is evidence, and stays out."""
    _, *fields, doubtful = row
    if doubtful:
        return BrandFinding(**dict(zip(_FINDING, fields, strict=True)), doubtful=tuple(map(tuple, doubtful)))
    shape = tuple(fields)
    if shape not in shapes:
        shapes[shape] = BrandFinding(**dict(zip(_FINDING, fields, strict=True)))
    return shapes[shape]


#: reports of one execution that are begun before it is given up: what builds it may end its worker each time
MAX_BUILDS = 6


def begin_report(db: Connection, execution_id: str, *, now: datetime) -> bool:
    """Count one more building of the report; False where none is to be built.

    Committed before it is built, so that one which ends its worker each time is known by it, see ``give_up_report``.
    """
    mine = executions.c.execution_id == execution_id
    waiting = executions.c.status == ExecutionState.REPORTING
    builds = db.execute(
        sa.update(executions)
        .where(mine, waiting)
        .values(builds=executions.c.builds + 1, updated_at=now)
        .returning(executions.c.builds)
    ).scalar()
    return builds is not None and builds <= MAX_BUILDS


def give_up_report(db: Connection, execution_id: str, *, now: datetime) -> Execution | None:
    """End as failed, without a report, an execution whose report was begun MAX_BUILDS times; None where it was not."""
    begun_too_often = (executions.c.execution_id == execution_id) & (executions.c.builds > MAX_BUILDS)
    words = (
        f"its report was begun {MAX_BUILDS} times and never finished; the answers are stored, "
        f"`brandq recompute {execution_id}` shows what goes wrong"
    )
    values = {"ended_at": now, "updated_at": now, "error_code": "report", "error_message": words}
    moved = move_execution(db, "publish", begun_too_often, values=values, target=str(ExecutionState.FAILED))
    return execution(db, execution_id) if moved else None


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
    document: Mapping[str, Any] | None = _stored(db, execution_id, version, lambda table: table.c.document)
    return document


def report_text(db: Connection, execution_id: str, version: int | None = None) -> str | None:
    """The same as the JSON text that is stored: many megabytes, of which nothing is read."""
    text: str | None = _stored(db, execution_id, version, lambda table: sa.cast(table.c.document, sa.Text))
    return text


def _stored(
    db: Connection, execution_id: str, version: int | None, part: Callable[[sa.Table], sa.ColumnElement[Any]]
) -> Any:
    for table in (reports,) if version is None else (reports, earlier_reports):
        wanted = sa.select(part(table)).where(table.c.execution_id == execution_id)
        if version is not None:
            wanted = wanted.where(table.c.version == version)
        found = db.execute(wanted).scalar()
        if found is not None:
            return found
    return None


@dataclass(frozen=True)
class KeptReport:
    """One version of an execution's report, with what is stored beside it."""

    version: int
    document: Mapping[str, Any]
    method_version: str
    digest: str
    built_at: datetime


def kept_report(db: Connection, execution_id: str, version: int | None = None) -> KeptReport:
    """The report of an execution that stands, or an earlier version. NotFound where there is none."""
    found = find_report(db, execution_id, version)
    if found is None:
        which = "report yet" if version is None else f"report version {version}"
        raise NotFound(f"execution {execution_id} has no {which}")
    return found


def find_report(db: Connection, execution_id: str, version: int | None = None) -> KeptReport | None:
    """The same, or None."""
    for table in (reports,) if version is None else (reports, earlier_reports):
        wanted = sa.select(*(table.c[name] for name in KeptReport.__dataclass_fields__))
        wanted = wanted.where(table.c.execution_id == execution_id)
        if version is not None:
            wanted = wanted.where(table.c.version == version)
        row = db.execute(wanted).one_or_none()
        if row is not None:
            return KeptReport(**row._mapping)
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
