"""Money under a limit: set aside before a call, settled from its reply.

A budget is what one execution, or one owner on one UTC day, may spend. Its row is made at the first reservation. Rows
are locked in the order of samples, budgets, engines. What a call cost and nobody knows counts as what was set aside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.plan import CostLimit
from brandq.store.moving import insert_or_ignore
from brandq.tables import budgets

_NANO = Decimal(10**9)


@dataclass(frozen=True)
class Budget:
    """A limit and what it is called: an execution's id, or owner and day."""

    name: str
    limit: CostLimit
    #: for people: "the plan's cost_limit"
    title: str


@dataclass(frozen=True)
class Reservation:
    """How many calls the budgets can pay, and the one that said no to the others.

    ``spent_up``: nothing of that budget is in flight any more that could still turn out cheaper; else it pays to come
    back once the calls in flight have settled.
    """

    granted: int
    refused_by: Budget | None = None
    spent_up: bool = False


def daily_budget(owner: str, limit: CostLimit, now: datetime) -> Budget:
    """What all executions of an owner may spend on this UTC day."""
    return Budget(day_name(owner, now), limit, f"the daily limit of {limit} for {owner}, until midnight UTC,")


def day_name(owner: str, at: datetime) -> str:
    return f"{owner} {at:%Y-%m-%d}"


def reserve_cost(db: Connection, wanted: Sequence[Budget], each: Decimal, calls: int, *, now: datetime) -> Reservation:
    """Set aside ``each`` for up to so many calls in every one of the budgets.

    As long as anything is left one call may be made at a time, even where it may cost more than what is left: an
    estimate that is too high must not stop a plan that could still be paid.
    """
    granted, refused_by, spent_up = calls, None, False
    taken: list[tuple[Budget, int]] = []
    for budget in wanted:
        if granted == 0:
            break
        got, nothing_in_flight = _reserve(db, budget, _nano(each), granted, now)
        if got < granted:
            granted, refused_by, spent_up = got, budget, got == 0 and nothing_in_flight
        taken.append((budget, got))
    for budget, got in taken:
        if got > granted:
            _move(db, [budget.name], reserved=-(got - granted) * _nano(each), spent=0, now=now)
    return Reservation(granted, refused_by, spent_up)


def _reserve(db: Connection, budget: Budget, each: int, calls: int, now: datetime) -> tuple[int, bool]:
    zeros = dict.fromkeys(("spent_nano", "reserved_nano", "granted"), 0)
    row = {"budget": budget.name, "currency": budget.limit.currency, "updated_at": now, **zeros}
    insert_or_ignore(db, budgets, [row])
    left = _nano(budget.limit.amount) - budgets.c.spent_nano - budgets.c.reserved_nano
    fits = left // each if each else sa.literal(calls)
    one = sa.case((sa.and_(budgets.c.reserved_nano == 0, left > 0), 1), else_=0)
    most = sa.case((left <= 0, 0), (fits < 1, one), (fits < calls, sa.cast(fits, sa.Integer)), else_=calls)
    got = db.execute(
        sa.update(budgets)
        .where(budgets.c.budget == budget.name)
        .values(
            granted=most,
            reserved_nano=budgets.c.reserved_nano + sa.cast(most, sa.BigInteger) * sa.literal(each, sa.BigInteger),
            updated_at=now,
        )
        .returning(budgets.c.granted, budgets.c.reserved_nano)
    ).one()
    return got.granted, got.reserved_nano - got.granted * each == 0


def settle_cost(db: Connection, names: Sequence[str], *, reserved: Decimal, spent: Decimal, now: datetime) -> None:
    """Exchange what was set aside in these budgets for what was spent."""
    _move(db, names, reserved=-_nano(reserved), spent=_nano(spent), now=now)


def settle_costs(db: Connection, costs: Iterable[tuple[Sequence[str], Decimal, Decimal]], *, now: datetime) -> None:
    """Exchange amounts set aside in budgets for those spent: one statement for each set of budgets."""
    sums: Mapping[tuple[str, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for names, reserved, spent in costs:
        sums[tuple(names)][0] += reserved
        sums[tuple(names)][1] += spent
    for names, (reserved, spent) in sorted(sums.items()):
        settle_cost(db, names, reserved=reserved, spent=spent, now=now)


def _move(db: Connection, names: Sequence[str], *, reserved: int, spent: int, now: datetime) -> None:
    left = budgets.c.reserved_nano + reserved
    db.execute(
        sa.update(budgets)
        .where(budgets.c.budget.in_(names))
        .values(
            # a limit that was set while calls were in flight never reserved for them
            reserved_nano=sa.case((left < 0, 0), else_=left),
            spent_nano=budgets.c.spent_nano + spent,
            updated_at=now,
        )
    )


def budget_of(db: Connection, name: str) -> tuple[Decimal, Decimal, str] | None:
    """Spent, set aside, and in which currency; None while nothing was reserved under this name."""
    row = db.execute(sa.select(budgets).where(budgets.c.budget == name)).one_or_none()
    return None if row is None else (row.spent_nano / _NANO, row.reserved_nano / _NANO, row.currency)


def _nano(amount: Decimal) -> int:
    return int((amount * _NANO).to_integral_value())
