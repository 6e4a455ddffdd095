"""The predecessor's four endpoints, with its field spellings and its words, for clients that exist.

Its statuses are read off ours exactly as the view `task_queue` does:

    queued                  queued
    running, reporting      running
    completed, partial      success
    failed                  timeout where the deadline passed, else failed
    cancelled               cancelled

(`pending` and `retry` never occur: an execution is queued from its commit on.) What it did wrong is not kept: a string
is one question and never split, a model that is not known is refused by name instead of left out, nobody sees what is
somebody else's, and without a question nothing is asked, for invented ones are not the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from brandq import store
from brandq.actors.accepting import accept, cancel
from brandq.errors import BadRequest, Fault
from brandq.plan import DEFAULT_PRIORITY, MAX_PRIORITY, Plan, parse
from brandq.states import ExecutionState
from brandq.store import Execution
from brandq.web import wire
from brandq.web.about import DAYS, counted_since
from brandq.web.access import (
    PREDECESSOR_CANCEL_LIMIT,
    PREDECESSOR_STATISTICS_LIMIT,
    PREDECESSOR_STATUS_LIMIT,
    PREDECESSOR_SUBMIT_LIMIT,
)
from brandq.web.api import (
    EXECUTION_ID,
    IDEMPOTENCY_KEY,
    TOO_MUCH_OPEN,
    execution_id_of,
    own_execution,
    percent,
    send_later,
    urls,
)
from brandq.web.openapi import JSON, Operation, Returns, Visit, operation
from brandq.web.schemas import ref

SUBMITTED = "任务已提交，正在处理中"
CANCELLED = "任务已取消"

MODEL_FIELDS = ("selectedModels", "selected_models")
QUESTION_FIELDS = ("customQuestions", "custom_questions", "custom_question")
#: the numbers of each brand that stand in ``result``
SUMMARY_NUMBERS = ("mention_rate", "share_of_voice", "average_rank")
#: where a chosen model's name may stand, the first that does wins
NAME_FIELDS = ("name", "id", "value", "label")


@operation(
    Operation(
        "Submit a diagnosis",
        "predecessor",
        "run",
        {202: Returns("Accepted", {JSON: ref("PredecessorAccepted")})},
        limit=PREDECESSOR_SUBMIT_LIMIT,
        parameters=(IDEMPOTENCY_KEY,),
        body="PredecessorSubmission",
        errors={
            400: "The body is not JSON, or not UTF-8; or there are more samples than may ever be open at once",
            409: "The idempotency key belongs to another plan",
            429: f"The limit is used up. Or: {TOO_MUCH_OPEN[0].lower()}{TOO_MUCH_OPEN[1:]}",
        },
    )
)
def perform_brand_test_async(visit: Visit) -> Response:
    """`brand_list` (the first is the subject), the chosen models, and at least one question; asked once each."""
    plan, pointers = read_submission(visit)
    try:
        accepted = accept(visit.desk, plan, owner=visit.caller.owner, idempotency_key=visit.given["Idempotency-Key"])
    except BadRequest as error:
        faults = [Fault(_where(fault.pointer, pointers), fault.detail) for fault in error.faults]
        raise BadRequest(faults, error.title, error.status) from error
    found = accepted.execution
    body = {
        "status": "queued",
        "execution_id": found.execution_id,
        "message": SUBMITTED,
        "estimated_time": accepted.foreseen.estimate["seconds"],
    }
    headers = {"Location": urls(found.execution_id)["self"]}
    after = send_later(visit.desk, found.execution_id) if accepted.new else None
    return wire.Json(body, 202, headers, background=after)


def read_submission(visit: Visit) -> tuple[Plan, Mapping[str, str]]:
    """The plan in the predecessor's spelling, and the caller's pointers by ours.

    BadRequest lists every fault, each where the caller wrote it.
    """
    document = visit.document
    if not isinstance(document, dict):
        raise BadRequest([Fault("", "expected a JSON object with brand_list, selectedModels and customQuestions")])
    faults: list[Fault] = []
    models_field, models = _given(document, MODEL_FIELDS, faults)
    questions_field, questions = _given(document, QUESTION_FIELDS, faults)
    pointers = {
        "/brands": "/brand_list",
        "/engines": f"/{models_field}",
        "/prompts": f"/{questions_field}",
        "/priority": "/priority",
    }
    if isinstance(questions, str):
        pointers["/prompts/0"] = pointers["/prompts"]
        questions = [questions]
    elif questions is None:
        faults.append(Fault("/customQuestions", "give at least one question; none is made up for you"))
    translated = {
        "brands": document.get("brand_list"),
        "prompts": questions,
        "engines": _engines(models, models_field, pointers, faults),
        "priority": _priority(document.get("priority"), faults),
    }
    settings = visit.desk.settings
    try:
        plan = parse(translated, visit.desk.registry.choose, max_samples=settings.max_samples)
    except BadRequest as error:
        told = [fault.pointer for fault in faults]
        for fault in error.faults:
            where = _where(fault.pointer, pointers)
            # what was told already, or told of a part of it, is not told again as seen from the translation
            if not any(each == where or each.startswith(f"{where}/") for each in told):
                faults.append(Fault(where, fault.detail))
        raise BadRequest(faults, error.title, error.status) from error
    if faults:
        raise BadRequest(faults, "The plan is not valid")
    return plan, pointers


def _given(document: Mapping[str, Any], fields: tuple[str, ...], faults: list[Fault]) -> tuple[str, Any]:
    """The spelling that is used and its value. A fault where two spellings say different things."""
    used = [field for field in fields if document.get(field) not in (None, "", [])]
    for other in used[1:]:
        first, second = (_listed(document[field]) for field in (used[0], other))
        if first != second:
            faults.append(Fault(f"/{other}", f"says something else than {used[0]}; send one of them"))
    return (used[0], document[used[0]]) if used else (fields[0], None)


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _engines(models: object, field: str, pointers: dict[str, str], faults: list[Fault]) -> list[str] | None:
    """The names of the chosen models; those with ``checked: false`` are left out."""
    if not isinstance(models, list):
        faults.append(Fault(f"/{field}", "expected a list of models, each a name or an object with a name"))
        return None
    names: list[str] = []
    for number, item in enumerate(models):
        if isinstance(item, dict) and item.get("checked") is False:
            continue
        spelled = [item.get(field) for field in NAME_FIELDS] if isinstance(item, dict) else [item]
        name = next((text for text in spelled if isinstance(text, str) and text.strip()), None)
        if name is None:
            faults.append(Fault(f"/{field}/{number}", f"expected a name, or an object with {', '.join(NAME_FIELDS)}"))
            continue
        pointers[f"/engines/{len(names)}"] = f"/{field}/{number}"
        names.append(name)
    if not names and not faults:
        faults.append(Fault(f"/{field}", "no model is checked; check at least one"))
    return names


def _priority(found: object, faults: list[Fault]) -> int:
    """Clamped to 0–10, as the predecessor did with whatever ``int`` took."""
    if found is None:
        return DEFAULT_PRIORITY
    try:
        if isinstance(found, bool) or not isinstance(found, int | float | str) or len(str(found)[:50]) > 40:
            raise ValueError
        number = float(found)
        if math.isnan(number):
            raise ValueError
        return int(max(0, min(MAX_PRIORITY, number)))
    except ValueError:
        faults.append(Fault("/priority", f"expected a whole number from 0 to {MAX_PRIORITY}"))
        return DEFAULT_PRIORITY


def _where(pointer: str, pointers: Mapping[str, str]) -> str:
    """The caller's pointer for one of ours: the longest known beginning is exchanged."""
    beginning = pointer
    while beginning and beginning not in pointers:
        beginning = beginning.rpartition("/")[0]
    return pointers[beginning] + pointer[len(beginning) :] if beginning else pointer


