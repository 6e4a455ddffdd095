"""Plans in, executions out: each endpoint reads its parameters, looks or writes once, and answers in JSON."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from brandq import store
from brandq.actors.desk import Desk
from brandq.actors.sending import send_execution
from brandq.errors import BadRequest, BadSettings, Conflict, DatabaseNotReady, Fault, NotFound
from brandq.plan import Plan, estimate_seconds, parse
from brandq.states import ExecutionState, SampleState
from brandq.store import Execution, Progress
from brandq.web import wire
from brandq.web.openapi import JSON, Operation, Parameter, Returns, Visit, operation
from brandq.web.schemas import FLAG, INSTANT, STATUS, TEXT, UUID, ref

logger = logging.getLogger(__name__)

MAX_PAGE = 100
DEFAULT_PAGE = 20
#: between two looks at an execution: short while it may end at any moment, longer where it takes minutes anyway
POLL_MS, SLOW_POLL_MS = 1000, 3000
#: samples from which on the longer wait is good enough
SLOW_FROM = 100
#: calls in flight assumed for an engine whose row this process does not have
ASSUMED_IN_FLIGHT = 8

NO_COST = "prices and token counts are not estimated by this version"

EXECUTION_ID = Parameter("execution_id", UUID, "as the 202 gave it", str, place="path")
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 200},
    "the same key with the same plan is the same execution; with another plan it is a 409",
    wire.printable(200),
    place="header",
)
LIMIT = Parameter(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE},
    "most entries of one page",
    wire.whole(1, MAX_PAGE),
    DEFAULT_PAGE,
)


# -- plans


@operation(
    Operation(
        "Submit a plan",
        "executions",
        "run",
        {
            202: Returns("Accepted; Location is its execution", {JSON: ref("Accepted")}),
            200: Returns("With dry_run: what it would be; nothing was stored", {JSON: ref("DryRun")}),
        },
        parameters=(
            IDEMPOTENCY_KEY,
            Parameter("dry_run", FLAG, "only count and estimate", wire.yes_or_no, default=False),
        ),
        body="PlanDocument",
        errors={409: "The idempotency key belongs to another plan"},
    )
)
def create_execution(visit: Visit) -> Response:
    """The commit is the acceptance: what was accepted is asked even when the broker is down at this moment."""
    desk = visit.desk
    plan = parse(visit.document, desk.registry.choose, max_samples=desk.settings.max_samples)
    if visit.given["dry_run"]:
        return wire.Json(
            {
                "dry_run": True,
                "planned": plan.planned,
                "counted_as": _counted_as(plan),
                "estimate": estimate(desk, plan),
                "simulated": _simulated(plan),
                "plan": plan.to_json(),
            }
        )
    return _accepted(visit, *accept(visit, plan))


def accept(visit: Visit, plan: Plan) -> tuple[Execution, bool]:
    """Store the plan for its owner; the execution, and whether it is new (else its idempotency key was met before)."""
    now = visit.desk.now()
    order = store.Order(
        execution_id=str(uuid.uuid4()),
        owner=visit.caller.owner,
        plan=plan,
        deadline_at=now + timedelta(seconds=visit.desk.settings.deadline_s),
        idempotency_key=visit.given["Idempotency-Key"],
    )
    with visit.desk.database.begin() as db:
        return store.plan_execution(db, order, now=now)


def send_later(desk: Desk, execution_id: str) -> BackgroundTask:
    """Send what was accepted, after the response went out. What goes wrong here is found by the sweeps."""

    def send() -> None:
        try:
            send_execution(desk, execution_id)
        except DatabaseNotReady as error:
            logger.warning("execution %s was accepted but not sent: %s; its sweep will send it", execution_id, error)

    return BackgroundTask(send)


def _accepted(visit: Visit, found: Execution, new: bool) -> Response:
    body = {
        "execution_id": found.execution_id,
        "status": found.status,
        "planned": found.planned,
        "counted_as": _counted_as(found.plan),
        "estimate": estimate(visit.desk, found.plan),
        "simulated": _simulated(found.plan),
        "retry_of": found.retry_of,
        "deadline_at": wire.instant(found.deadline_at),
        "links": urls(found.execution_id),
    }
    headers = {"Location": urls(found.execution_id)["self"]}
    return wire.Json(body, 202, headers, background=send_later(visit.desk, found.execution_id) if new else None)


def estimate(desk: Desk, plan: Plan) -> dict[str, Any]:
    """About how long a plan takes and what that rests on; its cost is not known yet, and says so."""
    with desk.database.read() as db:
        experience = store.experience(db, [engine.engine for engine in plan.engines])
    in_flight = []
    for engine in plan.engines:
        try:
            in_flight.append(desk.registry.provider(engine).concurrency)
        except BadSettings:
            # not askable from this process (its simulator belongs to the workers, or its row is gone)
            in_flight.append(ASSUMED_IN_FLIGHT)
    seconds, basis = estimate_seconds(plan, experience, min(in_flight))
    return {"seconds": seconds, "basis": basis, "cost": None, "cost_reason": NO_COST}


def _counted_as(plan: Plan) -> str:
    return f"{len(plan.prompts)} prompts × {len(plan.engines)} engines × {plan.repeats} repeats = {plan.planned}"


def _simulated(plan: Plan) -> list[str]:
    return [engine.engine for engine in plan.engines if engine.simulated]


def urls(execution_id: str) -> dict[str, str]:
    own = f"/api/executions/{execution_id}"
    return {
        "self": own,
        "samples": f"{own}/samples",
        "report": f"{own}/report",
        "cancel": f"{own}/cancel",
        "retry": f"{own}/retry",
    }


# -- executions


@operation(
    Operation(
        "List executions",
        "executions",
        "read",
        {200: Returns("One page, newest first", {JSON: ref("Executions")})},
        parameters=(
            LIMIT,
            Parameter("cursor", TEXT, "from `next` of the page before", wire.read_cursor),
            Parameter("status", STATUS, "only those in this status", wire.one_of(ExecutionState)),
            Parameter("brand", TEXT, "only those that track a brand of this name", wire.words(200)),
            Parameter("since", INSTANT, "created then or later", wire.moment),
            Parameter("until", INSTANT, "created before then", wire.moment),
        ),
    )
)
def list_executions(visit: Visit) -> Response:
    """The caller's own. Follow `next` until it is null; filters travel with it."""
    given = visit.given
    if given["since"] and given["until"] and given["since"] >= given["until"]:
        raise BadRequest([Fault("?until", "must be later than since")], "The parameters are not valid")
    wanted = store.Filter(given["status"], given["brand"], given["since"], given["until"], given["cursor"])
    with visit.desk.database.read() as db:
        found = store.list_executions(db, visit.caller.owner, wanted, given["limit"] + 1)
    page = found[: given["limit"]]
    following = wire.cursor(page[-1].created_at, page[-1].execution_id) if len(found) > len(page) else None
    return wire.Json({"executions": [_row(one) for one in page], "next": next_page(visit.request, "cursor", following)})


