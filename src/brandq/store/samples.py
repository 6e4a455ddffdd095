"""Samples: claimed, settled, released, given up, and sent again when a message was lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.plan import Plan
from brandq.providers.dialect import ErrorClass, Outcome
from brandq.states import EXECUTION_OPEN, SAMPLE_OPEN, ExecutionState, SampleState
from brandq.store.budgets import day_name, settle_cost
from brandq.store.chains import answer_row, seal
from brandq.store.moving import move_execution, move_samples
from brandq.tables import answers, attempts, executions, samples

#: tries at one sample's answer: the first and, as the predecessor promised, three more
MAX_ATTEMPTS = 4
#: samples of one message: enough to make messages cheap, few enough that a lost one costs little
MOST_IN_BATCH = 32


@dataclass(frozen=True)
class Due:
    """A waiting sample whose time has come, and what decides whether it is asked now."""

    sample_id: int
    execution_id: str
    engine: str
    owner: str
    priority: int


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


def due_samples(db: Connection, sample_ids: Sequence[int], *, now: datetime) -> list[Due]:
    """Those of the samples that wait and are due, locked for this transaction, in the order that was given."""
    rows = db.execute(
        sa.select(
            samples.c.sample_id, samples.c.execution_id, samples.c.engine, executions.c.owner, executions.c.priority
        )
        .join(executions, executions.c.execution_id == samples.c.execution_id)
        .where(
            samples.c.sample_id.in_(sample_ids),
            samples.c.state == SampleState.WAITING,
            sa.or_(samples.c.next_attempt_at.is_(None), samples.c.next_attempt_at <= now),
            executions.c.status.in_(EXECUTION_OPEN),
            executions.c.deadline_at > now,
        )
        .order_by(samples.c.sample_id)
        # two workers with the same message must neither wait for each other nor lock in opposite orders
        .with_for_update(of=samples, skip_locked=True)
    )
    place = {sample_id: number for number, sample_id in enumerate(sample_ids)}
    return sorted((Due(**row._mapping) for row in rows), key=lambda due: place[due.sample_id])


def claim_samples(
    db: Connection,
    sample_ids: Sequence[int],
    *,
    worker: str,
    now: datetime,
    lease_until: datetime,
    set_aside: SetAside | None = None,
) -> list[Claim]:
    """Claim those of the samples that wait and are due; starts their execution and counts an attempt for each.

    The attempt's row is written here, before the call, so that a call which was paid for and lost is at least visible.
    ``set_aside`` is what was reserved for each of them.
    """
    due = due_samples(db, sample_ids, now=now)
    if not due:
        return []
    moved = move_samples(
        db,
        "claim",
        samples.c.sample_id.in_([one.sample_id for one in due]),
        values={
            "attempt": samples.c.attempt + 1,
            "lease_owner": worker,
            "lease_until": lease_until,
            "next_attempt_at": None,
        },
    )
    reserved = None if set_aside is None else set_aside.amount
    db.execute(
        sa.insert(attempts),
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
    started = executions.c.execution_id.in_({one.execution_id for one in due})
    move_execution(db, "start", started, values={"started_at": now, "updated_at": now})
    rows = {row.sample_id: row for row in moved}
    return [
        Claim(
            one.sample_id,
            one.execution_id,
            rows[one.sample_id].prompt_no,
            one.engine,
            rows[one.sample_id].attempt,
            one.priority,
            set_aside,
        )
        for one in due
        if one.sample_id in rows
    ]


def postpone(db: Connection, sample_ids: Sequence[int], *, until: datetime) -> None:
    """Note that the message which moves these waiting samples on is due then, and not lost before."""
    db.execute(
        sa.update(samples)
        .where(samples.c.sample_id.in_(sample_ids), samples.c.state == SampleState.WAITING)
        .values(sent_at=until)
    )


def plans_of(db: Connection, execution_ids: Iterable[str]) -> dict[str, Plan]:
    """The plans of these executions; what was removed meanwhile is missing."""
    rows = db.execute(
        sa.select(executions.c.execution_id, executions.c.plan).where(executions.c.execution_id.in_(set(execution_ids)))
    )
    return {row.execution_id: Plan.from_json(row.plan) for row in rows}


def _held(claim: Claim) -> sa.ColumnElement[bool]:
    return (samples.c.sample_id == claim.sample_id) & (samples.c.attempt == claim.attempt)


def still_held(db: Connection, claims: Sequence[Claim]) -> set[int]:
    """The claims among these that still hold; the others were cancelled, expired, or taken away after their lease."""
    rows = db.execute(
        sa.select(samples.c.sample_id, samples.c.attempt).where(
            samples.c.sample_id.in_([claim.sample_id for claim in claims]), samples.c.state == SampleState.ASKING
        )
    ).all()
    attempt_of = {claim.sample_id: claim.attempt for claim in claims}
    return {row.sample_id for row in rows if row.attempt == attempt_of[row.sample_id]}


def renew_leases(db: Connection, claims: Sequence[Claim], *, worker: str, lease_until: datetime) -> None:
    """Keep the leases of these claims, where this worker still has them."""
    db.execute(
        sa.update(samples)
        .where(
            samples.c.sample_id.in_([claim.sample_id for claim in claims]),
            samples.c.state == SampleState.ASKING,
            samples.c.lease_owner == worker,
        )
        .values(lease_until=lease_until)
    )


def settle_answer(
    db: Connection, claim: Claim, outcome: Outcome, *, asked_at: datetime, simulated: bool, now: datetime
) -> bool:
    """Keep the answer of this claim; False when the claim no longer holds and the answer came too late to count."""
    answer = outcome.answer
    if answer is None:
        raise ValueError("settle_answer takes an outcome with an answer")
    moved = move_samples(
        db,
        "answer",
        _held(claim),
        values={
            "settled_at": now,
            "sent_at": now,
            "error_code": None,
            "error_message": None,
            "http_status": outcome.http_status,
        },
    )
    _end_attempt(db, claim, str(answer.kind) if moved else "late", now, outcome)
    if moved:
        row = answer_row(
            claim.sample_id,
            answer,
            raw=outcome.raw,
            request=outcome.request,
            asked_at=asked_at,
            answered_at=now,
            latency_ms=outcome.latency_ms,
            http_status=outcome.http_status,
            simulated=simulated,
        )
        place = {name: getattr(moved[0], name) for name in ("execution_id", "prompt_no", "engine", "repeat_no")}
        db.execute(sa.insert(answers), seal(db, [row | place]))
    return bool(moved)


def settle_error(db: Connection, claim: Claim, outcome: Outcome, *, again_at: datetime | None, now: datetime) -> bool:
    """Release the sample until ``again_at``, or give it up when that is None; False when the claim no longer holds."""
    error = outcome.error
    if error is None:
        raise ValueError("settle_error takes an outcome with an error")
    known = {"error_code": str(error.error_class), "error_message": error.message, "http_status": error.http_status}
    if again_at is None:
        moved = move_samples(db, "give_up", _held(claim), values={**known, "settled_at": now, "sent_at": None})
    else:
        moved = move_samples(
            db, "release", _held(claim), values={**known, "next_attempt_at": again_at, "sent_at": again_at}
        )
    _end_attempt(db, claim, str(error.error_class), now, outcome)
    return bool(moved)


def _end_attempt(db: Connection, claim: Claim, word: str, now: datetime, outcome: Outcome | None) -> None:
    """End the claim's attempt, once. ``outcome`` None: nobody knows what became of the call."""
    values: dict[str, Any] = {"ended_at": now, "outcome": word}
    if outcome is not None:
        values["posts"] = outcome.posts
        if outcome.answer is not None:
            values |= {"cost": outcome.answer.cost, "currency": outcome.answer.currency}
    unended = sa.update(attempts).where(_attempt_of(claim), attempts.c.outcome.is_(None))
    if db.execute(unended.values(**values)).rowcount and claim.set_aside is not None:
        kept = claim.set_aside
        settle_cost(db, kept.budgets, reserved=kept.amount, spent=_spent(kept, outcome), now=now)


