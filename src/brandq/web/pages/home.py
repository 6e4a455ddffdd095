"""The first page: what runs, what ended, and the way to a new one."""

from __future__ import annotations

from starlette.responses import Response

from brandq import store
from brandq.web import wire
from brandq.web.api import percent
from brandq.web.openapi import Operation, Parameter, Visit, operation
from brandq.web.pages.rendering import PAGE, page
from brandq.web.schemas import TEXT

#: executions that ended, on one page
SHOWN = 20
#: those that go on; whoever has more of them finds the others under the API
MOST_RUNNING = 50


@operation(
    Operation(
        "The first page",
        "pages",
        "read",
        {200: PAGE},
        parameters=(
            Parameter("brand", TEXT, "only those that track a brand of this name", wire.words(200)),
            Parameter("cursor", TEXT, "where the page begins", wire.read_cursor),
        ),
    )
)
def show_home(visit: Visit) -> Response:
    """The caller's executions: those that go on, with their progress, and those that ended, newest first."""
    owner, brand, before = visit.caller.owner, visit.given["brand"], visit.given["cursor"]
    with visit.desk.database.read() as db:
        goes_on = store.list_executions(db, owner, store.Filter(ended=False, brand=brand), MOST_RUNNING)
        settled = store.settled_samples(db, [one.execution_id for one in goes_on])
        ended = store.list_executions(db, owner, store.Filter(ended=True, brand=brand, before=before), SHOWN + 1)
    shown = ended[:SHOWN]
    return page(
        visit,
        "home.html",
        brand=brand,
        first=before is None,
        running=[
            (one, settled[one.execution_id], percent(one, settled[one.execution_id]))
            for one in (goes_on if before is None else [])
        ],
        ended=shown,
        older=wire.cursor(shown[-1].created_at, shown[-1].execution_id) if len(ended) > SHOWN else None,
    )
