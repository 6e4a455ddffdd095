"""Upkeep: once a minute, whatever the tables say is open and nobody moves is moved on.

Every send has its sweep here, so that a lost message or a dead worker costs a minute or two and nothing else:

| sent | by | sent again by |
|---|---|---|
| fetch | web, fetch, upkeep | `resend_waiting`; `release_expired` when its worker died |
| analyze | fetch, web | `resend_answered` |
| report | fetch, analyze, upkeep | `close_unclosed` when nobody closed; `resend_reports` |
| notify | report | `resend_deliveries` |
| tick | clock | the next tick |

A sweep may run twice at once: each works by guarded updates.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from periodiq import cron

from brandq import logs, store, tracing
from brandq.actors.about import sending_as
from brandq.actors.broker import BrokerUnreachable, queue_depths
from brandq.actors.declare import actor
from brandq.actors.desk import Desk
from brandq.actors.notify import notify
from brandq.actors.report import close_if_done, report
from brandq.actors.sending import send_analyses, send_fetches
from brandq.states import SampleState

logger = logging.getLogger(__name__)

#: a message in a queue that is not empty counts as lost so many times later than in an empty one: it probably stands
#: among the others. Sent twice it does no harm, but it costs
BUSY_FACTOR = 10
#: rows that one pass of a sweep moves; the next minute takes the next ones
MOST_ROWS = 2000
#: samples whose executions one transaction removes. With all that hangs on them they take about 0.1 ms each: far from
#: the 30 s that a statement may take
MOST_REMOVED = 20_000
#: seconds of each minute that removing may take; the whole tick has 50
REMOVE_S = 20
#: no call takes so long, with its wait for a slot and its commit
ORPHANED_AFTER = timedelta(hours=1)
#: past an execution's deadline, what is answered has so long to be analyzed; below store.SLACK by two ticks
READING_GRACE_S = 120
#: idempotency keys and unused limits are remembered for a week
FORGET_AFTER = timedelta(days=7)


@actor(queue_name="brandq.upkeep", max_retries=0, time_limit=50_000, periodic=cron("* * * * *"))
def tick(desk: Desk) -> None:
    """Run every sweep once, and the hourly and daily ones when their hour has come.

    Safe to repeat: each sweep moves only what is stuck, by guarded updates.
    """
    sweep_all(desk, SWEEPS)


def sweep_all(desk: Desk, sweeps: Sequence[Callable[[Desk], int]]) -> None:
    """Run these sweeps, noting what each repaired. ExceptionGroup of those that failed, after all have run."""
    faults: list[Exception] = []
    for sweep in sweeps:
        try:
            # what it sends again begins a trace of its own: this one is the tick's, and that of the first send is over
            with logs.about(sweep=sweep.__name__), sending_as(f"upkeep {sweep.__name__}"), tracing.going_on_from(None):
                repaired = sweep(desk)
                with desk.database.begin() as db:
                    store.note_sweep(db, sweep.__name__, repaired=repaired, now=desk.now())
                if repaired:
                    logger.info("%s: %d", sweep.__name__, repaired)
        except Exception as error:
            # one sweep that fails must not keep the others from running; they fail together below
            faults.append(error)
    if faults:
        raise ExceptionGroup("sweeps failed", faults)


def resume(desk: Desk, *, dead: Collection[str]) -> None:
    """Send everything that is open, at the start of a process whose broker lost its messages when it last ended.

    ``dead``: the workers that are known to be gone; what they held is taken back without waiting for its lease.
    """
    now = desk.now()
    failed: Counter[str] = Counter()
    with desk.database.begin() as db:
        released, lost = store.release_expired(db, now=now, limit=MOST_ROWS, dead=dead, failed=failed)
        # whatever was sent up to this moment was sent into a broker that is no more
        before = now + timedelta(seconds=1)
        waiting, answered = (
            store.stranded(db, state, sent_before=before, begun_before=before, now=now, limit=MOST_ROWS)
            for state in (SampleState.WAITING, SampleState.ANSWERED)
        )
        reporting = store.stranded_reports(db, sent_before=before, begun_before=before, now=now, limit=MOST_ROWS)
    _count_released(desk, released, failed)
    with sending_as("upkeep resume"):
        for execution_id in lost:
            close_if_done(desk, execution_id)
        send_fetches(desk, waiting)
        send_analyses(desk, answered)
        for execution_id, priority in reporting:
            desk.send(report, execution_id, priority=priority)


def release_expired(desk: Desk) -> int:
    """Take back the samples of workers that died."""
    failed: Counter[str] = Counter()
    with desk.database.begin() as db:
        batches, lost = store.release_expired(db, now=desk.now(), limit=MOST_ROWS, failed=failed)
    taken_back = _count_released(desk, batches, failed)
    send_fetches(desk, batches)
    for execution_id in lost:
        close_if_done(desk, execution_id)
    return taken_back


def _count_released(desk: Desk, released: Collection[store.Batch], failed: Counter[str]) -> int:
    """How many samples were taken back from workers that had vanished, those given up with them."""
    taken_back = sum(len(batch.sample_ids) for batch in released) + failed.total()
    desk.meters.leases_expired(taken_back)
    desk.meters.failed(failed)
    return taken_back


def expire_overdue(desk: Desk) -> int:
    """Close the executions whose deadline has passed with what they have; answers have a little longer to be read."""
    with desk.database.begin() as db:
        since = desk.now() - timedelta(seconds=READING_GRACE_S)
        unread = store.abandon_overdue(db, overdue_since=since, now=desk.now(), limit=MOST_ROWS)
    desk.meters.failed({store.UNREAD: unread})
    failed: Counter[str] = Counter()
    with desk.database.begin() as db:
        store.refuse_overdue(db, now=desk.now(), limit=MOST_ROWS, failed=failed)
        expired = store.expire_overdue(db, now=desk.now(), limit=MOST_ROWS, failed=failed)
    desk.meters.failed(failed)
    for execution_id, priority in expired:
        desk.send(report, execution_id, priority=priority)
    return len(expired)


def resend_waiting(desk: Desk) -> int:
    """Send fetch again for samples whose message was lost."""
    return _resend(desk, SampleState.WAITING, "brandq.fetch", send_fetches)


def resend_answered(desk: Desk) -> int:
    """Send analyze again for answers whose message was lost."""
    return _resend(desk, SampleState.ANSWERED, "brandq.analyze", send_analyses)


def _resend(desk: Desk, state: SampleState, queue_name: str, send: Callable[[Desk, list[store.Batch]], None]) -> int:
    now = desk.now()
    with desk.database.begin() as db:
        sent_before, begun_before = now - _patience(desk, queue_name), now - _patience_with_begun(desk)
        batches = store.stranded(
            db, state, sent_before=sent_before, begun_before=begun_before, now=now, limit=MOST_ROWS
        )
    send(desk, batches)
    return sum(len(batch.sample_ids) for batch in batches)


def _patience(desk: Desk, queue_name: str) -> timedelta:
    """How old a message must be to count as lost: in an empty queue it cannot be waiting its turn."""
    try:
        empty = queue_depths(desk.broker)[queue_name].ready == 0
    except BrokerUnreachable as error:
        logger.warning("%s", error)
        empty = False
    return timedelta(seconds=desk.settings.lost_after_s * (1 if empty else BUSY_FACTOR))


def _patience_with_begun(desk: Desk) -> timedelta:
    """How old the beginning of a reading or a report must be to count as lost: while it goes on, it is not."""
    return timedelta(seconds=desk.settings.lost_after_s * BUSY_FACTOR)


def close_unclosed(desk: Desk) -> int:
    """Close executions whose last sample was settled by a worker that died before closing."""
    with desk.database.read() as db:
        unclosed = store.unclosed(db, limit=MOST_ROWS)
    for execution_id in unclosed:
        close_if_done(desk, execution_id)
    return len(unclosed)


def resend_reports(desk: Desk) -> int:
    """Send report again for closed executions whose message was lost."""
    now = desk.now()
    with desk.database.begin() as db:
        sent_before = now - timedelta(seconds=desk.settings.lost_after_s)
        begun_before = now - _patience_with_begun(desk)
        stranded = store.stranded_reports(
            db, sent_before=sent_before, begun_before=begun_before, now=now, limit=MOST_ROWS
        )
    for execution_id, priority in stranded:
        desk.send(report, execution_id, priority=priority)
    return len(stranded)


def resend_deliveries(desk: Desk) -> int:
    """Send notify for webhook calls whose time has come."""
    with desk.database.read() as db:
        due = store.due_deliveries(db, due_before=desk.now(), limit=MOST_ROWS)
    for execution_id in due:
        desk.send(notify, execution_id)
    return len(due)


def end_orphans(desk: Desk) -> int:
    """Hourly: end the attempts of workers that vanished after their execution was cancelled, or had expired."""
    now = desk.now()
    if not _turn(desk, "orphans", now.replace(minute=0, second=0, microsecond=0)):
        return 0
    with desk.database.begin() as db:
        return store.lose_orphans(db, started_before=now - ORPHANED_AFTER, now=now, limit=MOST_ROWS)


def remove_old(desk: Desk) -> int:
    """Hourly: remove executions that ended longer ago than the retention, and what a judge said as long ago.

    What does not fit into REMOVE_S is removed in the next minute, in which the hour's turn is taken again.
    """
    now = desk.now()
    days = desk.settings.retention_days
    hour = now.replace(minute=0, second=0, microsecond=0)
    if not days or not _turn(desk, "hourly", hour):
        return 0
    before, removed, last = now - timedelta(days=days), 0, 1
    while last and desk.now() < now + timedelta(seconds=REMOVE_S):
        with desk.database.begin() as db:
            last = store.remove_ended(db, ended_before=before, most_samples=MOST_REMOVED)
        removed += last
    with desk.database.begin() as db:
        if last:
            store.give_turn_back(db, "hourly", slot=hour)
        return removed + store.forget_verdicts(db, before=before)


def forget_old(desk: Desk) -> int:
    """Daily at 03:00 UTC: forget idempotency keys and unused limits after a week."""
    now = desk.now()
    three = now.replace(hour=3, minute=0, second=0, microsecond=0)
    if not _turn(desk, "daily", three if now >= three else three - timedelta(days=1)):
        return 0
    with desk.database.begin() as db:
        return store.forget_keys_and_limits(db, before=now - FORGET_AFTER)


def _turn(desk: Desk, name: str, slot: datetime) -> bool:
    with desk.database.begin() as db:
        return store.take_turn(db, name, slot=slot, now=desk.now())


def check_truths(desk: Desk) -> int:
    """Say loudly when something is stuck that no sweep puts right; `brandq doctor` looks further back."""
    now = desk.now()
    with desk.database.read() as db:
        broken = store.broken_truths(db, now=now, slack=store.SLACK, since=now - store.LOOK_BACK)
    for words, rows in broken.items():
        if rows:
            logger.error("%s: %d", words, rows)
    return 0


SWEEPS: tuple[Callable[[Desk], int], ...] = (
    release_expired,
    expire_overdue,
    close_unclosed,
    resend_waiting,
    resend_answered,
    resend_reports,
    resend_deliveries,
    end_orphans,
    remove_old,
    forget_old,
    check_truths,
)
