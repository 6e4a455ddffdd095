"""Executions: accepted, read, listed, started, closed, cancelled, expired."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from brandq.errors import Conflict, NotFound
from brandq.plan import Experience, Plan, name_key
from brandq.states import EXECUTION_FINAL, EXECUTION_OPEN, SAMPLE_FINAL, SAMPLE_OPEN, ExecutionState, SampleState
from brandq.store.moving import insert_or_ignore, move_execution, move_samples
from brandq.tables import Utc, answers, chains, execution_brands, executions, samples

_MOST_RECENT = 50
#: the code of a sample that has no answer when the deadline of its execution passes
DEADLINE = "deadline"


@dataclass(frozen=True)
class Execution:
    """One row of executions."""

    execution_id: str
    owner: str
    task_type: str
    status: str
    priority: int
    plan: Plan
    plan_digest: str
    planned: int
    retry_of: str | None
    error_code: str | None
    error_message: str | None
    deadline_at: datetime
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    updated_at: datetime

    @property
    def ended(self) -> bool:
        return self.status in EXECUTION_FINAL


#: where a sample stands in its plan: prompt_no, engine, repeat_no
Place = tuple[int, str, int]


@dataclass(frozen=True)
class Order:
    """What a caller orders: a plan, for whom, until when, and under which idempotency key.

    ``answered``: places whose answer is stored in the same transaction instead of being asked for. ``only``: the places
    that exist, for a plan whose answers came from elsewhere and leave gaps; None means all of them.
    """

    execution_id: str
    owner: str
    plan: Plan
    deadline_at: datetime
    task_type: str = "brand_diagnosis"
    idempotency_key: str | None = None
    retry_of: str | None = None
    answered: frozenset[Place] = frozenset()
    only: frozenset[Place] | None = None


def _places(plan: Plan) -> list[Place]:
    """Every place of the plan, repeats outermost: whatever stops early has asked every prompt of every engine alike."""
    return [
        (prompt_no, engine.engine, repeat_no)
        for repeat_no in range(1, plan.repeats + 1)
        for prompt_no in range(1, len(plan.prompts) + 1)
        for engine in plan.engines
    ]


def plan_digest(plan: Plan) -> str:
    """SHA-256 of the plan, the same for the same plan."""
    return _digest(plan.to_json())


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def plan_execution(db: Connection, order: Order, *, now: datetime) -> tuple[Execution, bool]:
    """Write the execution and all its samples; the execution, and whether it is new.

    The commit is the acceptance. The same idempotency key with the same plan gives the execution that stands;
    Conflict when the key was used with another plan.
    """
    plan = order.plan
    places = _places(plan) if order.only is None else sorted(order.only)
    document = plan.to_json()
    planned = Execution(
        execution_id=order.execution_id,
        owner=order.owner,
        task_type=order.task_type,
        status=ExecutionState.QUEUED,
        priority=plan.priority,
        plan=plan,
        plan_digest=_digest(document),
        planned=len(places),
        retry_of=order.retry_of,
        error_code=None,
        error_message=None,
        deadline_at=order.deadline_at,
        created_at=now,
        started_at=None,
        ended_at=None,
        updated_at=now,
    )
    row = {**vars(planned), "plan": document, "idempotency_key": order.idempotency_key}
    if not insert_or_ignore(db, executions, [row]):
        return _same_plan(db, order, planned.plan_digest), False
    brands = [{"execution_id": order.execution_id, "name_key": name_key(brand.name)} for brand in plan.brands]
    insert_or_ignore(db, execution_brands, brands)
    _insert_samples(db, order, places, now)
    return planned, True


def _insert_samples(db: Connection, order: Order, places: Sequence[Place], now: datetime) -> None:
    """One statement for any number of samples: the database takes the list of places apart, not the driver."""
    listed = [
        (number, prompt_no, engine, repeat_no, int((prompt_no, engine, repeat_no) in order.answered))
        for number, (prompt_no, engine, repeat_no) in enumerate(places)
    ]
    given = {"of_execution": order.execution_id, "places": listed, "now": now}
    db.execute(_inserting_samples(db.dialect.name), given)


@cache
def _inserting_samples(dialect: str) -> sa.Insert:
    of_json = sa.func.json_each if dialect == "sqlite" else sa.func.json_array_elements
    place = of_json(sa.bindparam("places", type_=sa.JSON)).table_valued(sa.column("value", sa.JSON)).c.value
    is_answered, now = place[4].as_integer() == 1, sa.bindparam("now", type_=Utc)
    rows = sa.select(
        sa.bindparam("of_execution", type_=sa.String),
        place[1].as_integer(),
        place[2].as_string(),
        place[3].as_integer(),
        sa.case((is_answered, str(SampleState.ANSWERED)), else_=str(SampleState.WAITING)),
        sa.case((is_answered, now), else_=sa.null()),
        now,
        # their ids follow the order of the plan
    ).order_by(place[0].as_integer())
    names = ["execution_id", "prompt_no", "engine", "repeat_no", "state", "settled_at", "sent_at"]
    return sa.insert(samples).from_select(names, rows, include_defaults=False)


def _same_plan(db: Connection, order: Order, digest: str) -> Execution:
    row = db.execute(
        sa.select(executions).where(
            executions.c.owner == order.owner, executions.c.idempotency_key == order.idempotency_key
        )
    ).one()
    if row.plan_digest != digest or row.retry_of != order.retry_of:
        raise Conflict(
            f"the idempotency key {order.idempotency_key!r} belongs to execution {row.execution_id}, which has another "
            "plan; send this plan under a new key"
        )
    return _read(row)


def _read(row: Row[Any]) -> Execution:
    fields = dict(row._mapping)
    for own in ("idempotency_key", "builds", "counted", "chain_length", "chain_head"):
        fields.pop(own, None)
    return Execution(**{**fields, "plan": Plan.from_json(fields["plan"])})


def execution(db: Connection, execution_id: str, *, owner: str | None = None) -> Execution:
    """The execution. NotFound when there is none, or when it is not this owner's (None: whoever's)."""
    wanted = executions.c.execution_id == execution_id
    if owner is not None:
        wanted &= executions.c.owner == owner
    row = db.execute(sa.select(executions).where(wanted)).one_or_none()
    if row is None:
        raise NotFound(f"there is no execution {execution_id}")
    return _read(row)


@dataclass(frozen=True)
class Load:
    """Samples of the open executions, of one owner or of all; of these, no more than ``planned`` are open.

    ``since``: when the first of these executions was started.
    """

    planned: int
    since: datetime | None


def load_of(db: Connection, owner: str) -> tuple[Load, Load]:
    """The load of this owner and that of all: one statement, which looks at a row of each open execution."""
    row = db.execute(_LOAD, {"for_owner": owner}).one()
    return Load(int(row.own), row.own_since), Load(int(row.whole), row.since)


_MINE = executions.c.owner == sa.bindparam("for_owner")
_TOTAL = sa.func.sum(executions.c.planned)
_SINCE = sa.func.min(executions.c.started_at, type_=Utc)
#: statements of each request are made once: making them takes longer than the database needs for them
_LOAD = sa.select(
    sa.func.coalesce(_TOTAL.filter(_MINE), 0).label("own"),
    _SINCE.filter(_MINE).label("own_since"),
    sa.func.coalesce(_TOTAL, 0).label("whole"),
    _SINCE.label("since"),
).where(executions.c.status.in_(EXECUTION_OPEN))


def count_open(db: Connection, owner: str | None) -> int:
    """Open samples of the open executions of this owner, None for all: a look at each of them."""
    counting = (
        sa.select(sa.func.count())
        .select_from(executions)
        .join(samples, samples.c.execution_id == executions.c.execution_id)
        .where(executions.c.status.in_(EXECUTION_OPEN), samples.c.state.in_(SAMPLE_OPEN))
    )
    if owner is not None:
        counting = counting.where(executions.c.owner == owner)
    return db.execute(counting).scalar_one()


def is_accepted(db: Connection, owner: str, idempotency_key: str) -> bool:
    """Whether this owner has an execution under this key."""
    mine = (executions.c.owner == owner) & (executions.c.idempotency_key == idempotency_key)
    return db.execute(sa.select(executions.c.execution_id).where(mine)).first() is not None


@dataclass(frozen=True)
class Filter:
    """Which executions of an owner are listed; None does not filter. ``before`` is the last one of the page before."""

    status: str | None = None
    brand: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, str] | None = None
    #: in any status that is final, or in any that is not
    ended: bool | None = None


def list_executions(db: Connection, owner: str, wanted: Filter, limit: int) -> list[Execution]:
    """An owner's executions, newest first."""
    listing = sa.select(executions).where(executions.c.owner == owner)
    if wanted.status:
        listing = listing.where(executions.c.status == wanted.status)
    if wanted.ended is not None:
        final = executions.c.status.in_(EXECUTION_FINAL)
        listing = listing.where(final if wanted.ended else ~final)
    if wanted.brand:
        listing = listing.join(execution_brands, execution_brands.c.execution_id == executions.c.execution_id).where(
            execution_brands.c.name_key == name_key(wanted.brand)
        )
    if wanted.since:
        listing = listing.where(executions.c.created_at >= wanted.since)
    if wanted.until:
        listing = listing.where(executions.c.created_at < wanted.until)
    if wanted.before:
        created_at, execution_id = wanted.before
        listing = listing.where(
            (executions.c.created_at < created_at)
            | ((executions.c.created_at == created_at) & (executions.c.execution_id < execution_id))
        )
    newest = listing.order_by(executions.c.created_at.desc(), executions.c.execution_id.desc())
    return [_read(row) for row in db.execute(newest.limit(limit))]


