"""Analyze: read stored answers and record what they say of the plan's brands."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from brandq import logs, store
from brandq.actors.declare import actor
from brandq.actors.desk import Desk
from brandq.actors.reading import findings_in
from brandq.actors.report import close_if_done
from brandq.analysis.method import method_version
from brandq.errors import DatabaseNotReady
from brandq.plan import Plan

logger = logging.getLogger(__name__)

#: readings of one answer that are begun before it is given up: reading it may be what ends its workers
MAX_READS = 6


@actor(queue_name="brandq.analyze")
def analyze(desk: Desk, execution_id: str, sample_ids: list[int]) -> None:
    """Take answers that are not analyzed, read them, record the findings; close the execution if these were the last.

    Safe to repeat: only an answered sample can be analyzed, and its findings go in with that move.
    """
    with desk.database.begin() as db:
        plan = desk.plans_of(db, [execution_id]).get(execution_id)
        begun = store.begin_reading(db, execution_id, sample_ids, now=desk.now()) if plan is not None else []
    if plan is not None and begun:
        _read(desk, execution_id, plan, [sample_id for sample_id, reads in begun if reads == 1])
        # what was begun before and not brought to an end goes alone, so that it takes no others with it
        for sample_id, reads in begun:
            if reads > MAX_READS:
                _abandon(desk, sample_id, f"its reading was begun {MAX_READS} times and never finished")
            elif reads > 1:
                _read(desk, execution_id, plan, [sample_id])
    # in a transaction of its own, after the commit above; and also when another worker did the analysis and died here
    close_if_done(desk, execution_id)


def _read(desk: Desk, execution_id: str, plan: Plan, sample_ids: Sequence[int]) -> None:
    if not sample_ids:
        return
    try:
        with desk.database.read() as db:
            unread = store.unread_answers(db, execution_id, sample_ids)
        found = findings_in(plan, unread)
    except DatabaseNotReady:
        raise
    except Exception as error:
        # Whatever it was, it lies in one of these answers or in how we read it, and the others are not to suffer.
        if len(sample_ids) > 1:
            for sample_id in sample_ids:
                _read(desk, execution_id, plan, [sample_id])
            return
        with logs.about(sample_id=sample_ids[0]):
            logger.exception("the answer of sample %d cannot be read", sample_ids[0])
        _abandon(desk, sample_ids[0], f"reading it failed ({type(error).__name__})")
        return
    with desk.database.begin() as db:
        store.record_findings(db, found, method_version=method_version(plan.brands))


def _abandon(desk: Desk, sample_id: int, why: str) -> None:
    with desk.database.begin() as db:
        given_up = store.abandon_unread(db, [sample_id], why=why, now=desk.now())
    desk.meters.failed({store.UNREAD: given_up})