def old_status(found: Execution) -> str:
    """Our status in the predecessor's word."""
    if found.status == ExecutionState.FAILED and found.error_code == "deadline":
        return "timeout"
    return OLD_STATUS[found.status]


OLD_STATUS: Mapping[str, str] = {
    ExecutionState.QUEUED: "queued",
    ExecutionState.RUNNING: "running",
    ExecutionState.REPORTING: "running",
    ExecutionState.COMPLETED: "success",
    ExecutionState.PARTIAL: "success",
    ExecutionState.FAILED: "failed",
    ExecutionState.CANCELLED: "cancelled",
}


@operation(
    Operation(
        "Show a diagnosis",
        "predecessor",
        "read",
        {200: Returns("Where it stands", {JSON: ref("PredecessorStatus")})},
        limit=PREDECESSOR_STATUS_LIMIT,
        parameters=(EXECUTION_ID,),
    )
)
def diagnosis_status(visit: Visit) -> Response:
    """`progress` counts settled samples and never falls; `result` is the report's summary once there is a report."""
    found, counted = own_execution(visit)
    document = None
    if found.ended:
        with visit.desk.database.look() as db:
            document = store.report_document(db, found.execution_id)
    return wire.Json(
        {
            "execution_id": found.execution_id,
            "status": old_status(found),
            "progress": percent(found, counted.settled),
            "task_type": found.task_type,
            "priority": found.priority,
            "retry_count": max(0, counted.attempts - 1),
            "created_at": wire.instant(found.created_at),
            "started_at": wire.instant(found.started_at),
            "completed_at": wire.instant(found.ended_at),
            "result": None if document is None else _report_summary(found, document),
            "error_message": found.error_message,
        }
    )