def _spent(kept: SetAside, outcome: Outcome | None) -> Decimal:
    """What a call counts for under a limit: its cost; nothing where the provider declined; else what was set aside.

    A call that broke off may be billed all the same, and so are the rounds before the one that was declined.
    """
    if outcome is None:
        return kept.amount
    if outcome.error is not None:
        declined = outcome.error.error_class != ErrorClass.NETWORK and outcome.posts == 1
        return Decimal(0) if declined else kept.amount
    answer = outcome.answer
    known = answer is not None and answer.cost is not None and answer.currency == kept.currency
    return answer.cost if known and answer and answer.cost is not None else kept.amount


def hand_back(db: Connection, claims: Sequence[Claim], *, asked: bool, now: datetime) -> tuple[list[Claim], set[str]]:
    """Release claims that this worker cannot finish: those that wait again, and the executions that lost a sample.

    What was never asked costs no attempt. What was cut off in the middle keeps it counted, for the call may be billed,
    and is given up at the cap.
    """
    again: list[Claim] = []
    lost: set[str] = set()
    for claim in claims:
        if not asked:
            values = {"attempt": samples.c.attempt - 1, "sent_at": now}
            if move_samples(db, "release", _held(claim), values=values):
                again.append(claim)
                db.execute(sa.delete(attempts).where(_attempt_of(claim)))
                if claim.set_aside is not None:
                    names, reserved = claim.set_aside.budgets, claim.set_aside.amount
                    settle_cost(db, names, reserved=reserved, spent=Decimal(0), now=now)
            continue
        _end_attempt(db, claim, "handed_back", now, None)
        if claim.attempt < MAX_ATTEMPTS:
            again += [claim] * len(move_samples(db, "release", _held(claim), values={"sent_at": now}))
        elif move_samples(db, "give_up", _held(claim), values=_lost("was stopped while asking it", now)):
            lost.add(claim.execution_id)
    return again, lost


def _attempt_of(claim: Claim) -> sa.ColumnElement[bool]:
    return (attempts.c.sample_id == claim.sample_id) & (attempts.c.attempt == claim.attempt)


