"""One brand over time: which brands an owner tracks, and what each report says of one of them.

A report's document may be megabytes, so the database takes out of it what is wanted, and nothing else is sent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.plan import name_key
from brandq.states import EXECUTION_FINAL
from brandq.tables import execution_brands, executions, reports


@dataclass(frozen=True)
class TrackedBrand:
    """A brand of an owner's ended executions, as the newest spells it; ``subject``: it is the subject of that one."""

    name: str
    name_key: str
    subject: bool
    executions: int
    last_ended_at: datetime


def tracked_brands(db: Connection, owner: str, limit: int) -> list[TrackedBrand]:
    """The brands of an owner's ended executions, the ones measured last first, in two statements."""
    newest_first = (executions.c.ended_at.desc(), executions.c.execution_id.desc())
    each = (
        sa.select(
            execution_brands.c.name_key,
            executions.c.execution_id,
            executions.c.ended_at,
            sa.func.count().over(partition_by=execution_brands.c.name_key).label("executions"),
            sa.func.row_number().over(partition_by=execution_brands.c.name_key, order_by=newest_first).label("place"),
        )
        .join(executions, executions.c.execution_id == execution_brands.c.execution_id)
        .where(executions.c.owner == owner, executions.c.status.in_(EXECUTION_FINAL))
        .subquery()
    )
    newest = sa.select(each).where(each.c.place == 1)
    rows = db.execute(newest.order_by(each.c.ended_at.desc(), each.c.execution_id, each.c.name_key).limit(limit)).all()
    holding = sa.select(executions.c.execution_id, executions.c.plan["brands"]).where(
        executions.c.execution_id.in_({row.execution_id for row in rows})
    )
    names = {execution_id: [brand["name"] for brand in brands] for execution_id, brands in db.execute(holding)}
    found = []
    for row in rows:
        spelled = {name_key(name): number for number, name in reversed(list(enumerate(names[row.execution_id])))}
        number = spelled[row.name_key]
        name = names[row.execution_id][number]
        found.append(TrackedBrand(name, row.name_key, number == 0, row.executions, row.ended_at))
    return found


@dataclass(frozen=True)
class Wanted:
    """Of the report of this execution, the numbers of the brand and the engine with these places in its plan."""

    execution_id: str
    brand: int
    #: None: over all engines
    engine: int | None = None


@dataclass(frozen=True)
class Told:
    """What a report says: the brand's mention rates as number objects, and what its coverage says of each engine.

    ``panel`` speaks of these very prompts where ``rate`` speaks of the market; None where the report has none.
    """

    method_version: str
    rate: Mapping[str, Any] | None
    panel: Mapping[str, Any] | None
    engines: Sequence[Mapping[str, Any]]


def told_of_brand(db: Connection, wanted: Collection[Wanted]) -> dict[str, Told]:
    """What the reports that stand say, by execution, in one statement. An execution without a report is missing."""
    if not wanted:
        return {}
    places = [(one.execution_id, one.brand, one.engine) for one in wanted]
    by_engine = any(one.engine is not None for one in wanted)
    rows = db.execute(_telling(db.dialect.name, by_engine), {"places": places})
    found = {}
    for row in rows:
        block = row.block or {}
        rates = block.get("mention_rate"), block.get("mention_rate_of_panel")
        found[row.execution_id] = Told(row.method_version, *rates, row.engines or ())
    return found


@cache
def _telling(dialect: str, by_engine: bool) -> sa.Select[Any]:
    of_json = sa.func.json_each if dialect == "sqlite" else sa.func.json_array_elements
    place = of_json(sa.bindparam("places", type_=sa.JSON)).table_valued(sa.column("value", sa.JSON)).c.value
    brand = ("brands", place[1].as_integer())
    block = (*brand, "engines", place[2].as_integer()) if by_engine else (*brand, "overall")
    return sa.select(
        reports.c.execution_id,
        reports.c.method_version,
        # each part costs going through the whole document once more, so the block comes whole
        _part(dialect, *block).label("block"),
        _part(dialect, "coverage", "engines").label("engines"),
    ).join(place.table, reports.c.execution_id == place[0].as_string())


def _part(dialect: str, *steps: str | sa.ColumnElement[int]) -> sa.ColumnElement[Any]:
    """What stands in a report's document at the end of these steps: names of members, and places in lists."""
    if dialect == "sqlite":
        path: sa.ColumnElement[str] = sa.literal("$")
        for step in steps:
            path += f".{step}" if isinstance(step, str) else "[" + sa.cast(step, sa.Text) + "]"
        return sa.func.json_extract(reports.c.document, path, type_=sa.JSON)
    texts = [sa.literal(step) if isinstance(step, str) else sa.cast(step, sa.Text) for step in steps]
    return sa.func.json_extract_path(reports.c.document, *texts, type_=sa.JSON)


def methods_of_reports(db: Connection, execution_ids: Collection[str]) -> dict[str, str]:
    """By which method the report of each of these executions was made; those without a report are missing."""
    wanted = sa.select(reports.c.execution_id, reports.c.method_version)
    rows = db.execute(wanted.where(reports.c.execution_id.in_(execution_ids)))
    return {row.execution_id: row.method_version for row in rows}
