"""At the door: what a plan would cost and take, which stored answers it may have, whether its limits can be kept.

An execution is written in one transaction together with the answers that it takes over, so that none is paid for that
is there already. Whoever accepts sends afterwards: ``sending.send_execution``.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from brandq import store
from brandq.actors.desk import Desk
from brandq.costs import cost_of_call, estimate_cost, limit_faults
from brandq.errors import BadRequest, BadSettings, Conflict, Fault, TooMuchOpen
from brandq.measures.sampling import foretell_precision
from brandq.plan import Experience, Plan, estimate_seconds
from brandq.states import SampleState
from brandq.store import Execution, Place, Transaction

#: calls in flight assumed for an engine whose row this process does not have
ASSUMED_IN_FLIGHT = 8
#: seconds after which a plan that was not taken is to be sent again: not at once, and not tomorrow
SOONEST_S, LATEST_S = 5, 600


@dataclass(frozen=True)
class Foreseen:
    """What a plan would be: samples whose answers are there already, and the estimate of the others for the wire."""

    reused: int
    estimate: Mapping[str, Any]
    #: why it would not be taken at this moment
    refused: TooMuchOpen | None = None


@dataclass(frozen=True)
class Accepted:
    """An execution that stands; ``new`` is False where its idempotency key was met before."""

    execution: Execution
    new: bool
    foreseen: Foreseen


def foresee(desk: Desk, plan: Plan, *, owner: str) -> Foreseen:
    """What ``accept`` would do; nothing is stored. BadRequest for a limit that cannot be kept."""
    now = desk.now()
    with desk.database.read() as db:
        taken = _reusable(db, plan, owner, now)
        foreseen, faults = _foreseen(desk, db, plan, taken)
        refused = _overload(desk, db, plan, owner, now)
    _refuse(faults)
    return replace(foreseen, refused=refused)


def accept(desk: Desk, plan: Plan, *, owner: str, idempotency_key: str | None = None) -> Accepted:
    """Store the plan for its owner, with the answers that it may reuse.

    BadRequest for a limit that cannot be kept; TooMuchOpen where it has to wait for others.
    """
    now = desk.now()
    with desk.database.begin() as db:
        _make_room(desk, db, plan, owner, idempotency_key, now)
        taken = _reusable(db, plan, owner, now)
        order = _order(desk, plan, owner, taken, now, idempotency_key=idempotency_key)
        accepted = _write(desk, db, order, taken, now)
    return _counted(desk, accepted)


def accept_retry(desk: Desk, execution_id: str, *, owner: str, idempotency_key: str | None = None) -> Accepted:
    """Store an execution of the same plan that takes over every answer of this one, refusals too, and asks the rest.

    A cost limit in the plan is the new execution's alone: what the first one spent does not count against it. Conflict
    where nothing can be asked again; NotFound for what is not this owner's; TooMuchOpen as above.
    """
    now, key = desk.now(), idempotency_key or f"retry of {execution_id}"
    with desk.database.begin() as db:
        found = store.execution(db, execution_id, owner=owner)
        if not found.ended:
            raise Conflict(f"execution {execution_id} is {found.status}; retry what has ended, or cancel it first")
        counted = store.progress(db, execution_id).by_state
        if not counted[SampleState.FAILED] + counted[SampleState.CANCELLED]:
            raise Conflict(
                f"every sample of execution {execution_id} has an answer; to ask again, submit the plan again"
            )
        if any(engine.imported for engine in found.plan.engines):
            raise Conflict(f"the answers of execution {execution_id} were imported; nobody can be asked for the others")
        _make_room(desk, db, found.plan, owner, key, now)
        taken = store.places_with_answer(db, execution_id)
        order = _order(
            desk,
            found.plan,
            owner,
            taken,
            now,
            task_type=found.task_type,
            idempotency_key=key,
            retry_of=execution_id,
        )
        accepted = _write(desk, db, order, taken, now)
    return _counted(desk, accepted)


def cancel(desk: Desk, execution_id: str, *, owner: str) -> Execution:
    """Cancel an execution and what of it has no answer. Conflict where it has ended; NotFound for another owner's."""
    with desk.database.begin() as db:
        found = store.cancel_execution(db, execution_id, owner=owner, now=desk.now())
    desk.meters.ended(found.status, created_at=found.created_at, ended_at=found.updated_at)
    return found


def _counted(desk: Desk, accepted: Accepted) -> Accepted:
    if accepted.new:
        desk.meters.accepted()
    return accepted


def _order(desk: Desk, plan: Plan, owner: str, taken: Mapping[Place, int], now: datetime, **fields: Any) -> store.Order:
    deadline_at = now + timedelta(seconds=desk.settings.deadline_s)
    return store.Order(str(uuid.uuid4()), owner, plan, deadline_at, answered=frozenset(taken), **fields)


