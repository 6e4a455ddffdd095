"""What whoever runs the service watches, over all owners: the executions that go on, and which worker holds what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.states import EXECUTION_FINAL, SAMPLE_OPEN, SampleState
from brandq.tables import Utc, executions, samples


@dataclass(frozen=True)
class Held:
    """The samples that one worker asks just now. ``overdue`` of them are past their lease and will be taken back."""

    worker: str
    samples: int
    executions: int
    overdue: int
    #: the end of the lease that was taken or renewed last
    lease_until: datetime


def held_by_worker(db: Connection, *, now: datetime, limit: int) -> list[Held]:
    """Who holds samples, the worker with the most of them first."""
    overdue = sa.func.count().filter(samples.c.lease_until < now)
    rows = db.execute(
        sa.select(
            samples.c.lease_owner,
            sa.func.count().label("samples"),
            sa.func.count(samples.c.execution_id.distinct()),
            overdue,
            sa.func.max(samples.c.lease_until, type_=Utc),
        )
        .where(samples.c.state == SampleState.ASKING)
        .group_by(samples.c.lease_owner)
        .order_by(sa.desc("samples"), samples.c.lease_owner)
        .limit(limit)
    )
    return [Held(row[0] or "?", *row[1:]) for row in rows]


@dataclass(frozen=True)
class GoingOn:
    """An execution that has not ended, and how many of its samples are still open."""

    execution_id: str
    owner: str
    status: str
    priority: int
    planned: int
    open: int
    created_at: datetime
    started_at: datetime | None
    deadline_at: datetime

    @property
    def settled(self) -> int:
        return self.planned - self.open


def going_on(db: Connection, *, limit: int) -> tuple[int, list[GoingOn]]:
    """How many executions have not ended, and those whose deadline comes first; in two statements."""
    unfinished = executions.c.status.not_in(EXECUTION_FINAL)
    still_open = (
        sa.select(sa.func.count())
        .where(samples.c.execution_id == executions.c.execution_id, samples.c.state.in_(SAMPLE_OPEN))
        .scalar_subquery()
    )
    columns = {name: executions.c[name] for name in GoingOn.__dataclass_fields__ if name != "open"}
    listing = sa.select(*columns.values(), still_open.label("open")).where(unfinished)
    rows = db.execute(listing.order_by(executions.c.deadline_at, executions.c.execution_id).limit(limit))
    found = [GoingOn(**row._mapping) for row in rows]
    if len(found) < limit:
        return len(found), found
    return db.execute(sa.select(sa.func.count()).select_from(executions).where(unfinished)).scalar_one(), found
