"""Report: freeze the document of an execution none of whose samples is open; and the closing that leads there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from brandq import reports, store, tracing
from brandq.actors.declare import actor
from brandq.actors.desk import Desk
from brandq.actors.notify import notify
from brandq.actors.reading import facts_by_this_method


def close_if_done(desk: Desk, execution_id: str) -> None:
    """Close the execution if no sample of it is open, and send its report. Any number may call; one closes.

    What only waits for an engine that is paused until people act keeps nothing open: it is given up first.
    """
    failed: Counter[str] = Counter()
    with desk.database.begin() as db:
        priority = store.close_execution(db, execution_id, now=desk.now())
        if priority is None and store.refuse_paused(db, execution_id, now=desk.now(), failed=failed):
            priority = store.close_execution(db, execution_id, now=desk.now())
    desk.meters.failed(failed)
    if priority is not None:
        desk.send(report, execution_id, priority=priority)


@actor(queue_name="brandq.report")
def report(desk: Desk, execution_id: str) -> None:
    """Take a closed execution, build its report out of the stored facts, publish it, send notify.

    Safe to repeat: only an execution that waits for its report can be published, so a second one changes nothing.
    """
    with desk.database.begin() as db:
        begun = store.begin_report(db, execution_id, now=desk.now())
        given_up = None if begun else store.give_up_report(db, execution_id, now=desk.now())
    if given_up is not None:
        desk.meters.ended(given_up.status, created_at=given_up.created_at, ended_at=given_up.updated_at)
    if not begun:
        return
    with tracing.span("report.build", "internal", {"brandq.execution_id": execution_id}):
        facts = facts_by_this_method(desk, execution_id)
        now = desk.now()
        # the document says when the execution ended, and publishing it is what ends it
        made = reports.publication(replace(facts, ended_at=now), built_at=now)
    with desk.database.begin() as db:
        tell = desk.settings.webhook_url is not None
        published = store.publish_report(db, execution_id, made, tell=tell, now=now)
    if published and facts.created_at is not None:
        desk.meters.ended(made.status, created_at=facts.created_at, ended_at=now)
    if published and tell:
        desk.send(notify, execution_id)