@dataclass(frozen=True)
class Progress:
    """Counted samples of one execution: per engine and state, the highest attempt, and the last error met.

    ``chain``: length and head of the chain of its answers, where that was asked for and there is one.
    """

    by_engine: Mapping[str, Mapping[str, int]]
    attempts: int
    waits_until: datetime | None
    errors: Mapping[str, Mapping[str, int]]
    chain: tuple[int, str] | None = None

    @property
    def by_state(self) -> dict[str, int]:
        totals = {str(state): 0 for state in SampleState}
        for counts in self.by_engine.values():
            for state, n in counts.items():
                totals[state] += n
        return totals

    @property
    def settled(self) -> int:
        return sum(n for state, n in self.by_state.items() if state in SAMPLE_FINAL)


_COUNTING = (
    sa.select(
        samples.c.engine,
        samples.c.state,
        samples.c.error_code,
        sa.func.count().label("n"),
        sa.func.max(samples.c.attempt).label("attempts"),
        sa.func.min(samples.c.next_attempt_at).label("next_attempt_at"),
    )
    .where(samples.c.execution_id == sa.bindparam("of_execution"))
    .group_by(samples.c.engine, samples.c.state, samples.c.error_code)
)


def progress(db: Connection, execution_id: str) -> Progress:
    """Where the samples of an execution stand, in one query over its index."""
    return _progress([tuple(row) for row in db.execute(_COUNTING, {"of_execution": execution_id})])