def next_page(request: Request, name: str, value: object | None) -> str | None:
    """This request's own path and parameters, one page further."""
    if value is None:
        return None
    kept = {other: text for other, text in request.query_params.items() if other != name}
    return f"{request.url.path}?{urlencode({**kept, name: value})}"


def _row(found: Execution) -> dict[str, Any]:
    return {
        "execution_id": found.execution_id,
        "status": found.status,
        "terminal": found.ended,
        "task_type": found.task_type,
        "label": found.plan.label,
        "priority": found.priority,
        "planned": found.planned,
        "brands": [brand.name for brand in found.plan.brands],
        "engines": [engine.engine for engine in found.plan.engines],
        "simulated": _simulated(found.plan),
        "error": _error(found),
        "retry_of": found.retry_of,
        **_times(found),
        "links": urls(found.execution_id),
    }


def _error(found: Execution) -> dict[str, Any] | None:
    if found.error_code is None and found.error_message is None:
        return None
    return {"code": found.error_code, "message": found.error_message}


def _times(found: Execution) -> dict[str, str | None]:
    return {
        name: wire.instant(getattr(found, name)) for name in ("created_at", "started_at", "ended_at", "deadline_at")
    }


def own_execution(visit: Visit) -> tuple[Execution, Progress]:
    """The execution that the path names, and where its samples stand. NotFound when it is not the caller's."""
    with visit.desk.database.read() as db:
        found = store.execution(db, execution_id_of(visit), owner=visit.caller.owner)
        return found, store.progress(db, found.execution_id)


def execution_id_of(visit: Visit) -> str:
    """The path's execution_id as the database spells it. NotFound for what cannot be one."""
    given = visit.request.path_params["execution_id"]
    try:
        return str(uuid.UUID(given))
    except ValueError:
        raise NotFound(f"there is no execution {given[:60]!r}") from None


