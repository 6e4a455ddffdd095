"""Plans in, executions out: each endpoint reads its parameters, looks or writes once, and answers in JSON."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from brandq import logs, store, tracing
from brandq.actors.accepting import Accepted, accept, accept_retry, cancel, foresee
from brandq.actors.desk import Desk
from brandq.actors.sending import send_execution
from brandq.errors import BadRequest, DatabaseNotReady, Fault, NotFound, TooMuchOpen
from brandq.plan import Plan, parse
from brandq.states import ExecutionState, SampleState
from brandq.store import Execution, Progress
from brandq.web import wire
from brandq.web.openapi import JSON, Operation, Parameter, Returns, Visit, operation
from brandq.web.pauses import pause
from brandq.web.schemas import FLAG, INSTANT, STATUS, TEXT, UUID, ref

logger = logging.getLogger(__name__)

MAX_PAGE = 100
DEFAULT_PAGE = 20
#: between two looks at an execution: short while it may end at any moment, longer where it takes minutes anyway
POLL_MS, SLOW_POLL_MS = 1000, 3000
#: samples from which on the longer wait is good enough
SLOW_FROM = 100

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
TOO_MUCH_OPEN = (
    "So many samples are open already that the plan is not taken now; Retry-After says when to send it again"
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
        errors={
            400: "The body is not JSON, or not UTF-8; or the plan has more samples than may ever be open at once",
            409: "The idempotency key belongs to another plan, or an answer to reuse was just removed",
            429: TOO_MUCH_OPEN,
        },
    )
)
def create_execution(visit: Visit) -> Response:
    """The commit is the acceptance: what was accepted is asked even when the broker is down at this moment."""
    desk = visit.desk
    plan = parse(visit.document, desk.registry.choose, max_samples=desk.settings.max_samples)
    if visit.given["dry_run"]:
        foreseen = foresee(desk, plan, owner=visit.caller.owner)
        return wire.Json(
            {
                "dry_run": True,
                "planned": plan.planned,
                "counted_as": _counted_as(plan),
                "reused": foreseen.reused,
                "refused_now": None if foreseen.refused is None else _refusal(foreseen.refused),
                "estimate": foreseen.estimate,
                "simulated": _simulated(plan),
                "plan": plan.to_json(),
            }
        )
    key = visit.given["Idempotency-Key"]
    return _accepted(desk, accept(desk, plan, owner=visit.caller.owner, idempotency_key=key))


def _refusal(error: TooMuchOpen) -> dict[str, Any]:
    return {"detail": str(error), "retry_after_s": error.wait_s}


def send_later(desk: Desk, execution_id: str) -> BackgroundTask:
    """Send what was accepted, after the response went out. What goes wrong here is found by the sweeps."""

    def send() -> None:
        with logs.about(execution_id=execution_id):
            # the one line that has both the request's id and the execution's
            logger.info("accepted execution %s", execution_id)
            try:
                send_execution(desk, execution_id)
            except DatabaseNotReady as error:
                logger.warning(
                    "execution %s was accepted but not sent: %s; its sweep will send it", execution_id, error
                )

    tracing.note({"brandq.execution_id": execution_id})
    return BackgroundTask(send)


def _accepted(desk: Desk, accepted: Accepted) -> Response:
    found = accepted.execution
    body = {
        "execution_id": found.execution_id,
        "status": found.status,
        "planned": found.planned,
        "counted_as": _counted_as(found.plan),
        "reused": accepted.foreseen.reused,
        "estimate": accepted.foreseen.estimate,
        "simulated": _simulated(found.plan),
        "retry_of": found.retry_of,
        "deadline_at": wire.instant(found.deadline_at),
        "links": urls(found.execution_id),
    }
    headers = {"Location": urls(found.execution_id)["self"]}
    return wire.Json(body, 202, headers, background=send_later(desk, found.execution_id) if accepted.new else None)


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
        "events": f"{own}/events",
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
    with visit.desk.database.look() as db:
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
    with visit.desk.database.look() as db:
        return store.standing(db, execution_id_of(visit), owner=visit.caller.owner)


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
    return wire.with_etag(visit.request, wire.Json(_shown(visit.desk, *own_execution(visit))))


def _shown(desk: Desk, found: Execution, counted: Progress) -> dict[str, Any]:
    return {
        "execution_id": found.execution_id,
        "task_type": found.task_type,
        **going(desk, found, counted, pauses_of(desk, found, counted)),
        "simulated": _simulated(found.plan),
        "evidence": None if counted.chain is None else {"answers": counted.chain[0], "head": counted.chain[1]},
        "poll_after_ms": poll_after_ms(found),
        "error": _error(found),
        "plan": found.plan.to_json(),
        "retry_of": found.retry_of,
        **_times(found),
        "links": urls(found.execution_id),
    }


def going(desk: Desk, found: Execution, counted: Progress, pauses: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What of a shown execution changes while it goes on."""
    return {
        "status": found.status,
        "stage": _stage(found, counted),
        "terminal": found.ended,
        "progress": {
            "settled": counted.settled,
            "planned": found.planned,
            "percent": percent(found, counted.settled),
        },
        "counts": counted.by_state,
        "engines": [
            {
                "engine": engine.engine,
                "simulated": engine.simulated,
                "paused": pauses.get(engine.engine),
                "counts": dict(counted.by_engine.get(engine.engine, {})),
                "errors": dict(counted.errors.get(engine.engine, {})),
            }
            for engine in found.plan.engines
        ],
        "waits_until": wire.instant(counted.waits_until),
        "cost": _cost(desk, found),
    }