def settled_samples(db: Connection, execution_ids: Sequence[str]) -> dict[str, int]:
    """How many samples of each of these executions are settled, in one statement."""
    counted = (
        sa.select(samples.c.execution_id, sa.func.count().label("n"))
        .where(samples.c.execution_id.in_(execution_ids), samples.c.state.in_(SAMPLE_FINAL))
        .group_by(samples.c.execution_id)
    )
    return dict.fromkeys(execution_ids, 0) | {row.execution_id: row.n for row in db.execute(counted)}


def standing(db: Connection, execution_id: str, *, owner: str) -> tuple[Execution, Progress]:
    """The execution and where its samples stand, in one statement, for whoever polls. NotFound as ``execution``."""
    row = db.execute(_standing(db.dialect.name), {"of_execution": execution_id, "for_owner": owner}).one_or_none()
    if row is None:
        raise NotFound(f"there is no execution {execution_id}")
    counted = _progress([(*group[:5], _instant(group[5])) for group in row.counted or ()])
    chain = None if row.chain_length is None else (row.chain_length, row.chain_head)
    return _read(row), replace(counted, chain=chain)


@cache
def _standing(dialect: str) -> sa.Select[Any]:
    """The execution's row, with its counts as one JSON value: joined, they would repeat the plan in each row."""
    row_of, rows_of = (
        (sa.func.json_array, sa.func.json_group_array)
        if dialect == "sqlite"
        else (sa.func.json_build_array, sa.func.json_agg)
    )
    counted = _COUNTING.subquery()
    listed = sa.select(rows_of(row_of(*counted.c), type_=sa.JSON)).scalar_subquery().label("counted")
    chain = (chains.c.length.label("chain_length"), chains.c.head.label("chain_head"))
    return (
        sa.select(executions, listed, *chain)
        .join(chains, chains.c.execution_id == executions.c.execution_id, isouter=True)
        .where(
            executions.c.execution_id == sa.bindparam("of_execution"), executions.c.owner == sa.bindparam("for_owner")
        )
    )


def _instant(text: str | None) -> datetime | None:
    """An instant that came inside a JSON value: with its zone from Postgres, in UTC without one from SQLite."""
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


#: engine, state, error_code, how many, the highest attempt, the next instant at which one is asked
_Group = tuple[str, str, str | None, int, int, datetime | None]


