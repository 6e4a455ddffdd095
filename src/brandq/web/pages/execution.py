"""One execution while it goes on: its progress by engine, what has landed, and what can be done about it."""

from __future__ import annotations

from starlette.responses import Response

from brandq.states import SampleState
from brandq.web.api import EXECUTION_ID, own_execution, percent, urls
from brandq.web.openapi import Operation, Visit, operation
from brandq.web.pages.rendering import page
from brandq.web.pages.signing import PAGE


@operation(Operation("A page for one execution", "pages", "read", {200: PAGE}, parameters=(EXECUTION_ID,)))
def show_execution(visit: Visit) -> Response:
    """Where it stands, and the way to its report."""
    found, counted = own_execution(visit)
    return page(
        visit,
        "execution.html",
        found=found,
        counted=counted,
        states=[str(state) for state in SampleState],
        percent_settled=percent(found, counted),
        urls=urls(found.execution_id),
    )
