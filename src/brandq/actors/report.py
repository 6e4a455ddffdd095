"""Report: freeze the document of an execution none of whose samples is open; and the closing that leads there."""

from __future__ import annotations

from collections import Counter

from brandq import analysis, reports, store
from brandq.actors.declare import actor
from brandq.actors.desk import Desk
from brandq.actors.notify import notify
from brandq.reports.facts import Facts
from brandq.states import ExecutionState


def close_if_done(desk: Desk, execution_id: str) -> None:
    """Close the execution if no sample of it is open, and send its report. Any number may call; one closes."""
    with desk.database.begin() as db:
        priority = store.close_execution(db, execution_id, now=desk.now())
    if priority is not None:
        desk.send(report, execution_id, priority=priority)


@actor(queue_name="brandq.report")
def report(desk: Desk, execution_id: str) -> None:
    """Take a closed execution, build its report out of the stored facts, publish it, send notify.

    Safe to repeat: only an execution that waits for its report can be published, so a second one changes nothing.
    """
    with desk.database.read() as db:
        if store.execution(db, execution_id).status != ExecutionState.REPORTING:
            return
        facts = store.facts(db, execution_id)
    made = publication(facts, desk)
    with desk.database.begin() as db:
        tell = desk.settings.webhook_url is not None
        published = store.publish_report(db, execution_id, made, tell=tell, now=desk.now())
    if published and tell:
        desk.send(notify, execution_id)


def publication(facts: Facts, desk: Desk) -> store.Publication:
    """The finished document of these facts, with the words for an execution that got no usable answer."""
    now = desk.now()
    document = reports.build(facts, built_at=now)
    status = reports.outcome(facts)
    error_code, error_message = _why_failed(facts) if status == ExecutionState.FAILED else (None, None)
    return store.Publication(
        document, analysis.METHOD_VERSION, reports.digest(document), status, error_code, error_message
    )


def _why_failed(facts: Facts) -> tuple[str, str]:
    """The commonest reason why samples have no usable answer, and all of them counted in words."""
    reasons = Counter(sample.error_code or sample.kind or sample.state for sample in facts.samples)
    counted = ", ".join(
        f"{reason} × {n}" for reason, n in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    )
    example = next((sample.error_message for sample in facts.samples if sample.error_message), None)
    words = f"no usable answer: {counted}" + (f"; for example: {example}" if example else "")
    return reasons.most_common(1)[0][0], words