def _report_summary(found: Execution, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the report says in short, each number with what it rests on, and where all of it stands."""
    return {
        "report_url": urls(found.execution_id)["report"],
        "simulated": document["simulated"]["any"],
        "usable": document["coverage"]["usable"],
        "brands": [
            {"name": brand["name"], **{name: brand["overall"][name] for name in SUMMARY_NUMBERS}}
            for brand in document["brands"]
        ],
    }


@operation(
    Operation(
        "Cancel a diagnosis",
        "predecessor",
        "run",
        {200: Returns("Cancelled", {JSON: ref("PredecessorCancelled")})},
        limit=PREDECESSOR_CANCEL_LIMIT,
        parameters=(EXECUTION_ID,),
        errors={409: "It has already ended"},
    )
)
def diagnosis_cancel(visit: Visit) -> Response:
    """What was answered until now stays; nothing more is asked."""
    cancel(visit.desk, execution_id_of(visit), owner=visit.caller.owner)
    return wire.Json({"status": "success", "message": CANCELLED})


@operation(
    Operation(
        "Count diagnoses",
        "predecessor",
        "read",
        {200: Returns("The caller's executions", {JSON: ref("PredecessorStatistics")})},
        limit=PREDECESSOR_STATISTICS_LIMIT,
        parameters=(DAYS,),
    )
)
def diagnosis_statistics(visit: Visit) -> Response:
    """`success_rate` is percent of the ended executions (success, failed and timeout; cancelled ones are not counted).

    `avg_duration_seconds` is over the same that had started. Both are null while nothing has ended. The predecessor
    divided by all, pending ones included.
    """
    _, found = counted_since(visit)
    by_status: dict[str, int] = {}
    for status, n in found.by_status.items():
        by_status[OLD_STATUS[status]] = by_status.get(OLD_STATUS[status], 0) + n
    return wire.Json(
        {
            "total_tasks": found.total,
            "by_status": by_status,
            "by_type": dict(found.by_type),
            "avg_duration_seconds": None if found.avg_duration_s is None else round(found.avg_duration_s, 3),
            "success_rate": round(100 * found.usable / found.ended, 2) if found.ended else None,
        }
    )