@operation(
    Operation(
        "Show an execution",
        "executions",
        "read",
        {
            200: Returns("Where it stands", {JSON: ref("Execution")}),
            304: Returns("As the ETag that was sent"),
        },
        parameters=(EXECUTION_ID,),
    )
)
def show_execution(visit: Visit) -> Response:
    """Ask again after `poll_after_ms`, with If-None-Match; null means that it has ended. Progress never falls."""
    return wire.with_etag(visit.request, wire.Json(_shown(*own_execution(visit))))


def _shown(found: Execution, counted: Progress) -> dict[str, Any]:
    return {
        "execution_id": found.execution_id,
        "status": found.status,
        "stage": _stage(found, counted),
        "terminal": found.ended,
        "task_type": found.task_type,
        "progress": {
            "settled": counted.settled,
            "planned": found.planned,
            "percent": percent(found, counted),
        },
        "counts": counted.by_state,
        "engines": [
            {
                "engine": engine.engine,
                "simulated": engine.simulated,
                "counts": dict(counted.by_engine.get(engine.engine, {})),
                "errors": dict(counted.errors.get(engine.engine, {})),
            }
            for engine in found.plan.engines
        ],
        "simulated": _simulated(found.plan),
        "waits_until": wire.instant(counted.waits_until),
        "poll_after_ms": poll_after_ms(found),
        "error": _error(found),
        "plan": found.plan.to_json(),
        "retry_of": found.retry_of,
        **_times(found),
        "links": urls(found.execution_id),
    }


def _stage(found: Execution, counted: Progress) -> str:
    if found.ended:
        return "ended"
    if found.status != ExecutionState.RUNNING:
        return found.status
    asked_for = counted.by_state[SampleState.WAITING] + counted.by_state[SampleState.ASKING]
    return "asking" if asked_for else "analyzing"


def percent(found: Execution, counted: Progress) -> int:
    """Settled samples of the planned ones, rounded down; 100 is kept for the end. It never falls: settled is final."""
    return 100 if found.ended else min(99, 100 * counted.settled // found.planned)


def poll_after_ms(found: Execution) -> int | None:
    """When to look again. It depends on nothing but the stored state, or the ETag would never match."""
    if found.ended:
        return None
    return POLL_MS if found.planned < SLOW_FROM else SLOW_POLL_MS


@operation(
    Operation(
        "Cancel an execution",
        "executions",
        "run",
        {200: Returns("Cancelled", {JSON: ref("Execution")})},
        parameters=(EXECUTION_ID,),
        errors={409: "It has ended, or its report is being made"},
    )
)
def cancel_execution(visit: Visit) -> Response:
    """What waits is not asked; calls in flight may still be billed. What was answered stays, and can be reported."""
    with visit.desk.database.begin() as db:
        store.cancel_execution(db, execution_id_of(visit), owner=visit.caller.owner, now=visit.desk.now())
    return wire.Json(_shown(*own_execution(visit)))


@operation(
    Operation(
        "Ask again what failed",
        "executions",
        "run",
        {202: Returns("A new execution; Location is its address", {JSON: ref("Accepted")})},
        parameters=(EXECUTION_ID, IDEMPOTENCY_KEY),
        errors={409: "It has not ended, or nothing of it failed"},
    )
)
def retry_execution(visit: Visit) -> Response:
    """A new execution of the same plan takes over every stored answer and asks only what has none.

    Sent twice, it is the same new execution: a repeated click must not pay twice. To ask once more what failed again,
    retry the new one; or send another Idempotency-Key.
    """
    desk, now, source = visit.desk, visit.desk.now(), execution_id_of(visit)
    with desk.database.begin() as db:
        found = store.execution(db, source, owner=visit.caller.owner)
        if not found.ended:
            raise Conflict(f"execution {source} is {found.status}; retry what has ended, or cancel it first")
        counted = store.progress(db, source).by_state
        if not counted[SampleState.FAILED] + counted[SampleState.CANCELLED]:
            raise Conflict(f"every sample of execution {source} has an answer; to ask again, submit the plan again")
        if any(engine.imported for engine in found.plan.engines):
            raise Conflict(f"the answers of execution {source} were imported; nobody can be asked for the others")
        order = store.Order(
            execution_id=str(uuid.uuid4()),
            owner=visit.caller.owner,
            plan=found.plan,
            deadline_at=now + timedelta(seconds=desk.settings.deadline_s),
            task_type=found.task_type,
            idempotency_key=visit.given["Idempotency-Key"] or f"retry of {source}",
            retry_of=source,
            answered=frozenset(store.places_with_answer(db, source)),
        )
        again, new = store.plan_execution(db, order, now=now)
        if new:
            store.take_over_answers(db, source=source, target=again.execution_id)
    return _accepted(visit, again, new)
