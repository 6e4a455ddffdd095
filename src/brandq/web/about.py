"""The service about itself: engines and statistics, whether it is alive and ready, its counts and its routes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from brandq import __version__, store
from brandq.actors.about import FIELDS
from brandq.actors.dead_letters import DeadLetter, explain, ids_of
from brandq.web import wire
from brandq.web.looking import BrokerLook
from brandq.web.metrics import Metrics
from brandq.web.openapi import JSON, Operation, Parameter, Returns, Visit, operation
from brandq.web.pauses import Known, known_of, pause
from brandq.web.schemas import ref

MAX_STATISTICS_DAYS = 365


@operation(Operation("Am I alive", "service", None, {200: Returns("Yes", {JSON: ref("Health")})}))
def healthz(visit: Visit) -> Response:
    """The process answers. It says nothing of the database: a restart would not mend that."""
    return wire.Json({"status": "ok", "version": __version__})


@operation(Operation("Am I ready", "service", None, {200: Returns("Yes", {JSON: ref("Readiness")})}))
def readyz(visit: Visit) -> Response:
    """Ready: the database answers and has the revision that this code needs; 503 otherwise.

    The broker is shown but not needed: what is accepted without it is sent when it is back.
    """
    store.require_served(visit.desk.database)
    broker: BrokerLook = visit.request.app.state.broker
    return wire.Json({"status": "ready", "version": __version__, "broker": broker.see()})


@operation(
    Operation(
        "Count for Prometheus",
        "service",
        "read",
        {200: Returns("Prometheus text", {"text/plain": {"type": "string"}})},
        open_locally=True,
    )
)
def show_metrics(visit: Visit) -> Response:
    """Over all owners. From this machine no key is needed."""
    metrics: Metrics = visit.request.app.state.metrics
    return metrics.scrape()


@operation(Operation("Describe the routes", "service", None, {200: Returns("OpenAPI 3.1", {JSON: ref("OpenApi")})}))
def show_openapi(visit: Visit) -> Response:
    """This document. It tells nothing that the source does not, and clients read it before they have a key."""
    return wire.with_etag(visit.request, wire.Json(visit.request.app.state.openapi))


@operation(
    Operation("List engines", "service", "read", {200: Returns("Every row of the registry", {JSON: ref("Engines")})})
)
def list_engines(visit: Visit) -> Response:
    """Which engines there are, which can be asked here, and which are paused. Nobody is asked and paid for this.

    `paused`, at a row or at one of its models, is null or says why it is not asked; it stays until a call succeeds.
    """
    with visit.desk.database.read() as db:
        states = store.engine_states(db)
    rows = []
    for listed in visit.desk.registry.listing():
        row = listed.to_json()
        row |= {"available": row["configured"] or row["simulated"], "state": _state(known_of(listed, states))}
        rows.append(row)
    return wire.Json({"engines": rows})


def _state(known: Known) -> dict[str, Any]:
    own = known.provider
    return {
        "paused": {"scope": own.scope, **pause(own)} if own and own.open_until else None,
        "models": [{"model": model, "scope": state.scope, **pause(state)} for model, state in known.models.items()],
        "slowed_to_per_minute": known.slowed_to_per_minute,
        "answered_at": wire.instant(own.answered_at) if own else None,
        "latency_ms": own.latency_ms if own else None,
    }


DAYS = Parameter(
    "days",
    {"type": "integer", "minimum": 1, "maximum": MAX_STATISTICS_DAYS, "default": 7},
    "executions created in the last so many days",
    wire.whole(1, MAX_STATISTICS_DAYS),
    7,
)


def counted_since(visit: Visit) -> tuple[datetime, store.Statistics]:
    """The caller's executions of the last ``days``, counted."""
    since = visit.desk.now().astimezone(UTC) - timedelta(days=visit.given["days"])
    with visit.desk.database.read() as db:
        return since, store.statistics(db, visit.caller.owner, since=since)


@operation(
    Operation(
        "Count executions",
        "service",
        "read",
        {200: Returns("The caller's executions, and the queues", {JSON: ref("Statistics")})},
        parameters=(DAYS,),
    )
)
def show_statistics(visit: Visit) -> Response:
    """How many, in which status, and how many of the ended ones have usable answers. Cancelled ones did not end so.

    Behind them the queues as they were a few seconds ago. `dead_letters`, the oldest 20 of each queue, is null without
    the scope admin, because they name executions of every owner, and while the broker cannot be reached.
    """
    since, found = counted_since(visit)
    usable_rate: dict[str, Any] = {"value": None, "k": 0, "n": 0, "reason": "no execution has ended"}
    if found.ended:
        usable_rate = {
            "value": round(found.usable / found.ended, 4),
            "k": found.usable,
            "n": found.ended,
            "definition": "completed and partial executions / completed, partial and failed ones",
        }
    broker: BrokerLook = visit.request.app.state.broker
    letters = broker.letters() if "admin" in visit.caller.scopes else None
    average = None if found.avg_duration_s is None else round(found.avg_duration_s, 3)
    return wire.Json(
        {
            "days": visit.given["days"],
            "since": wire.instant(since),
            "total": found.total,
            "ended": found.ended,
            "by_status": dict(found.by_status),
            "by_type": dict(found.by_type),
            "usable_rate": usable_rate,
            "average_duration_s": {
                "value": average,
                "n": found.timed,
                "definition": "mean of ended_at - started_at over the ended executions that had started",
            },
            "broker": broker.see(),
            "dead_letters": None if letters is None else explained_letters(visit, letters),
        }
    )


def explained_letters(visit: Visit, letters: Sequence[DeadLetter]) -> list[dict[str, Any]]:
    """Dead letters, each with what the tables say of its ids now."""
    sample_ids, execution_ids = ids_of(letters)
    with visit.desk.database.read() as db:
        found = store.look_up(db, sample_ids=sample_ids, execution_ids=execution_ids)
    now, lost_after_s = visit.desk.now(), visit.desk.settings.lost_after_s
    return [
        {
            "queue": letter.queue_name,
            "reason": letter.reason,
            "actor": letter.actor_name,
            "message_id": letter.message_id,
            "sample_ids": list(letter.sample_ids),
            "execution_ids": list(letter.execution_ids),
            "sent_at": letter.sent_at and wire.instant(letter.sent_at),
            "died_at": letter.died_at and wire.instant(letter.died_at),
            "tries": letter.tries,
            "error": letter.error,
            "about": {name: letter.about.get(name) for name in FIELDS},
            "size": letter.size,
            "now": explain(letter, found, lost_after_s=lost_after_s, now=now),
        }
        for letter in letters
    ]
