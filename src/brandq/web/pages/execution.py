"""One execution while it goes on: its progress by engine, what has landed, and what can be done about it."""

from __future__ import annotations

from starlette.responses import Response

from brandq.actors.accepting import accept_retry, cancel
from brandq.states import SampleState
from brandq.store import Execution, Progress
from brandq.web.api import EXECUTION_ID, execution_id_of, own_execution, pauses_of, percent, send_later, urls
from brandq.web.forecast import in_words, left_of
from brandq.web.openapi import Operation, Returns, Visit, operation
from brandq.web.pages.rendering import PAGE, page, see, words_for
from brandq.words.terms import EXPLANATIONS, NAMES


@operation(Operation("A page for one execution", "pages", "read", {200: PAGE}, parameters=(EXECUTION_ID,)))
def show_execution(visit: Visit) -> Response:
    """Where it stands, by engine; the last answers; and the way to its report. It keeps itself up to date."""
    found, counted = own_execution(visit)
    pauses = pauses_of(visit.desk, found, counted)
    left = None if found.ended else left_of(visit.desk, found, counted, pauses, {})
    words = words_for(visit.request)
    return page(
        visit,
        "execution.html",
        found=found,
        counted=counted,
        by_state=counted.by_state,
        engines=[(engine, _of_engine(found, counted, engine.engine)) for engine in found.plan.engines],
        pauses=pauses,
        left=left and in_words(left, words),
        percent_settled=percent(found, counted.settled),
        # what the page's script writes comes as codes
        names={code: words.term(code) for code in (*NAMES, *EXPLANATIONS)},
        urls=urls(found.execution_id),
        may_retry=may_retry(found, counted),
    )


def _of_engine(found: Execution, counted: Progress, engine: str) -> dict[str, int]:
    """An engine's samples by state, with what was planned and what is settled."""
    counts = {str(state): 0 for state in SampleState} | dict(counted.by_engine.get(engine, {}))
    settled = sum(counts[state] for state in (SampleState.ANALYZED, SampleState.FAILED, SampleState.CANCELLED))
    return {**counts, "planned": len(found.plan.prompts) * found.plan.repeats, "settled": settled}


def may_retry(found: Execution, counted: Progress) -> bool:
    """Whether there is something that can be asked again."""
    lost = counted.by_state[SampleState.FAILED] + counted.by_state[SampleState.CANCELLED]
    return found.ended and lost > 0 and not any(engine.imported for engine in found.plan.engines)


_TO_IT = Returns("To its page")


@operation(Operation("Cancel", "pages", "run", {303: _TO_IT}, parameters=(EXECUTION_ID,), form=True))
def cancel_execution(visit: Visit) -> Response:
    """What waits is not asked. Where it has ended meanwhile, the page says so."""
    found = cancel(visit.desk, execution_id_of(visit), owner=visit.caller.owner)
    return see(f"/executions/{found.execution_id}")


@operation(Operation("Ask again what failed", "pages", "run", {303: _TO_IT}, parameters=(EXECUTION_ID,), form=True))
def retry_execution(visit: Visit) -> Response:
    """To the new execution, which takes over every answer; sent twice, it is the same one."""
    accepted = accept_retry(visit.desk, execution_id_of(visit), owner=visit.caller.owner)
    response = see(f"/executions/{accepted.execution.execution_id}")
    if accepted.new:
        response.background = send_later(visit.desk, accepted.execution.execution_id)
    return response
