"""Samples: claimed, settled, released, given up, and sent again when a message was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.plan import Plan
from brandq.states import EXECUTION_OPEN, SAMPLE_OPEN, ExecutionState, SampleState
from brandq.store.budgets import day_name, settle_costs
from brandq.store.moving import among, among_given, insert_rows, move_execution, move_samples, numbers
from brandq.tables import Utc, attempts, executions, samples

#: tries at one sample's answer: the first and, as the predecessor promised, three more
MAX_ATTEMPTS = 4
#: samples of one message: enough to make messages cheap, few enough that a lost one costs little
MOST_IN_BATCH = 32
#: attempts that vanished with their workers, from which on a sample is asked in a message of its own
ALONE_FROM = 2
#: the code of a sample that is given up because its workers did not bring it to an end
LOST = "lost"


@dataclass(frozen=True)
class Due:
    """A waiting sample whose time has come, and what decides whether it is asked now."""

    sample_id: int
    execution_id: str
    prompt_no: int
    engine: str
    repeat_no: int
    owner: str
    priority: int
    #: nothing of its execution was claimed yet
    unstarted: bool


@dataclass(frozen=True)
class SetAside:
    """What a claim's call may cost, and the budgets in which that much is reserved for it."""

    amount: Decimal
    currency: str
    budgets: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """A sample that this worker may ask now. ``attempt`` fences it: an older claim can settle nothing."""

    sample_id: int
    execution_id: str
    prompt_no: int
    engine: str
    repeat_no: int
    attempt: int
    priority: int
    set_aside: SetAside | None = None


@dataclass(frozen=True)
class Batch:
    """Sample ids of one execution and one engine, as one message carries them."""

    execution_id: str
    engine: str
    priority: int
    sample_ids: tuple[int, ...]


@cache
def _due_among(dialect: str) -> sa.Select[Any]:
    now = sa.bindparam("now", type_=Utc())
    return (
        sa.select(
            samples.c.sample_id,
            samples.c.execution_id,
            samples.c.prompt_no,
            samples.c.engine,
            samples.c.repeat_no,
            executions.c.owner,
            executions.c.priority,
            (executions.c.status == ExecutionState.QUEUED).label("unstarted"),
        )
        .join(executions, executions.c.execution_id == samples.c.execution_id)
        .where(
            among_given(dialect, samples.c.sample_id, numbers("ids")),
            samples.c.state == SampleState.WAITING,
            sa.or_(samples.c.next_attempt_at.is_(None), samples.c.next_attempt_at <= now),
            executions.c.status.in_(EXECUTION_OPEN),
            executions.c.deadline_at > now,
        )
        .order_by(samples.c.sample_id)
        # two workers with the same message must neither wait for each other nor lock in opposite orders
        .with_for_update(of=samples, skip_locked=True)
    )


def due_samples(db: Connection, sample_ids: Sequence[int], *, now: datetime) -> list[Due]:
    """Those of the samples that wait and are due, locked for this transaction, in the order that was given."""
    rows = db.execute(_due_among(db.dialect.name), {"ids": list(sample_ids), "now": now})
    place = {sample_id: number for number, sample_id in enumerate(sample_ids)}
    return sorted((Due(*row) for row in rows), key=lambda due: place[due.sample_id])


def claim_samples(
    db: Connection,
    due: Sequence[Due],
    *,
    worker: str,
    now: datetime,
    lease_until: datetime,
    set_aside: SetAside | None = None,
) -> list[Claim]:
    """Claim samples that ``due_samples`` locked in this transaction; start their execution, count an attempt of each.

    The attempt's row is written here, before the call, so that a call which was paid for and lost is at least visible.
    ``set_aside`` is what was reserved for each of them.
    """
    if not due:
        return []
    moved = move_samples(
        db,
        "claim",
        among(db, samples.c.sample_id, [one.sample_id for one in due]),
        values={
            "attempt": samples.c.attempt + 1,
            "lease_owner": worker,
            "lease_until": lease_until,
            "next_attempt_at": None,
        },
    )
    reserved = None if set_aside is None else set_aside.amount
    insert_rows(
        db,
        attempts,
        [
            {
                "sample_id": row.sample_id,
                "attempt": row.attempt,
                "worker": worker,
                "started_at": now,
                "reserved": reserved,
            }
            for row in moved
        ],
    )
    _start(db, {one.execution_id for one in due if one.unstarted}, now)
    attempt_of = {row.sample_id: row.attempt for row in moved}
    return [
        Claim(
            one.sample_id,
            one.execution_id,
            one.prompt_no,
            one.engine,
            one.repeat_no,
            attempt_of[one.sample_id],
            one.priority,
            set_aside,
        )
        for one in due
        if one.sample_id in attempt_of
    ]


