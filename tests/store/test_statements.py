"""No store function of the pipeline makes more statements for many samples than for few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from brandq import store
from brandq.analysis.findings import Findings
from brandq.plan import Plan
from brandq.providers.dialect import ErrorClass
from brandq.states import SampleState
from brandq.store import Database, SetAside
from tests.store.samples_at_hand import LEASE, NOW, PLAN, answered, claim, ids, plan, refused, settle

LATER = NOW + 2 * LEASE
FEW, MANY = 2, 30


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that this database is sent meanwhile."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, _p: object, _context: object, _many: bool) -> None:
        seen.append(statement)

    engine = database._engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def claimed(database: Database, count: int, **fields: object) -> tuple[str, list[store.Claim]]:
    execution_id = plan(database, plan=Plan(PLAN.brands, PLAN.prompts, PLAN.engines, repeats=20))
    return execution_id, claim(database, ids(database, execution_id)[:count], **fields)  # type: ignore[arg-type]


def claiming(database: Database, count: int) -> Callable[[store.Transaction], object]:
    execution_id = plan(database, plan=Plan(PLAN.brands, PLAN.prompts, PLAN.engines, repeats=20))
    sample_ids = ids(database, execution_id)[:count]
    return lambda db: store.claim_samples(
        db, store.due_samples(db, sample_ids, now=NOW), worker="w", now=NOW, lease_until=NOW + LEASE
    )


def settling(database: Database, count: int) -> Callable[[store.Transaction], object]:
    aside = SetAside(Decimal("0.1"), "USD", ("e1",))
    _, claims = claimed(database, count, set_aside=aside)
    return lambda db: store.settle(db, [store.Ended(one, answered(), NOW) for one in claims], now=NOW)


def failing(database: Database, count: int) -> Callable[[store.Transaction], object]:
    _, claims = claimed(database, count)
    again = [NOW + timedelta(seconds=number) if number % 2 else None for number in range(count)]
    failed = refused(ErrorClass.OVERLOADED)
    ended = [store.Ended(one, failed, NOW, at) for one, at in zip(claims, again, strict=True)]
    return lambda db: store.settle(db, ended, now=NOW)


def handing_back(database: Database, count: int) -> Callable[[store.Transaction], object]:
    _, claims = claimed(database, count)
    ended = [store.Ended(one, None, NOW if number % 2 else None) for number, one in enumerate(claims)]
    return lambda db: store.settle(db, ended, now=NOW)


def renewing(database: Database, count: int) -> Callable[[store.Transaction], object]:
    _, claims = claimed(database, count)
    return lambda db: store.renew_leases(db, claims, worker="w1", lease_until=LATER)


def releasing(database: Database, count: int) -> Callable[[store.Transaction], object]:
    claimed(database, count)
    return lambda db: store.release_expired(db, now=LATER, limit=100)


def resending(database: Database, count: int) -> Callable[[store.Transaction], object]:
    plan(database, plan=Plan(PLAN.brands, PLAN.prompts, PLAN.engines, repeats=count))
    return lambda db: store.stranded(
        db, SampleState.WAITING, sent_before=LATER, begun_before=LATER, now=LATER, limit=1000
    )


def reading(database: Database, count: int) -> Callable[[store.Transaction], object]:
    execution_id, claims = claimed(database, count)
    settle(database, claims, answered())
    sample_ids = [one.sample_id for one in claims]

    def read(db: store.Transaction) -> None:
        store.begin_reading(db, execution_id, sample_ids, now=NOW)
        unread = store.unread_answers(db, execution_id, sample_ids)
        store.record_findings(db, {one.sample_id: Findings(()) for one in unread}, method_version="m1")

    return read


@pytest.mark.parametrize("doing", [claiming, settling, failing, handing_back, renewing, releasing, resending, reading])
def test_many_samples_take_no_more_statements_than_few(
    database: Database, doing: Callable[[Database, int], Callable[[store.Transaction], object]]
) -> None:
    """Given the same step for two samples and for thirty, then both make the same number of statements."""
    numbers = []
    for count in (FEW, MANY):
        step = doing(database, count)
        with counted(database) as seen, database.begin() as db:
            step(db)
        numbers.append(len(seen))
    assert numbers[0] == numbers[1] > 0, seen