def _write(desk: Desk, db: Transaction, order: store.Order, taken: Mapping[Place, int], now: datetime) -> Accepted:
    found, new = store.plan_execution(db, order, now=now)
    if not new:
        # what stands was accepted under the limits and prices of its time
        return Accepted(found, False, _foreseen(desk, db, found.plan, store.taken_over(db, found.execution_id))[0])
    foreseen, faults = _foreseen(desk, db, order.plan, taken)
    _refuse(faults)
    if taken:
        store.take_over(db, found.execution_id, taken)
    return Accepted(found, True, foreseen)


def _make_room(desk: Desk, db: Transaction, plan: Plan, owner: str, key: str | None, now: datetime) -> None:
    """TooMuchOpen where the plan goes beyond a bound and is new."""
    refused = _overload(desk, db, plan, owner, now)
    # what was accepted stays accepted, however often its caller asks
    if refused is not None and (key is None or not store.is_accepted(db, owner, key)):
        raise refused


def _overload(desk: Desk, db: Transaction, plan: Plan, owner: str, now: datetime) -> TooMuchOpen | None:
    """Why this plan has to wait; BadRequest for one that is larger than a bound.

    What is committed counts. Plans that are accepted at the same moment do not see each other, so a bound may be passed
    by what the others of that moment plan; on SQLite, which takes one writer at a time, by nothing.
    """
    settings = desk.settings
    bounds = (
        ("BRANDQ_MAX_OPEN_SAMPLES_PER_OWNER", settings.max_open_samples_per_owner, owner, f"samples of {owner}"),
        ("BRANDQ_MAX_OPEN_SAMPLES", settings.max_open_samples, None, "samples of all owners"),
    )
    for (variable, bound, whose, words), load in zip(bounds, store.load_of(db, owner), strict=True):
        if not bound:
            continue
        if plan.planned > bound:
            fault = Fault("", f"has {plan.planned} samples, and at most {bound} may be open here at once ({variable})")
            raise BadRequest([fault], "The plan is too large", 400)
        # the cheap look first: what open executions planned is at least what of it is open
        if load.planned + plan.planned <= bound:
            continue
        still_open = store.count_open(db, whose)
        excess = still_open + plan.planned - bound
        if excess > 0:
            wait_s = _wait_s(load, still_open, excess, now)
            return TooMuchOpen(
                f"{still_open} {words} are open, and with the {plan.planned} of this plan there would be more "
                f"than {bound} ({variable}); nothing was stored, send it again in {wait_s} s",
                wait_s,
            )
    return None


def _wait_s(load: store.Load, still_open: int, excess: int, now: datetime) -> int:
    """Seconds until so many samples more are settled, if it goes on as it went since the first of these was started."""
    settled = load.planned - still_open
    if load.since is None or settled <= 0:
        return LATEST_S
    per_s = settled / max((now - load.since).total_seconds(), 1.0)
    return max(SOONEST_S, min(LATEST_S, round(excess / per_s)))


def _refuse(faults: list[Fault]) -> None:
    if faults:
        raise BadRequest(faults, "The plan is not valid")


def _reusable(db: Transaction, plan: Plan, owner: str, now: datetime) -> dict[Place, int]:
    if not plan.reuse_within_hours:
        return {}
    return store.reusable_answers(db, owner, plan, now - timedelta(hours=plan.reuse_within_hours))


def _foreseen(desk: Desk, db: Transaction, plan: Plan, taken: Collection[Place]) -> tuple[Foreseen, list[Fault]]:
    """What is foreseen where these places have their answers, and the faults of its limits."""
    asked = {engine.engine: len(plan.prompts) * plan.repeats for engine in plan.engines}
    for _, engine, _ in taken:
        asked[engine] -= 1
    known = store.experience(db, list(asked))
    calls = {
        engine.engine: cost_of_call(plan, engine, desk.registry.price(engine), known.get(engine.engine))
        for engine in plan.engines
    }
    seconds, basis = _seconds(desk, plan, asked, known)
    estimate = {
        "seconds": seconds,
        "basis": basis,
        "cost": estimate_cost(plan, calls, asked),
        "precision": foretell_precision(len(plan.prompts), plan.repeats),
    }
    of_asked = {engine: call for engine, call in calls.items() if asked[engine]}
    return Foreseen(len(taken), estimate), limit_faults(plan, of_asked, desk.settings.daily_cost_limit)


def _seconds(desk: Desk, plan: Plan, asked: Mapping[str, int], known: Mapping[str, Experience]) -> tuple[int, str]:
    in_flight = []
    for engine in plan.engines:
        try:
            in_flight.append(desk.registry.provider(engine).concurrency)
        except BadSettings:
            # not askable from this process (its simulator belongs to the workers, or its row is gone)
            in_flight.append(ASSUMED_IN_FLIGHT)
    return estimate_seconds(asked, known, min(in_flight))
