"""What the periodic actors need: when a sweep ran, what is old, which deliveries are due, and the standing truths."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.states import EXECUTION_FINAL, EXECUTION_OPEN, SAMPLE_FINAL, ExecutionState, SampleState
from brandq.store.moving import insert_or_ignore
from brandq.tables import deliveries, executions, limits, reports, samples, sweeps

#: tries at telling the webhook of one execution, spread over about a day
MAX_DELIVERIES = 10
#: what a standing truth may lag behind before it counts as broken: a lease, and two ticks
SLACK = timedelta(seconds=300)
#: executions that ended longer ago are not looked at again and again
LOOK_BACK = timedelta(hours=2)
#: a clock that has not ticked for so long has stopped; must exceed a tick and a restart of it
CLOCK_SILENT = timedelta(seconds=180)


def take_turn(db: Connection, name: str, *, slot: datetime, now: datetime) -> bool:
    """Whether this sweep is to run for the slot that began then; True for exactly one caller per slot."""
    if insert_or_ignore(db, sweeps, [{"name": name, "swept_at": now, "repaired": 0}]):
        return True
    turn = sa.update(sweeps).where(sweeps.c.name == name, sweeps.c.swept_at < slot).values(swept_at=now)
    return db.execute(turn).rowcount == 1


def give_turn_back(db: Connection, name: str, *, slot: datetime) -> None:
    """Have the turn of this slot taken again: whoever took it has not finished."""
    db.execute(sa.update(sweeps).where(sweeps.c.name == name).values(swept_at=slot - timedelta(seconds=1)))


def note_sweep(db: Connection, name: str, *, repaired: int, now: datetime) -> None:
    """Record that a sweep ran and how many rows it repaired."""
    insert_or_ignore(db, sweeps, [{"name": name, "swept_at": now, "repaired": 0}])
    noted = sa.update(sweeps).where(sweeps.c.name == name)
    db.execute(noted.values(swept_at=now, repaired=sweeps.c.repaired + repaired))


def swept(db: Connection) -> dict[str, tuple[datetime, int]]:
    """When each sweep last ran, and what it has repaired in all."""
    return {row.name: (row.swept_at, row.repaired) for row in db.execute(sa.select(sweeps).order_by(sweeps.c.name))}


def remove_ended(db: Connection, *, ended_before: datetime, most_samples: int) -> int:
    """Remove the oldest executions that ended before then, with all that hangs on them; how many.

    As many as have ``most_samples`` together, and at least one: what a statement takes depends on their samples.
    """
    oldest = (
        sa.select(executions.c.execution_id, executions.c.planned)
        .where(executions.c.ended_at < ended_before)
        .order_by(executions.c.ended_at)
        .limit(most_samples)
    )
    old: list[str] = []
    for execution_id, planned in db.execute(oldest).all():
        most_samples -= planned
        if old and most_samples < 0:
            break
        old.append(execution_id)
    if old:
        db.execute(sa.delete(executions).where(executions.c.execution_id.in_(old)))
    return len(old)


def forget_keys_and_limits(db: Connection, *, before: datetime) -> int:
    """Forget idempotency keys of executions created before then, and limits not used since; how many rows."""
    keys = db.execute(
        sa.update(executions)
        .where(executions.c.idempotency_key.is_not(None), executions.c.created_at < before)
        .values(idempotency_key=None)
    )
    unused = db.execute(sa.delete(limits).where(limits.c.updated_at < before))
    return keys.rowcount + unused.rowcount


@dataclass(frozen=True)
class Delivery:
    """One webhook call to make now: what the receiver is told."""

    execution_id: str
    attempt: int
    status: str
    label: str | None
    ended_at: datetime

    def as_json(self) -> dict[str, Any]:
        """What the receiver is sent."""
        return {
            "event": "execution.ended",
            "execution_id": self.execution_id,
            "status": self.status,
            "label": self.label,
            "ended_at": self.ended_at.isoformat(),
            "report": f"/api/executions/{self.execution_id}/report",
        }


def claim_delivery(db: Connection, execution_id: str, *, first_wait: timedelta, now: datetime) -> Delivery | None:
    """Take this execution's delivery if it is due; nobody else does before its next try, which waits twice as long."""
    tried = db.execute(sa.select(deliveries.c.attempt).where(deliveries.c.execution_id == execution_id)).scalar()
    next_attempt_at = now + first_wait * 2 ** (tried or 0)
    taken = db.execute(
        sa.update(deliveries)
        .where(
            deliveries.c.execution_id == execution_id,
            deliveries.c.delivered_at.is_(None),
            deliveries.c.next_attempt_at <= now,
            deliveries.c.attempt == tried,
            deliveries.c.attempt < MAX_DELIVERIES,
        )
        .values(attempt=deliveries.c.attempt + 1, next_attempt_at=next_attempt_at)
        .returning(deliveries.c.attempt)
    ).scalar()
    if taken is None:
        return None
    row = db.execute(sa.select(executions).where(executions.c.execution_id == execution_id)).one()
    return Delivery(execution_id, taken, row.status, row.plan["label"], row.ended_at)


