"""Refusing: waiting samples that will not be asked are given up, with the reason in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.states import EXECUTION_OPEN, SAMPLE_OPEN, SampleState
from brandq.store.engines import EngineState, engine_states
from brandq.store.executions import lock_overdue
from brandq.store.findings import abandon_unread
from brandq.store.moving import among, lock_executions, move_samples
from brandq.store.samples import plans_of
from brandq.tables import executions, samples


def refuse_samples(db: Connection, sample_ids: Sequence[int], *, code: str, message: str, now: datetime) -> int:
    """Give up waiting samples that will not be asked; how many waited."""
    return _give_up_waiting(db, code, message, now, among(db, samples.c.sample_id, sample_ids))


def _refuse(db: Connection, execution_id: str, engine: str, code: str, message: str, now: datetime) -> int:
    theirs = (samples.c.execution_id == execution_id) & (samples.c.engine == engine)
    return _give_up_waiting(db, code, message, now, theirs)


def _give_up_waiting(db: Connection, code: str, message: str, now: datetime, which: sa.ColumnElement[bool]) -> int:
    values = {"error_code": code, "error_message": message, "settled_at": now, "sent_at": None}
    return len(move_samples(db, "give_up", which, samples.c.state == SampleState.WAITING, values=values))


def refuse_paused(db: Connection, execution_id: str, *, now: datetime, failed: Counter[str] | None = None) -> int:
    """Give up what waits for engines that are paused until people act, once nothing else of its execution is open.

    Until then it waits: while the others are asked, somebody may put the key right. How many were given up; ``failed``
    counts them by their code.
    """
    paused = {scope: state for scope, state in engine_states(db).items() if _standing(state, now)}
    if not paused:
        return 0
    lock_executions(db, [execution_id])
    mine = samples.c.execution_id == execution_id
    still_open = db.execute(
        sa.select(samples.c.engine, samples.c.state).where(mine, samples.c.state.in_(SAMPLE_OPEN)).distinct()
    ).all()
    plan = plans_of(db, [execution_id]).get(execution_id)
    if plan is None or not still_open:
        return 0
    scopes = {engine.engine: engine.scopes for engine in plan.engines}
    refused: dict[str, EngineState] = {}
    for row in still_open:
        state = next((paused[scope] for scope in scopes[row.engine] if scope in paused), None)
        if row.state != SampleState.WAITING or state is None:
            return 0
        refused[row.engine] = state
    given_up = 0
    for engine, state in sorted(refused.items()):
        words = (
            f"{state.open_message}; so it is not asked before {state.open_until:%H:%M} UTC, "
            f"unless its settings change or `brandq probe {engine}` finds it well"
        )
        refused_now = _refuse(db, execution_id, engine, str(state.open_reason), words, now)
        _count(failed, str(state.open_reason), refused_now)
        given_up += refused_now
    return given_up


def _count(failed: Counter[str] | None, code: str, n: int) -> None:
    if failed is not None:
        failed[code] += n


def _standing(state: EngineState, now: datetime) -> bool:
    return state.standing and state.open_until is not None and state.open_until > now


def refuse_overdue(db: Connection, *, now: datetime, limit: int, failed: Counter[str] | None = None) -> int:
    """Give up what waits for a paused engine in executions past their deadline, with the reason of the pause.

    How many; ``failed`` counts them by their code.
    """
    paused = [state for state in engine_states(db).values() if state.open_until is not None]
    if not paused:
        return 0
    overdue = lock_overdue(db, now=now, limit=limit)
    reasons = {state.scope: state for state in paused}
    given_up = 0
    for execution_id, plan in plans_of(db, overdue).items():
        for engine in plan.engines:
            state = next((reasons[scope] for scope in engine.scopes if scope in reasons), None)
            if state is None:
                continue
            words = f"the deadline passed while {state.scope} was paused: {state.open_message}"
            refused_now = _refuse(db, execution_id, engine.engine, str(state.open_reason), words, now)
            _count(failed, str(state.open_reason), refused_now)
            given_up += refused_now
    return given_up


def abandon_overdue(db: Connection, *, overdue_since: datetime, now: datetime, limit: int) -> int:
    """Give up answers that nobody has read, in open executions whose deadline passed before then; how many."""
    unread = (
        sa.select(samples.c.sample_id)
        .join(executions, executions.c.execution_id == samples.c.execution_id)
        .where(
            samples.c.state == SampleState.ANSWERED,
            executions.c.status.in_(EXECUTION_OPEN),
            executions.c.deadline_at <= overdue_since,
        )
        .order_by(samples.c.sample_id)
        .limit(limit)
    )
    ids = list(db.execute(unread).scalars())
    return abandon_unread(db, ids, why="was not read before the deadline", now=now) if ids else 0
