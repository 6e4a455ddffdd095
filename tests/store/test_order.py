"""Everybody locks an execution before its samples, so no two wait for each other in a circle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

from brandq import store
from brandq.errors import Conflict
from brandq.plan import DEFAULT_PRIORITY
from brandq.store import Database
from tests.store.samples_at_hand import NOW, answered, claim, close, ids, plan, settle

LATE = NOW + timedelta(hours=3)
ROUNDS = 25


def test_cancel_expire_and_settle_never_lock_each_other_out(database: Database) -> None:
    """Given executions past their deadline, when they are cancelled, expired, settled and closed at once, again and again, then nobody is told of a deadlock, and each has ended one way."""
    for _ in range(ROUNDS):
        executions = [plan(database) for _ in range(4)]
        claims = {one: claim(database, ids(database, one)[:4]) for one in executions}
        start = threading.Barrier(5)

        def cancel(order: list[str], start: threading.Barrier = start) -> None:
            start.wait()
            for one in order:
                try:
                    with database.begin() as db:
                        store.cancel_execution(db, one, owner="ann", now=LATE)
                except Conflict:
                    # it was expired before
                    pass

        def expire(start: threading.Barrier = start) -> None:
            start.wait()
            for _ in range(3):
                with database.begin() as db:
                    store.refuse_overdue(db, now=LATE, limit=100)
                    store.expire_overdue(db, now=LATE, limit=100)

        def answer(claims: dict[str, list[store.Claim]] = claims, start: threading.Barrier = start) -> None:
            start.wait()
            for one, held in claims.items():
                settle(database, held, answered(), now=LATE)
                close(database, one, now=LATE)

        work: list[Callable[[], None]] = [
            partial(cancel, executions),
            partial(cancel, executions[::-1]),
            expire,
            expire,
            answer,
        ]
        with ThreadPoolExecutor(len(work)) as pool:
            # a deadlock would be raised here: Postgres breaks it by failing one of them
            for done in [pool.submit(one) for one in work]:
                done.result()
        with database.read() as db:
            for one in executions:
                assert store.execution(db, one).status in ("cancelled", "reporting", "running")
                assert store.progress(db, one).by_state["waiting"] == 0


def test_what_another_has_locked_is_left_to_the_next_tick(postgres_url: str) -> None:
    """Given two overdue executions of which one is being cancelled, when upkeep comes, then it closes the other one and waits for nobody."""
    database = Database(postgres_url)
    held, free = plan(database), plan(database)
    with database.begin() as db:
        store.cancel_execution(db, held, owner="ann", now=LATE)
        with database.begin() as other:
            assert store.expire_overdue(other, now=LATE, limit=10) == [(free, DEFAULT_PRIORITY)]
    with database.begin() as db:
        assert store.expire_overdue(db, now=LATE, limit=10) == []
    database.dispose()