def settle_delivery(db: Connection, execution_id: str, *, delivered_at: datetime | None, error: str | None) -> None:
    """Record how a delivery went; without ``delivered_at`` it is tried again when its wait is over."""
    mine = sa.update(deliveries).where(deliveries.c.execution_id == execution_id)
    db.execute(mine.values(delivered_at=delivered_at, error_message=error))


def due_deliveries(db: Connection, *, due_before: datetime, limit: int) -> list[str]:
    """Deliveries whose time has long come and that nobody takes."""
    due = sa.select(deliveries.c.execution_id).where(
        deliveries.c.delivered_at.is_(None),
        deliveries.c.next_attempt_at < due_before,
        deliveries.c.attempt < MAX_DELIVERIES,
    )
    return list(db.execute(due.limit(limit)).scalars())


def broken_truths(db: Connection, *, now: datetime, slack: timedelta, since: datetime | None = None) -> dict[str, int]:
    """How many rows contradict each standing truth; ``slack`` is what the sweeps need to put things right.

    ``since``: of what has ended, only executions that ended since then are looked at, for what has been kept for weeks
    was looked at often enough. None looks at everything.

    All zeros means that nothing is stuck: no sample asks past its lease, no execution is open past its deadline, no
    ended execution has samples that will never be settled, every execution has the samples it planned, and every
    finished one has its report.
    """
    late = now - slack
    recent = sa.true() if since is None else executions.c.ended_at.is_(None) | (executions.c.ended_at >= since)
    theirs = samples.c.execution_id == executions.c.execution_id
    unsettled = sa.exists().where(theirs, samples.c.state.not_in(SAMPLE_FINAL))
    counted = sa.select(sa.func.count()).where(theirs).scalar_subquery()
    finished = [ExecutionState.COMPLETED, ExecutionState.PARTIAL, ExecutionState.FAILED]
    reported = sa.exists().where(reports.c.execution_id == executions.c.execution_id)
    open_late = executions.c.status.in_(EXECUTION_OPEN)
    truths: dict[str, sa.Select[Any]] = {
        "samples asking past their lease": sa.select(sa.func.count())
        .select_from(samples)
        .where(samples.c.state == SampleState.ASKING, samples.c.lease_until < late),
        "executions open past their deadline": sa.select(sa.func.count())
        .select_from(executions)
        .where(open_late, executions.c.deadline_at < late),
        "ended executions with open samples": sa.select(sa.func.count())
        .select_from(executions)
        .where(recent, executions.c.status.in_(EXECUTION_FINAL), executions.c.ended_at < late, unsettled),
        "executions whose samples are not those planned": sa.select(sa.func.count())
        .select_from(executions)
        .where(recent, executions.c.planned != counted),
        "finished executions without a report": sa.select(sa.func.count())
        .select_from(executions)
        .where(
            recent,
            executions.c.status.in_(finished),
            ~reported,
            # given up, and it says so
            executions.c.error_code.is_distinct_from("report"),
        ),
    }
    return {words: db.execute(counting).scalar_one() for words, counting in truths.items()}