def pauses_of(desk: Desk, found: Execution, counted: Progress) -> dict[str, dict[str, Any]]:
    """Why an engine is not asked just now, its provider's reason before its model's; nothing where nothing waits."""
    waits = not found.ended and counted.by_state[SampleState.WAITING]
    asked = [engine for engine in found.plan.engines if not engine.imported] if waits else []
    if not asked:
        return {}
    with desk.database.look() as db:
        states = store.engine_states(db, [scope for engine in asked for scope in engine.scopes])
    pauses = {}
    for engine in asked:
        mine = [states[scope] for scope in engine.scopes if scope in states and states[scope].open_until]
        if mine:
            pauses[engine.engine] = pause(mine[0])
    return pauses


def _cost(desk: Desk, found: Execution) -> dict[str, str] | None:
    """What was spent and is set aside under the plan's limit; None where it has none."""
    limit = found.plan.cost_limit
    if limit is None:
        return None
    with desk.database.look() as db:
        spent, reserved, _ = store.budget_of(db, found.execution_id) or (Decimal(0), Decimal(0), limit.currency)
    return {
        "limit": f"{limit.amount:f}",
        "spent": f"{spent.normalize():f}",
        "reserved": f"{reserved.normalize():f}",
        "currency": limit.currency,
    }


def _stage(found: Execution, counted: Progress) -> str:
    if found.ended:
        return "ended"
    if found.status != ExecutionState.RUNNING:
        return found.status
    asked_for = counted.by_state[SampleState.WAITING] + counted.by_state[SampleState.ASKING]
    return "asking" if asked_for else "analyzing"


def percent(found: Execution, settled: int) -> int:
    """Settled samples of the planned ones, rounded down; 100 is kept for the end. It never falls: settled is final."""
    return 100 if found.ended else min(99, 100 * settled // found.planned)


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
    cancel(visit.desk, execution_id_of(visit), owner=visit.caller.owner)
    return wire.Json(_shown(visit.desk, *own_execution(visit)))


@operation(
    Operation(
        "Ask again what failed",
        "executions",
        "run",
        {202: Returns("A new execution; Location is its address", {JSON: ref("Accepted")})},
        parameters=(EXECUTION_ID, IDEMPOTENCY_KEY),
        errors={
            400: "The plan has more samples than may ever be open at once",
            409: "It has not ended, or nothing of it failed",
            429: TOO_MUCH_OPEN,
        },
    )
)
def retry_execution(visit: Visit) -> Response:
    """A new execution of the same plan takes over every stored answer and asks only what has none.

    Sent twice, it is the same new execution: a repeated click must not pay twice. To ask once more what failed again,
    retry the new one; or send another Idempotency-Key. The plan's cost_limit is the new execution's alone: what the
    first one spent does not count against it.
    """
    desk, key = visit.desk, visit.given["Idempotency-Key"]
    return _accepted(desk, accept_retry(desk, execution_id_of(visit), owner=visit.caller.owner, idempotency_key=key))
