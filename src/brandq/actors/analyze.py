"""Analyze: read stored answers and record what they say of the plan's brands."""

from __future__ import annotations

from brandq import store
from brandq.actors.declare import actor
from brandq.actors.desk import Desk
from brandq.actors.reading import findings_in
from brandq.actors.report import close_if_done
from brandq.analysis.method import method_version


@actor(queue_name="brandq.analyze")
def analyze(desk: Desk, execution_id: str, sample_ids: list[int]) -> None:
    """Take answers that are not analyzed, read them, record the findings; close the execution if these were the last.

    Safe to repeat: only an answered sample can be analyzed, and its findings go in with that move.
    """
    with desk.database.read() as db:
        plan = store.plans_of(db, [execution_id]).get(execution_id)
        unread = store.unread_answers(db, execution_id, sample_ids)
    if plan is not None and unread:
        found = findings_in(plan, unread)
        with desk.database.begin() as db:
            store.record_findings(db, found, method_version=method_version(plan.brands))
    # in a transaction of its own, after the commit above; and also when another worker did the analysis and died here
    close_if_done(desk, execution_id)
