"""Which messages move what stands in the tables: used right after a commit, and by the sweeps when one was lost."""

from __future__ import annotations

from collections.abc import Iterable

from brandq import store
from brandq.actors.analyze import analyze
from brandq.actors.desk import Desk
from brandq.actors.fetch import fetch
from brandq.actors.report import close_if_done


def send_fetches(desk: Desk, batches: Iterable[store.Batch]) -> None:
    for batch in batches:
        ids = list(batch.sample_ids)
        desk.send(fetch, ids, priority=batch.priority, execution_id=batch.execution_id, engine=batch.engine)


def send_analyses(desk: Desk, batches: Iterable[store.Batch]) -> None:
    for batch in batches:
        ids = list(batch.sample_ids)
        desk.send(analyze, batch.execution_id, ids, priority=batch.priority, engine=batch.engine)


def send_execution(desk: Desk, execution_id: str) -> None:
    """Start what was just accepted: ask what waits, analyze the answers that it brought along."""
    with desk.database.look() as db:
        waiting, answered = store.accepted_batches(db, execution_id)
    send_analyses(desk, answered)
    send_fetches(desk, waiting)
    if not waiting and not answered:
        close_if_done(desk, execution_id)
