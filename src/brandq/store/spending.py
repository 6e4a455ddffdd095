"""What an owner's answers cost, by engine, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.tables import Utc, answers, executions, samples

_NANO = 10**9


@dataclass(frozen=True)
class Spent:
    """What the answers of one engine cost in one currency. ``currency`` None: so many answers of unknown cost."""

    engine: str
    currency: str | None
    amount: Decimal
    answers: int


@dataclass(frozen=True)
class Spending:
    """What was paid for the answers of the executions made since then, and no earlier one's."""

    since: datetime
    #: false where there were more answers than are added up, so that ``since`` is later than was asked for
    whole: bool
    by_engine: list[Spent]


def spending(db: Connection, owner: str, *, since: datetime, most: int) -> Spending:
    """Answers that were paid for here: asked for, neither simulated nor imported, and not taken over.

    Of an owner with many it counts the newest executions, up to so many planned samples together.
    """
    from_then = (executions.c.owner == owner, executions.c.created_at >= since)
    newest_first = (executions.c.created_at.desc(), executions.c.execution_id.desc())
    so_far = sa.func.sum(executions.c.planned).over(order_by=newest_first).label("so_far")
    recent = sa.select(executions.c.created_at, so_far).where(*from_then).subquery()
    fits, newest, planned = db.execute(
        sa.select(
            sa.func.min(recent.c.created_at, type_=Utc).filter(recent.c.so_far <= most),
            sa.func.max(recent.c.created_at, type_=Utc),
            sa.func.max(recent.c.so_far),
        )
    ).one()
    whole = planned is None or planned <= most
    # the newest one counts whatever its size
    begins = since if whole else fits or newest
    # SQLite keeps amounts as texts and cannot add decimals; billionths of a unit are whole numbers on both
    nano = sa.cast(sa.func.round(sa.cast(answers.c.cost, sa.Numeric) * _NANO), sa.BigInteger)
    rows = db.execute(
        sa.select(
            samples.c.engine,
            answers.c.currency,
            sa.cast(sa.func.coalesce(sa.func.sum(nano), 0), sa.BigInteger).label("nano"),
            sa.func.count().label("answers"),
        )
        .select_from(executions)
        .join(samples, samples.c.execution_id == executions.c.execution_id)
        .join(answers, answers.c.sample_id == samples.c.sample_id)
        .where(executions.c.owner == owner, executions.c.created_at >= begins)
        .where(answers.c.taken_from.is_(None), ~answers.c.simulated, ~answers.c.imported)
        .group_by(samples.c.engine, answers.c.currency)
        .order_by(samples.c.engine, answers.c.currency)
    ).all()
    by_engine = [Spent(row.engine, row.currency, Decimal(row.nano) / _NANO, row.answers) for row in rows]
    return Spending(begins, whole, by_engine)