def _progress(groups: Sequence[_Group]) -> Progress:
    by_engine: dict[str, dict[str, int]] = {}
    errors: dict[str, dict[str, int]] = {}
    waits: list[datetime] = []
    most = 0
    for engine, state, error_code, n, attempts, next_attempt_at in groups:
        counts = by_engine.setdefault(engine, {})
        counts[state] = counts.get(state, 0) + n
        if error_code:
            codes = errors.setdefault(engine, {})
            codes[error_code] = codes.get(error_code, 0) + n
        if state == SampleState.WAITING and next_attempt_at:
            waits.append(next_attempt_at)
        most = max(most, attempts)
    return Progress(by_engine, most, min(waits, default=None), errors)


def close_execution(db: Connection, execution_id: str, *, now: datetime) -> int | None:
    """Close the execution if no sample of it is open; its priority for exactly one caller, who then sends report.

    Must run in a transaction of its own, after the one that settled the last sample was committed: two workers that
    finish together would each see the other's sample still open, and nobody would close.
    """
    closed = move_execution(
        db, "close", executions.c.execution_id == execution_id, _no_open_samples(), values={"updated_at": now}
    )
    return closed[0].priority if closed else None


def _no_open_samples() -> sa.ColumnElement[bool]:
    mine = samples.c.execution_id == executions.c.execution_id
    return ~sa.exists().where(mine, samples.c.state.in_(SAMPLE_OPEN)).correlate(executions)


def unclosed(db: Connection, *, limit: int) -> list[str]:
    """Running executions without an open sample: whoever settled the last one died before closing."""
    return list(
        db.execute(
            sa.select(executions.c.execution_id)
            .where(executions.c.status.in_(EXECUTION_OPEN), _no_open_samples())
            .limit(limit)
        ).scalars()
    )


def cancel_execution(db: Connection, execution_id: str, *, owner: str | None, now: datetime) -> Execution:
    """Cancel it and every sample that has no answer yet. Conflict when it has already ended or is being reported."""
    found = execution(db, execution_id, owner=owner)
    mine = executions.c.execution_id == execution_id
    if not move_execution(db, "cancel", mine, values={"ended_at": now, "updated_at": now}):
        # read again: it may have moved on since, and the caller should be told where to
        found = execution(db, execution_id)
        raise Conflict(f"execution {execution_id} is {found.status}; only a queued or running one can be cancelled")
    move_samples(db, "cancel", samples.c.execution_id == execution_id, values={"settled_at": now, "sent_at": None})
    return execution(db, execution_id)


def expire_overdue(
    db: Connection, *, now: datetime, limit: int, failed: Counter[str] | None = None
) -> list[tuple[str, int]]:
    """Close what is past its deadline; the executions that now wait for their report, with their priority.

    Samples without an answer become failed(deadline), which ``failed`` counts. An execution whose answers are not all
    analyzed yet stays open for another tick.
    """
    overdue = lock_overdue(db, now=now, limit=limit)
    if not overdue:
        return []
    words = "the execution's deadline passed before an answer came"
    late = samples.c.execution_id.in_(overdue)
    given_up = move_samples(
        db,
        "give_up",
        late,
        values={"error_code": DEADLINE, "error_message": words, "settled_at": now, "sent_at": None},
    )
    if failed is not None:
        failed[DEADLINE] += len(given_up)
    expired = move_execution(
        db, "expire", executions.c.execution_id.in_(overdue), _no_open_samples(), values={"updated_at": now}
    )
    return [(row.execution_id, row.priority) for row in expired]


def lock_overdue(db: Connection, *, now: datetime, limit: int) -> list[str]:
    """Open executions past their deadline, the longest ones first, locked for this transaction.

    Whoever moves an execution and its samples locks the execution first: two that went opposite ways would wait for
    each other. What somebody else has locked is left to the next tick.
    """
    late = sa.select(executions.c.execution_id).where(
        executions.c.status.in_(EXECUTION_OPEN), executions.c.deadline_at <= now
    )
    longest = late.order_by(executions.c.deadline_at, executions.c.execution_id).limit(limit)
    return list(db.execute(longest.with_for_update(skip_locked=True)).scalars())


