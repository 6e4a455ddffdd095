"""Plans that an owner keeps under a name, to start from them again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.errors import Conflict, NotFound
from brandq.store.moving import insert_or_ignore
from brandq.tables import saved_plans

#: plans that one owner may keep
MAX_SAVED = 200


@dataclass(frozen=True)
class SavedPlan:
    """One of them. ``document`` is what the owner wrote; whoever uses it reads and checks it as if it came today."""

    plan_id: int
    name: str
    document: Mapping[str, Any]
    saved_at: datetime


def save_plan(db: Connection, owner: str, name: str, document: Mapping[str, Any], *, now: datetime) -> None:
    """Keep a plan; under a name that is there already, in its place. Conflict when the owner has MAX_SAVED."""
    kept = db.execute(
        sa.update(saved_plans)
        .where(saved_plans.c.owner == owner, saved_plans.c.name == name)
        .values(document=dict(document), saved_at=now)
    )
    if kept.rowcount:
        return
    count = sa.select(sa.func.count()).select_from(saved_plans).where(saved_plans.c.owner == owner)
    if db.execute(count).scalar_one() >= MAX_SAVED:
        raise Conflict(f"{MAX_SAVED} plans are saved already; remove one first")
    row = {"owner": owner, "name": name, "document": dict(document), "saved_at": now}
    if not insert_or_ignore(db, saved_plans, [row]):
        raise Conflict(f"a plan {name!r} was saved at the same moment; save it again")


def list_saved_plans(db: Connection, owner: str) -> list[SavedPlan]:
    """The owner's, by name."""
    rows = db.execute(sa.select(saved_plans).where(saved_plans.c.owner == owner).order_by(saved_plans.c.name))
    return [SavedPlan(row.plan_id, row.name, row.document, row.saved_at) for row in rows]


def saved_plan(db: Connection, owner: str, plan_id: int) -> SavedPlan:
    """NotFound when it is not this owner's."""
    row = db.execute(
        sa.select(saved_plans).where(saved_plans.c.owner == owner, saved_plans.c.plan_id == plan_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no saved plan {plan_id}")
    return SavedPlan(row.plan_id, row.name, row.document, row.saved_at)


def remove_saved_plan(db: Connection, owner: str, plan_id: int) -> None:
    """NotFound when it is not this owner's."""
    removed = db.execute(sa.delete(saved_plans).where(saved_plans.c.owner == owner, saved_plans.c.plan_id == plan_id))
    if not removed.rowcount:
        raise NotFound(f"there is no saved plan {plan_id}")
