"""The first page: what runs, what ended, and the way to a new one."""

from __future__ import annotations

from starlette.responses import Response

from brandq import store
from brandq.web.api import percent
from brandq.web.openapi import Operation, Visit, operation
from brandq.web.pages.rendering import page
from brandq.web.pages.signing import PAGE

#: executions on the first page
SHOWN = 20


@operation(Operation("The first page", "pages", "read", {200: PAGE}))
def show_home(visit: Visit) -> Response:
    """The caller's executions: those that run, with their progress, and the last that ended."""
    with visit.desk.database.read() as db:
        found = store.list_executions(db, visit.caller.owner, store.Filter(), SHOWN)
        counted = {one.execution_id: store.progress(db, one.execution_id) for one in found if not one.ended}
    return page(
        visit,
        "home.html",
        running=[
            (one, counted[one.execution_id], percent(one, counted[one.execution_id])) for one in found if not one.ended
        ],
        ended=[one for one in found if one.ended],
    )
