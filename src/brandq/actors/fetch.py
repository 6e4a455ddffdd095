"""Fetch: claim a batch of samples of one engine, and see their calls through.

Which samples may be asked, and when, is decided in ``admission``; what is not asked now comes back as a message of its
own. The calls themselves are those of the whole process, see ``calls``.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from brandq import logs, store, tracing
from brandq.actors.admission import Admission, admit
from brandq.actors.analyze import analyze
from brandq.actors.calls import Calls, FollowUp, Ticket
from brandq.actors.declare import actor
from brandq.actors.desk import Desk
from brandq.actors.report import close_if_done
from brandq.plan import EngineRef, Plan
from brandq.providers.dialect import ProviderError
from brandq.store import MOST_IN_BATCH, Transaction


@actor(queue_name="brandq.fetch")
async def fetch(desk: Desk, sample_ids: list[int]) -> None:
    """Take waiting samples, put each prompt to its engine, keep what comes back, send analyze.

    Safe to repeat: a sample that does not wait cannot be claimed, and a stale attempt cannot settle.
    """
    taken = await desk.in_thread(lambda: _take(desk, sample_ids))
    desk.meters.failed(taken.failed)
    for wait_s, first, ids in taken.postponed:
        its = {"execution_id": first.execution_id, "engine": first.engine}
        desk.send(fetch, ids, priority=first.priority, delay_s=wait_s, **its)
    for execution_id in taken.looked_at:
        await desk.in_thread(partial(close_if_done, desk, execution_id))
    if taken.tickets:
        calls = desk.on_loop(Calls, lambda: Calls(desk, _follow_up))
        await calls.see_through(taken.tickets)


def _follow_up(desk: Desk, what: FollowUp) -> None:
    """Send what a commit of ended calls calls for."""
    for (execution_id, priority), ids in what.answered.items():
        with _of(what, execution_id):
            for start in range(0, len(ids), MOST_IN_BATCH):
                desk.send(analyze, execution_id, ids[start : start + MOST_IN_BATCH], priority=priority)
    for (execution_id, engine, priority, wait_s), ids in what.again.items():
        with _of(what, execution_id):
            for start in range(0, len(ids), MOST_IN_BATCH):
                batch = ids[start : start + MOST_IN_BATCH]
                desk.send(fetch, batch, priority=priority, delay_s=wait_s, execution_id=execution_id, engine=engine)
    for execution_id in what.given_up:
        with _of(what, execution_id):
            close_if_done(desk, execution_id)


@contextmanager
def _of(what: FollowUp, execution_id: str) -> Iterator[None]:
    """What is sent in this block goes on with the trace of the execution's calls."""
    with logs.about(execution_id=execution_id), tracing.going_on_from(what.traces.get(execution_id)):
        yield


@dataclass
class _Taken:
    """What became of the due samples of a message."""

    plans: dict[str, Plan]
    #: before anything was read, so that nothing read can be newer; of the monotonic clock, seconds
    admitted_at: float
    tickets: list[Ticket] = field(default_factory=list)
    #: seconds to wait, the first of the samples, the ids of all of them
    postponed: list[tuple[float, store.Due, list[int]]] = field(default_factory=list)
    #: executions of which nothing was claimed, so that perhaps nothing keeps them open
    looked_at: set[str] = field(default_factory=set)
    #: samples that will not be asked, by their code
    failed: Counter[str] = field(default_factory=Counter)


def _take(desk: Desk, sample_ids: Sequence[int]) -> _Taken:
    """Claim what may be asked now, postpone or refuse the rest; one transaction."""
    now, admitted_at = desk.now(), time.monotonic()
    with desk.database.begin() as db:
        due = store.due_samples(db, sample_ids, now=now)
        taken = _Taken(desk.plans_of(db, {one.execution_id for one in due}), admitted_at)
        groups: dict[tuple[str, str], list[store.Due]] = {}
        for one in due:
            groups.setdefault((one.execution_id, one.engine), []).append(one)
        for (execution_id, name), group in groups.items():
            plan = taken.plans[execution_id]
            engine = next(engine for engine in plan.engines if engine.engine == name)
            admission = admit(desk, db, plan, engine, group, now)
            _follow(desk, db, taken, engine, group, admission, now)
    return taken


def _follow(
    desk: Desk,
    db: Transaction,
    taken: _Taken,
    engine: EngineRef,
    group: Sequence[store.Due],
    admission: Admission,
    now: datetime,
) -> None:
    chosen = desk.provider(engine)
    if not isinstance(chosen, ProviderError):
        desk.lane(chosen[0], engine).hear(engine.model, proven=admission.proven, troubled=admission.troubled)
    claims = store.claim_samples(
        db,
        group[: admission.granted],
        worker=desk.worker,
        now=now,
        lease_until=now + timedelta(seconds=desk.settings.lease_s),
        set_aside=admission.set_aside,
    )
    for number, claim in enumerate(claims):
        start_in = (admission.first_at + number * admission.gap - now).total_seconds()
        plan = taken.plans[claim.execution_id]
        taken.tickets.append(Ticket(claim, engine, plan, taken.admitted_at, taken.admitted_at + start_in))
    rest = [one.sample_id for one in group[admission.granted :]]
    if not claims:
        taken.looked_at.add(group[0].execution_id)
    if not rest:
        return
    if admission.refused is not None:
        code, words = admission.refused
        taken.failed[code] += store.refuse_samples(db, rest, code=code, message=words, now=now)
        return
    # messages that were refused together must not all come back together
    wait_s = random.uniform(admission.wait_s, min(admission.wait_s * 1.5, admission.wait_s + 10))
    store.postpone(db, rest, until=now + timedelta(seconds=wait_s))
    taken.postponed.append((wait_s, group[0], rest))
