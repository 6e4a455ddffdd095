"""The one place where state changes: an event becomes an UPDATE guarded by the old state."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from brandq.states import EXECUTION_EVENTS, SAMPLE_EVENTS, arrow
from brandq.tables import executions, samples


def move_samples(
    db: Connection, event: str, *where: sa.ColumnElement[bool], values: dict[str, Any]
) -> Sequence[Row[Any]]:
    """Fire an event on the samples that ``where`` selects; the rows that moved, as they are now.

    A row that is not in a state from which the event may start is not touched and not returned: someone else has it.
    """
    sources, target = arrow(SAMPLE_EVENTS, event)
    if target != "asking":
        values = {"lease_owner": samples.c.lease_owner, "lease_until": None, **values}
    moving = sa.update(samples).where(samples.c.state.in_(sources), *where)
    return db.execute(moving.values(state=target, **values).returning(samples)).all()


def move_execution(
    db: Connection, event: str, *where: sa.ColumnElement[bool], values: dict[str, Any], target: str | None = None
) -> Sequence[Row[Any]]:
    """Fire an event on the executions that ``where`` selects; the rows that moved, as they are now."""
    sources, target = arrow(EXECUTION_EVENTS, event, target)
    moving = sa.update(executions).where(executions.c.status.in_(sources), *where)
    return db.execute(moving.values(status=target, **values).returning(executions)).all()


def insert_or_ignore(db: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> int:
    """Insert the rows whose keys are free; how many were."""
    if not rows:
        return 0
    # counted by what came back: the driver does not report a row count for such an INSERT
    return len(db.execute(_inserting(db.dialect.name, table), rows).all())


@cache
def _inserting(dialect: str, table: sa.Table) -> Any:
    """Made once for each table: making the statement takes longer than the database needs for it."""
    return _insert(dialect)(table).on_conflict_do_nothing().returning(*table.primary_key.columns)


def insert_or_replace(db: Connection, table: sa.Table, row: dict[str, Any]) -> None:
    """Insert the row, or put its values into the one that has its key."""
    keys = [column.name for column in table.primary_key.columns]
    values = {name: value for name, value in row.items() if name not in keys}
    db.execute(_insert(db.dialect.name)(table).values(row).on_conflict_do_update(index_elements=keys, set_=values))


def _insert(dialect: str) -> Any:
    return sqlite.insert if dialect == "sqlite" else postgresql.insert
