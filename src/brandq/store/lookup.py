"""What the tables say of ids that somebody found elsewhere: in a dead letter, in a log line."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.store.upkeep import MAX_DELIVERIES
from brandq.tables import deliveries, executions, samples


@dataclass(frozen=True)
class SampleFound:
    """A sample, the status of its execution, and when the message that moves it on was last sent or is due."""

    state: str
    status: str
    sent_at: datetime | None
    next_attempt_at: datetime | None


@dataclass(frozen=True)
class ExecutionFound:
    """An execution, and when its webhook was told or is told next; both None: there is none, or it was given up."""

    status: str
    updated_at: datetime
    told_at: datetime | None
    next_telling_at: datetime | None


@dataclass(frozen=True)
class Found:
    """What was found, by id; an id that is missing is not known, or not known any more."""

    samples: Mapping[int, SampleFound]
    executions: Mapping[str, ExecutionFound]


def look_up(db: Connection, *, sample_ids: Collection[int], execution_ids: Collection[str]) -> Found:
    """These samples and executions of whatever owner, in one statement for each kind."""
    theirs, those = {}, {}
    if sample_ids:
        rows = db.execute(
            sa.select(
                samples.c.sample_id,
                samples.c.state,
                executions.c.status,
                samples.c.sent_at,
                samples.c.next_attempt_at,
            )
            .join(executions, executions.c.execution_id == samples.c.execution_id)
            .where(samples.c.sample_id.in_(sample_ids))
        )
        theirs = {row[0]: SampleFound(*row[1:]) for row in rows}
    if execution_ids:
        rows = db.execute(
            sa.select(
                executions.c.execution_id,
                executions.c.status,
                executions.c.updated_at,
                deliveries.c.delivered_at,
                deliveries.c.next_attempt_at,
            )
            .outerjoin(
                deliveries,
                sa.and_(
                    deliveries.c.execution_id == executions.c.execution_id,
                    sa.or_(deliveries.c.delivered_at.is_not(None), deliveries.c.attempt < MAX_DELIVERIES),
                ),
            )
            .where(executions.c.execution_id.in_(execution_ids))
        )
        those = {row[0]: ExecutionFound(*row[1:]) for row in rows}
    return Found(theirs, those)
