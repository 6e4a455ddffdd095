"""What changed between two executions of one owner."""

from __future__ import annotations

import uuid

from starlette.responses import Response

from brandq import store
from brandq.errors import Conflict
from brandq.reports.comparison import Document, compare_executions
from brandq.reports.facts import Facts
from brandq.web import wire
from brandq.web.api import EXECUTION_ID, execution_id_of
from brandq.web.openapi import JSON, Operation, Parameter, Returns, Visit, operation
from brandq.web.schemas import UUID, ref


def read_execution_id(text: str) -> str:
    """An execution_id as the database spells it. ValueError for what cannot be one."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise ValueError("expected an execution_id, as the 202 gave it") from None


@operation(
    Operation(
        "Compare with an earlier execution",
        "reports",
        "read",
        {200: Returns("What changed on the prompts and engines that both have", {JSON: ref("Comparison")})},
        parameters=(
            EXECUTION_ID,
            Parameter("before", UUID, "the execution_id of the earlier one", read_execution_id, required=True),
        ),
        errors={409: "One has not ended, they have nothing in common, or were read by different methods"},
    )
)
def show_comparison(visit: Visit) -> Response:
    """Paired by prompt and engine, each difference with its interval, p adjusted for looking at many.

    Without a clear change it says so. Numbers of two methods are never compared; `brandq analyze` reads the stored
    answers of an execution again by the present one.
    """
    with visit.desk.database.read() as db:
        found = compared(db, visit.given["before"], execution_id_of(visit), owner=visit.caller.owner)
    return wire.Json(found)


def compared(db: store.Transaction, before: str, after: str, *, owner: str) -> Document:
    """What changed from one execution of the owner to another. NotFound, or Conflict with the reason why it cannot."""
    return compare_executions(*(_facts(db, one, owner) for one in (before, after)))


def _facts(db: store.Transaction, execution_id: str, owner: str) -> Facts:
    found = store.execution(db, execution_id, owner=owner)
    if not found.ended:
        raise Conflict(f"execution {execution_id} is {found.status}; compare it once it has ended")
    return store.facts(db, execution_id)
