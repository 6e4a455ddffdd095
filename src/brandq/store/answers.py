"""Answers: stored, loaded for analysis, taken over, shown as evidence."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from brandq.analysis.findings import Findings
from brandq.errors import Conflict, NotFound
from brandq.plan import Plan
from brandq.providers.dialect import Answer, AnswerKind, Citation
from brandq.states import SampleState
from brandq.store.chains import answer_row, seal
from brandq.store.executions import Place
from brandq.store.findings import findings_of
from brandq.store.moving import among
from brandq.tables import answers, executions, samples

#: rows of one INSERT, so that what is bound for it does not stand in memory twice as a whole
_MOST_ROWS = 5000
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
    return _placed(
        db, execution_id, among(db, samples.c.sample_id, sample_ids), samples.c.state == SampleState.ANSWERED
    )


def _placed(db: Connection, execution_id: str, *where: sa.ColumnElement[bool]) -> list[Placed]:
    rows = db.execute(
        sa.select(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, answers)
        .join(answers, answers.c.sample_id == samples.c.sample_id)
        .where(samples.c.execution_id == execution_id, *where)
        .order_by(samples.c.sample_id)
    )
    return [Placed(row.sample_id, row.prompt_no, row.engine, row.repeat_no, _answer(row)) for row in rows]


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
    stays with the original. Its content_digest is the original's, and it is sealed in the chain of ``target``; what was
    stored before there were chains stays outside. Conflict when one of them was removed meanwhile.
    """
    places = db.execute(
        sa.select(
            samples.c.execution_id, samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, samples.c.sample_id
        )
        .where(samples.c.execution_id == target, samples.c.state == SampleState.ANSWERED)
        .order_by(samples.c.sample_id)
    )
    copies = [
        {**row._mapping, "source_id": given[(row.prompt_no, row.engine, row.repeat_no)], "cost_basis": "taken over"}
        for row in places
    ]
    sources = _sources(db, [copy["source_id"] for copy in copies])
    for copy in copies:
        source = sources.get(copy["source_id"])
        if source is None:
            raise Conflict(_GONE)
        # a copy of a copy names the first
        copy |= {"taken_from": source.taken_from or source.sample_id, "cost": None, "currency": None}
        copy |= {"content_digest": source.content_digest, "chain_no": None, "digest": source.digest}
    sealed = seal(db, [copy for copy in copies if copy["content_digest"] is not None])
    _insert_copies(db, [*sealed, *(copy for copy in copies if copy["content_digest"] is None)])
    if len(taken_over(db, target)) != len(copies):
        raise Conflict(_GONE)


_GONE = "an answer that was to be taken over was removed meanwhile; send it again"
#: what a copy has of its own; everything else is its source's
_OWN = ("sample_id", "taken_from", "cost_basis", "chain_no", "digest")


def _sources(db: Connection, sample_ids: Sequence[int]) -> dict[int, Row[Any]]:
    wanted = [answers.c[name] for name in ("sample_id", "taken_from", "content_digest", "digest")]
    found = db.execute(sa.select(*wanted).where(among(db, answers.c.sample_id, sample_ids)))
    return {row.sample_id: row for row in found}


def _insert_copies(db: Connection, copies: Sequence[Mapping[str, Any]]) -> None:
    """Insert these copies; texts and bodies never leave the database."""
    kept = [column for column in answers.c if column.name not in (*_OWN, "cost", "currency")]
    own = [sa.bindparam(f"own_{name}", type_=answers.c[name].type) for name in _OWN]
    copied = sa.select(*own, *kept).where(answers.c.sample_id == sa.bindparam("source_id", type_=sa.BigInteger))
    inserting = sa.insert(answers).from_select([*_OWN, *(column.name for column in kept)], copied)
    rows = [{"source_id": copy["source_id"]} | {f"own_{name}": copy[name] for name in _OWN} for copy in copies]
    if rows:
        db.execute(inserting, rows)


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
        sa.select(
            samples.c.execution_id, samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, samples.c.sample_id
        )
        .where(samples.c.execution_id == execution_id, samples.c.state == SampleState.ANSWERED)
        .order_by(samples.c.sample_id)
    )
    stored = seal(
        db,
        [
            answer_row(
                row.sample_id,
                given[(row.prompt_no, row.engine, row.repeat_no)],
                raw=None,
                request=None,
                asked_at=None,
                answered_at=answered_at,
                latency_ms=None,
                http_status=None,
                simulated=False,
                imported=True,
            )
            | dict(row._mapping)
            for row in rows
        ],
    )
    for start in range(0, len(stored), _MOST_ROWS):
        db.execute(sa.insert(answers), stored[start : start + _MOST_ROWS])
    return len(stored)


def all_answers(db: Connection, execution_id: str) -> list[Placed]:
    """Every answer of an execution, analyzed or not."""
    return _placed(db, execution_id)


def answers_of(db: Connection, execution_id: str, sample_ids: Sequence[int]) -> list[Placed]:
    """The answers of these samples, analyzed or not, for executions too large to have all of them in memory."""
    return _placed(db, execution_id, among(db, samples.c.sample_id, sample_ids))


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
    #: None: stored before there were chains
    content_digest: str | None
    chain_no: int | None
    digest: str
    request: Mapping[str, Any] | None
    #: None while it is not analyzed
    findings: Findings | None
    #: by which rules the findings were made
    method_version: str | None


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
    found = findings_of(db, sample_id)
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
        content_digest=row.content_digest,
        chain_no=row.chain_no,
        digest=row.digest,
        request=row.request,
        findings=found[0] if found else None,
        method_version=found[1] if found else None,
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
