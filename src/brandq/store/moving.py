"""The one place where state changes: an event becomes an UPDATE guarded by the old state."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from brandq.states import EXECUTION_EVENTS, SAMPLE_EVENTS, arrow
from brandq.tables import executions, samples


def move_samples(
    db: Connection, event: str, *where: sa.ColumnElement[bool], values: Mapping[str, Any]
) -> Sequence[Row[Any]]:
    """Fire an event on the samples that ``where`` selects; sample_id, execution_id and attempt of those that moved.

    A row that is not in a state from which the event may start is not touched and not returned: someone else has it.
    """
    moving = _moving(event).where(*where).values(**values)
    return db.execute(moving.returning(samples.c.sample_id, samples.c.execution_id, samples.c.attempt)).all()


def move_each(db: Connection, event: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Fire an event on samples that each get values of their own; ``rows`` hold them, and ``sample_id``.

    The caller has locked them in a state from which the event may start: what is in another one is not touched, and
    nobody is told.
    """
    update_rows(db, _moving(event), ("sample_id",), rows)


@cache
def _moving(event: str) -> sa.Update:
    sources, target = arrow(SAMPLE_EVENTS, event)
    # not IN: its list of values cannot be given once for many rows
    here = sa.or_(*(samples.c.state == source for source in sorted(sources)))
    moving = sa.update(samples).where(here).values(state=target)
    return moving if target == "asking" else moving.values(lease_until=None)


def among(db: Connection, column: sa.ColumnElement[int], ids: Collection[int]) -> sa.ColumnElement[bool]:
    """Whether the column is one of these numbers, however many: one bound value, so one statement to prepare."""
    return among_given(db.dialect.name, column, sa.bindparam(None, type_=_Numbers(), value=list(ids)))


def among_given(dialect: str, column: sa.ColumnElement[int], ids: sa.BindParameter[Any]) -> sa.ColumnElement[bool]:
    """The same for a statement that is made once: ``ids`` is a parameter of type ``numbers``, bound when it runs."""
    if dialect == "sqlite":
        return column.in_(sa.select(sa.func.json_each(ids).table_valued("value").c.value))
    return column == sa.any_(ids)


class _Numbers(sa.types.TypeDecorator[list[int]]):
    """Any number of numbers as one value: an array in Postgres, JSON in SQLite, which has none."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Text() if dialect.name == "sqlite" else postgresql.ARRAY(sa.BigInteger))

    def process_bind_param(self, value: list[int] | None, dialect: sa.Dialect) -> Any:
        return json.dumps(value) if dialect.name == "sqlite" else value


def numbers(name: str) -> sa.BindParameter[Any]:
    """A parameter that takes a list of ids."""
    return sa.bindparam(name, type_=_Numbers())


def insert_rows(db: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert these rows, all with the same columns, by one statement.

    On Postgres they go as one JSON document: bound one by one they cost the driver several times as much, and every
    answer comes this way.
    """
    if not rows:
        return
    if db.dialect.name == "sqlite":
        db.execute(sa.insert(table), rows)
    else:
        db.execute(_insert_given(table, tuple(rows[0])), {"given": _document(rows)})


def update_rows(db: Connection, update: sa.Update, keys: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Give rows of a table values of their own: ``rows`` hold the keys by which they are found, and the values.

    ``update`` is made once: the statement made from it is kept.
    """
    if not rows:
        return
    names = tuple(name for name in rows[0] if name not in keys)
    if db.dialect.name != "sqlite":
        db.execute(_update_given(update, keys, names), {"given": _document(rows)})
        return
    table = _table_of(update)
    of = {name: sa.bindparam(f"of_{name}", type_=table.c[name].type) for name in keys}
    to = {name: sa.bindparam(f"to_{name}", type_=table.c[name].type) for name in names}
    bound = [{f"of_{name}": row[name] for name in keys} | {f"to_{name}": row[name] for name in names} for row in rows]
    db.execute(update.where(*(table.c[name] == of[name] for name in keys)).values(to), bound)


@cache
def _insert_given(table: sa.Table, names: tuple[str, ...]) -> sa.Insert:
    given = _given(table, names)
    taken = [
        sa.func.decode(given.c[name], "base64") if isinstance(table.c[name].type, sa.LargeBinary) else given.c[name]
        for name in names
    ]
    return sa.insert(table).from_select(list(names), sa.select(*taken))


@cache
def _update_given(update: sa.Update, keys: tuple[str, ...], names: tuple[str, ...]) -> sa.Update:
    table = _table_of(update)
    given = _given(table, (*keys, *names))
    found = [table.c[name] == given.c[name] for name in keys]
    return update.where(*found).values({name: given.c[name] for name in names})


def _table_of(update: sa.Update) -> sa.Table:
    if not isinstance(update.table, sa.Table):
        raise TypeError("only a table has rows to update")
    return update.table


def _given(table: sa.Table, names: Sequence[str]) -> sa.TableValuedAlias:
    """Rows for columns of the table, as Postgres reads them out of one JSON document; bytes come in base64."""
    columns = [
        sa.column(name, sa.Text() if isinstance(table.c[name].type, sa.LargeBinary) else table.c[name].type)
        for name in names
    ]
    read = sa.func.json_to_recordset(sa.cast(sa.bindparam("given", type_=sa.Text()), postgresql.JSON()))
    return read.table_valued(*columns, name="given").render_derived(with_types=True)


def _document(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), default=_as_json, ensure_ascii=False)


def _as_json(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is nothing that a column holds")


def lock_executions(db: Connection, execution_ids: Collection[str]) -> None:
    """Lock these executions until the transaction ends.

    Whoever moves samples of several states takes this lock first, so that no two wait for each other. What only claims,
    or only reads, does not need it.
    """
    db.execute(
        sa.select(executions.c.execution_id)
        .where(executions.c.execution_id.in_(execution_ids))
        .order_by(executions.c.execution_id)
        # the keys stay as they are, so rows that refer to these may be written meanwhile
        .with_for_update(key_share=True)
    ).all()


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
    kept = _insert(db)(table).values(rows).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return len(db.execute(kept).all())


def insert_or_replace(db: Connection, table: sa.Table, row: dict[str, Any]) -> None:
    """Insert the row, or put its values into the one that has its key."""
    keys = [column.name for column in table.primary_key.columns]
    values = {name: value for name, value in row.items() if name not in keys}
    db.execute(_insert(db)(table).values(row).on_conflict_do_update(index_elements=keys, set_=values))


def _insert(db: Connection) -> Any:
    return sqlite.insert if db.dialect.name == "sqlite" else postgresql.insert