def _start(db: Connection, execution_ids: Collection[str], now: datetime) -> None:
    """Start the executions among these that are queued.

    One that somebody else holds at this moment is left alone: it is being started too, or cancelled; to wait for it
    here, with samples locked, might be to wait for somebody who waits for these.
    """
    if not execution_ids:
        return
    free = db.execute(
        sa.select(executions.c.execution_id)
        .where(executions.c.execution_id.in_(execution_ids))
        .order_by(executions.c.execution_id)
        .with_for_update(skip_locked=True, key_share=True)
    ).scalars()
    move_execution(
        db, "start", executions.c.execution_id.in_(list(free)), values={"started_at": now, "updated_at": now}
    )


def postpone(db: Connection, sample_ids: Sequence[int], *, until: datetime) -> None:
    """Note that the message which moves these waiting samples on is due then, and not lost before."""
    db.execute(
        sa.update(samples)
        .where(among(db, samples.c.sample_id, sample_ids), samples.c.state == SampleState.WAITING)
        .values(sent_at=until)
    )


def plans_of(db: Connection, execution_ids: Iterable[str]) -> dict[str, Plan]:
    """The plans of these executions; what was removed meanwhile is missing."""
    rows = db.execute(
        sa.select(executions.c.execution_id, executions.c.plan).where(executions.c.execution_id.in_(set(execution_ids)))
    )
    return {row.execution_id: Plan.from_json(row.plan) for row in rows}


def open_executions(db: Connection, execution_ids: Collection[str]) -> set[str]:
    """Those of these executions that may still ask; what is claimed of the others holds no longer."""
    rows = db.execute(
        sa.select(executions.c.execution_id).where(
            executions.c.execution_id.in_(execution_ids), executions.c.status.in_(EXECUTION_OPEN)
        )
    )
    return set(rows.scalars())


def renew_leases(
    db: Connection, claims: Sequence[Claim], *, worker: str, lease_until: datetime
) -> set[tuple[int, int]]:
    """Keep the leases of these claims, where this worker still has them; those that hold, as sample and attempt."""
    theirs = (
        among(db, samples.c.sample_id, {claim.sample_id for claim in claims}),
        samples.c.state == SampleState.ASKING,
        samples.c.lease_owner == worker,
    )
    holding = db.execute(sa.select(samples.c.sample_id, samples.c.attempt).where(*theirs)).all()
    # what somebody settles or takes away at this moment needs no lease any more
    free = db.execute(
        sa.select(samples.c.sample_id).where(*theirs).order_by(samples.c.sample_id).with_for_update(skip_locked=True)
    ).scalars()
    db.execute(
        sa.update(samples)
        .where(among(db, samples.c.sample_id, list(free)), *theirs[1:])
        .values(lease_until=lease_until)
    )
    return {(row.sample_id, row.attempt) for row in holding}


def lost_values(how: str, now: datetime) -> dict[str, Any]:
    """What stands in a sample that is given up because its workers did not bring it to an end."""
    words = f"the worker {how}, {MAX_ATTEMPTS} times"
    return {"error_code": LOST, "error_message": words, "settled_at": now, "sent_at": None}


def lease_owners(db: Connection) -> set[str]:
    """The workers that hold a claim."""
    asking = samples.c.state == SampleState.ASKING
    return set(db.execute(sa.select(samples.c.lease_owner).where(asking).distinct()).scalars())