def stranded_reports(
    db: Connection, *, sent_before: datetime, begun_before: datetime, now: datetime, limit: int
) -> list[tuple[str, int]]:
    """Executions whose report message is long past, with their priority; they are marked as sent now.

    ``begun_before``: a report that was begun is probably being built, and its message is not lost so soon.
    """
    long_past = executions.c.updated_at < sa.case((executions.c.builds == 0, sent_before), else_=begun_before)
    rows = db.execute(
        sa.select(executions.c.execution_id, executions.c.priority)
        .where(executions.c.status == ExecutionState.REPORTING, long_past)
        .limit(limit)
    ).all()
    ids = [row.execution_id for row in rows]
    if ids:
        db.execute(sa.update(executions).where(executions.c.execution_id.in_(ids)).values(updated_at=now))
    return [(row.execution_id, row.priority) for row in rows]


@dataclass(frozen=True)
class Statistics:
    """Counted executions of one owner since an instant. The predecessor's numbers, with what they rest on."""

    total: int
    by_status: Mapping[str, int]
    by_type: Mapping[str, int]
    ended: int
    #: executions that the average is over: ended and not cancelled
    timed: int
    avg_duration_s: float | None
    usable: int


def statistics(db: Connection, owner: str | None, *, since: datetime) -> Statistics:
    """Executions created since then: how many, in which status, of which kind, and how long the ended ones took."""
    wanted = executions.c.created_at >= since
    if owner is not None:
        wanted &= executions.c.owner == owner
    rows = db.execute(
        sa.select(executions.c.status, executions.c.task_type, sa.func.count().label("n"))
        .where(wanted)
        .group_by(executions.c.status, executions.c.task_type)
    ).all()
    by_status: dict[str, int] = {}
    by_type: dict[str, int] = {}
    for row in rows:
        by_status[row.status] = by_status.get(row.status, 0) + row.n
        by_type[row.task_type] = by_type.get(row.task_type, 0) + row.n
    spans = db.execute(
        sa.select(executions.c.started_at, executions.c.ended_at).where(
            wanted,
            executions.c.started_at.is_not(None),
            executions.c.ended_at.is_not(None),
            executions.c.status != ExecutionState.CANCELLED,
        )
    ).all()
    seconds = [(row.ended_at - row.started_at).total_seconds() for row in spans]
    usable = by_status.get("completed", 0) + by_status.get("partial", 0)
    ended = usable + by_status.get("failed", 0)
    average = sum(seconds) / len(seconds) if seconds else None
    return Statistics(sum(by_status.values()), by_status, by_type, ended, len(seconds), average, usable)


def executions_by_status(db: Connection) -> dict[str, int]:
    """How many executions stand in each status, over all owners."""
    counting = sa.select(executions.c.status, sa.func.count().label("n")).group_by(executions.c.status)
    return {row.status: row.n for row in db.execute(counting)}


def experience(db: Connection, engines: Sequence[str]) -> dict[str, Experience]:
    """What the last answers of each engine that came over the network took and cost, in one query.

    What the simulator answered has a latency like any other; its cost was not paid.
    """
    if not engines:
        return {}
    wanted = list(dict.fromkeys(engines))
    given = {f"engine_{number}": engine for number, engine in enumerate(wanted)}
    rows: dict[str, list[Row[Any]]] = {}
    for row in db.execute(_last_answers(len(wanted)), given):
        rows.setdefault(row.engine, []).append(row)
    return {engine: _experience(theirs) for engine, theirs in rows.items()}


@cache
def _last_answers(engines: int) -> sa.Select[Any]:
    """The last answers of so many engines, the newest of each first."""
    last = [
        sa.select(
            samples.c.engine,
            samples.c.sample_id,
            answers.c.latency_ms,
            answers.c.cost,
            answers.c.currency,
            answers.c.simulated,
        )
        .select_from(samples)
        .join(answers, samples.c.sample_id == answers.c.sample_id)
        .where(
            samples.c.engine == sa.bindparam(f"engine_{number}"),
            answers.c.latency_ms.is_not(None),
            answers.c.taken_from.is_(None),
        )
        .order_by(samples.c.sample_id.desc())
        .limit(_MOST_RECENT)
        .subquery()
        for number in range(engines)
    ]
    found = sa.union_all(*(sa.select(one) for one in last)).subquery()
    return sa.select(found).order_by(found.c.engine, found.c.sample_id.desc())


def _experience(rows: Sequence[Row[Any]]) -> Experience:
    paid = [row for row in rows if row.cost is not None and not row.simulated]
    currencies = {row.currency for row in paid}
    return Experience(
        len(rows),
        float(median(row.latency_ms for row in rows)),
        tuple(row.cost for row in paid),
        currencies.pop() if len(currencies) == 1 else None,
    )