def _lost(how: str, now: datetime) -> dict[str, Any]:
    words = f"the worker {how}, {MAX_ATTEMPTS} times"
    return {"error_code": "lost", "error_message": words, "settled_at": now, "sent_at": None}


def lease_owners(db: Connection) -> set[str]:
    """The workers that hold a claim."""
    asking = samples.c.state == SampleState.ASKING
    return set(db.execute(sa.select(samples.c.lease_owner).where(asking).distinct()).scalars())


def release_expired(
    db: Connection, *, now: datetime, limit: int, dead: Collection[str] = ()
) -> tuple[list[Batch], list[str]]:
    """Take back what is asking past its lease: the batches to send again, and the executions that lost a sample.

    What ``dead`` workers hold is taken back at once. A sample whose workers died MAX_ATTEMPTS times is given up: asking
    it may be what kills them.
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
    theirs = samples.c.sample_id.in_(expired) & passed
    lost = move_samples(
        db,
        "give_up",
        theirs,
        samples.c.attempt >= MAX_ATTEMPTS,
        values=_lost("vanished while asking it", now),
    )
    again = move_samples(db, "release", theirs, values={"next_attempt_at": None, "sent_at": now})
    for row in (*lost, *again):
        _lose_attempt(db, row.sample_id, row.attempt, row.execution_id, now)
    return batches_of(db, [row.sample_id for row in again]), sorted({row.execution_id for row in lost})


def _lose_attempt(db: Connection, sample_id: int, attempt: int, execution_id: str, now: datetime) -> None:
    """End the attempt of a vanished worker. Its call may be billed, so what was set aside for it counts as spent."""
    mine = (attempts.c.sample_id == sample_id) & (attempts.c.attempt == attempt) & attempts.c.outcome.is_(None)
    ended = db.execute(
        sa.update(attempts)
        .where(mine)
        .values(ended_at=now, outcome="lost")
        .returning(attempts.c.reserved, attempts.c.started_at)
    ).one_or_none()
    if ended is not None and ended.reserved is not None:
        owner = db.execute(sa.select(executions.c.owner).where(executions.c.execution_id == execution_id)).scalar_one()
        names = (execution_id, day_name(owner, ended.started_at))
        settle_cost(db, names, reserved=ended.reserved, spent=ended.reserved, now=now)


def batches_of(db: Connection, sample_ids: Sequence[int]) -> list[Batch]:
    """These samples as batches, the most urgent first."""
    return _batched(db, samples.c.sample_id.in_(sample_ids)) if sample_ids else []


def waiting_batches(db: Connection, execution_id: str) -> list[Batch]:
    """What is to be sent right after an execution was accepted."""
    return _batched(db, (samples.c.execution_id == execution_id) & (samples.c.state == SampleState.WAITING))


def answered_batches(db: Connection, execution_id: str) -> list[Batch]:
    """Answers that an accepted execution brought with it, to be analyzed."""
    return _batched(db, (samples.c.execution_id == execution_id) & (samples.c.state == SampleState.ANSWERED))


def _batched(db: Connection, wanted: sa.ColumnElement[bool]) -> list[Batch]:
    rows = db.execute(
        sa.select(samples.c.sample_id, samples.c.execution_id, samples.c.engine, executions.c.priority)
        .join(executions, executions.c.execution_id == samples.c.execution_id)
        .where(wanted)
        .order_by(executions.c.priority.desc(), samples.c.sample_id)
    ).all()
    groups: dict[tuple[str, str, int], list[int]] = {}
    for row in rows:
        groups.setdefault((row.execution_id, row.engine, row.priority), []).append(row.sample_id)
    batches = [
        Batch(execution_id, engine, priority, tuple(ids[start : start + MOST_IN_BATCH]))
        for (execution_id, engine, priority), ids in groups.items()
        for start in range(0, len(ids), MOST_IN_BATCH)
    ]
    # engines take turns within an execution, so that none waits for another's whole plan
    return sorted(batches, key=lambda batch: (-batch.priority, batch.sample_ids[0]))


def stranded(db: Connection, state: SampleState, *, sent_before: datetime, now: datetime, limit: int) -> list[Batch]:
    """Samples in this state whose message is long past, as batches; they are marked as sent now."""
    statuses = list(EXECUTION_OPEN)
    if state == SampleState.ANSWERED:
        # what a cancelled execution was answered is analyzed all the same: a report over it may be asked for
        statuses.append(str(ExecutionState.CANCELLED))
    ids = list(
        db.execute(
            sa.select(samples.c.sample_id)
            .join(executions, executions.c.execution_id == samples.c.execution_id)
            .where(samples.c.state == state, samples.c.sent_at < sent_before, executions.c.status.in_(statuses))
            .order_by(executions.c.priority.desc(), samples.c.sample_id)
            .limit(limit)
        ).scalars()
    )
    if not ids:
        return []
    db.execute(sa.update(samples).where(samples.c.sample_id.in_(ids), samples.c.state == state).values(sent_at=now))
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