def release_expired(
    db: Connection,
    *,
    now: datetime,
    limit: int,
    dead: Collection[str] = (),
    failed: Counter[str] | None = None,
) -> tuple[list[Batch], list[str]]:
    """Take back what is asking past its lease: the batches to send again, and the executions that lost a sample.

    What ``dead`` workers hold is taken back at once. A sample whose workers died MAX_ATTEMPTS times is given up: asking
    it may be what kills them. ``failed`` counts these samples by their code.
    """
    passed = (samples.c.lease_until < now) | samples.c.lease_owner.in_(dead)
    expired = list(
        db.execute(
            sa.select(samples.c.sample_id)
            .where(samples.c.state == SampleState.ASKING, passed)
            .order_by(samples.c.sample_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).scalars()
    )
    if not expired:
        return [], []
    theirs = among(db, samples.c.sample_id, expired) & passed
    lost = move_samples(
        db,
        "give_up",
        theirs,
        samples.c.attempt >= MAX_ATTEMPTS,
        values=lost_values("vanished while asking it", now),
    )
    if failed is not None:
        failed[LOST] += len(lost)
    again = move_samples(db, "release", theirs, values={"next_attempt_at": None, "sent_at": now})
    _lose_attempts(db, [row.sample_id for row in (*lost, *again)], now)
    # one of them may be what ends its workers: after the second time each goes alone, and takes no others with it
    batches = batches_of(db, [row.sample_id for row in again if row.attempt < ALONE_FROM])
    batches += batches_of(db, [row.sample_id for row in again if row.attempt >= ALONE_FROM], most=1)
    return batches, sorted({row.execution_id for row in lost})


def _lose_attempts(db: Connection, sample_ids: Sequence[int], now: datetime) -> None:
    """End the attempts of vanished workers. Their calls may be billed: what was set aside for them counts as spent."""
    ended = db.execute(
        sa.update(attempts)
        .where(
            among(db, attempts.c.sample_id, sample_ids),
            attempts.c.outcome.is_(None),
            # an attempt of a claim that was broken off before is its worker's to end
            attempts.c.attempt
            == sa.select(samples.c.attempt).where(samples.c.sample_id == attempts.c.sample_id).scalar_subquery(),
        )
        .values(ended_at=now, outcome="lost")
        .returning(attempts.c.sample_id, attempts.c.reserved, attempts.c.started_at)
    ).all()
    reserved = {row.sample_id: row for row in ended if row.reserved is not None}
    if not reserved:
        return
    owners = db.execute(
        sa.select(samples.c.sample_id, executions.c.execution_id, executions.c.owner)
        .join(executions, executions.c.execution_id == samples.c.execution_id)
        .where(among(db, samples.c.sample_id, list(reserved)))
    )
    settle_costs(
        db,
        [
            (
                (row.execution_id, day_name(row.owner, reserved[row.sample_id].started_at)),
                reserved[row.sample_id].reserved,
                reserved[row.sample_id].reserved,
            )
            for row in owners
        ],
        now=now,
    )


def lose_orphans(db: Connection, *, started_before: datetime, now: datetime, limit: int) -> int:
    """End attempts that began before then and whose worker vanished after its claim was gone; how many."""
    orphans = (
        sa.select(attempts.c.sample_id)
        .join(samples, samples.c.sample_id == attempts.c.sample_id)
        .where(
            attempts.c.outcome.is_(None),
            attempts.c.started_at < started_before,
            attempts.c.attempt == samples.c.attempt,
            samples.c.state != SampleState.ASKING,
        )
        .order_by(attempts.c.sample_id)
        .limit(limit)
    )
    ids = list(db.execute(orphans).scalars())
    if ids:
        _lose_attempts(db, ids, now)
    return len(ids)


def batches_of(db: Connection, sample_ids: Sequence[int], *, most: int = MOST_IN_BATCH) -> list[Batch]:
    """These samples as batches of at most so many, the most urgent first."""
    return _batched(db, among(db, samples.c.sample_id, sample_ids), most) if sample_ids else []


def accepted_batches(db: Connection, execution_id: str) -> tuple[list[Batch], list[Batch]]:
    """What is to be sent right after an execution was accepted: what waits, and answers that it brought with it."""
    rows = db.execute(_accepted(), {"of_execution": execution_id}).all()
    waiting, answered = (
        _in_batches([row for row in rows if row.state == state], MOST_IN_BATCH)
        for state in (SampleState.WAITING, SampleState.ANSWERED)
    )
    return waiting, answered


@cache
def _accepted() -> sa.Select[Any]:
    return (
        sa.select(samples.c.sample_id, samples.c.execution_id, samples.c.engine, executions.c.priority, samples.c.state)
        .join(executions, executions.c.execution_id == samples.c.execution_id)
        .where(samples.c.execution_id == sa.bindparam("of_execution"))
        .order_by(samples.c.sample_id)
    )


def _batched(db: Connection, wanted: sa.ColumnElement[bool], most: int = MOST_IN_BATCH) -> list[Batch]:
    rows = db.execute(
        sa.select(samples.c.sample_id, samples.c.execution_id, samples.c.engine, executions.c.priority)
        .join(executions, executions.c.execution_id == samples.c.execution_id)
        .where(wanted)
        .order_by(executions.c.priority.desc(), samples.c.sample_id)
    ).all()
    return _in_batches(rows, most)


def _in_batches(rows: Sequence[Any], most: int) -> list[Batch]:
    groups: dict[tuple[str, str, int], list[int]] = {}
    for row in rows:
        groups.setdefault((row.execution_id, row.engine, row.priority), []).append(row.sample_id)
    batches = [
        Batch(execution_id, engine, priority, tuple(ids[start : start + most]))
        for (execution_id, engine, priority), ids in groups.items()
        for start in range(0, len(ids), most)
    ]
    # engines take turns within an execution, so that none waits for another's whole plan
    return sorted(batches, key=lambda batch: (-batch.priority, batch.sample_ids[0]))


def stranded(
    db: Connection,
    state: SampleState,
    *,
    sent_before: datetime,
    begun_before: datetime,
    now: datetime,
    limit: int,
) -> list[Batch]:
    """Samples in this state whose message is long past, as batches; they are marked as sent now.

    ``begun_before``: an answer whose reading was begun is probably being read, and its message is not lost so soon.
    """
    statuses = list(EXECUTION_OPEN)
    if state == SampleState.ANSWERED:
        # what a cancelled execution was answered is analyzed all the same: a report over it may be asked for
        statuses.append(str(ExecutionState.CANCELLED))
    ids = list(
        db.execute(
            sa.select(samples.c.sample_id)
            .join(executions, executions.c.execution_id == samples.c.execution_id)
            .where(samples.c.state == state, executions.c.status.in_(statuses))
            # the first bound is for the index, which knows nothing of readings
            .where(samples.c.sent_at < max(sent_before, begun_before))
            .where(samples.c.sent_at < sa.case((samples.c.reads == 0, sent_before), else_=begun_before))
            .order_by(executions.c.priority.desc(), samples.c.sample_id)
            .limit(limit)
        ).scalars()
    )
    if not ids:
        return []
    marking = sa.update(samples).where(among(db, samples.c.sample_id, ids), samples.c.state == state)
    db.execute(marking.values(sent_at=now))
    return batches_of(db, ids)


def oldest_waiting(db: Connection, *, now: datetime) -> timedelta | None:
    """How long the longest waiting sample that is due has waited since its message was sent; None when none waits."""
    oldest = db.execute(
        sa.select(sa.func.min(samples.c.sent_at)).where(samples.c.state == SampleState.WAITING)
    ).scalar()
    return None if oldest is None else max(now - oldest, timedelta())


def open_samples(db: Connection) -> dict[str, int]:
    """How many samples stand in each open state, over all owners."""
    rows = db.execute(
        sa.select(samples.c.state, sa.func.count().label("n"))
        .where(samples.c.state.in_(SAMPLE_OPEN))
        .group_by(samples.c.state)
    )
    return {row.state: row.n for row in rows}
