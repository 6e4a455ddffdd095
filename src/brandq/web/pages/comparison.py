"""What changed between two executions: the verdict in words first, then each brand, and what was compared at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from brandq import charts, store
from brandq.errors import Conflict
from brandq.plan import Plan
from brandq.states import ExecutionState
from brandq.store import Execution
from brandq.web.api import EXECUTION_ID, execution_id_of
from brandq.web.comparisons import compared, read_execution_id
from brandq.web.openapi import Operation, Parameter, Visit, operation
from brandq.web.pages.rendering import PAGE, page, words_for
from brandq.web.schemas import UUID
from brandq.words import Words

#: executions to choose from: the newest ones
CHOICES = 50
#: which of the answers of an execution count for a measure, as the list of answers is filtered
FINDINGS = {
    "mention_rate": "named",
    "first_place_rate": "first",
    "top_3_rate": "top_3",
    "recommended_rate": "recommended",
    "owned_citation_rate": "cited",
}
#: the ends that a picture of differences may have
_REACHES = (0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Choice:
    """Another execution, what it has in common with this one, and why the two cannot be compared; None: they can."""

    execution: Execution
    prompts: int
    engines: int
    reason: str | None
    #: whether it is the earlier one of the two
    earlier: bool


@operation(
    Operation(
        "What changed since an earlier execution",
        "pages",
        "read",
        {200: PAGE, 409: PAGE},
        parameters=(
            EXECUTION_ID,
            Parameter("before", UUID, "the execution_id of the earlier one; without it, the list", read_execution_id),
        ),
    )
)
def show_comparison(visit: Visit) -> Response:
    """The choice of the other execution; with one chosen, the comparison, or why there is none and what to do."""
    before, owner = visit.given["before"], visit.caller.owner
    words = words_for(visit.request)
    document, reason, earlier = None, None, None
    with visit.desk.database.read() as db:
        found = store.execution(db, execution_id_of(visit), owner=owner)
        listed = store.list_executions(db, owner, store.Filter(), CHOICES + 1)
        others = [one for one in listed if one.execution_id != found.execution_id]
        methods = store.methods_of_reports(db, [found.execution_id, *(one.execution_id for one in others)])
        if before is not None:
            earlier = store.execution(db, before, owner=owner)
            reason = _refused(found, earlier, words)
            try:
                document = None if reason else compared(db, before, found.execution_id, owner=owner)
            except Conflict as error:
                reason = words.told(str(error))
    return page(
        visit,
        "comparison.html",
        status=200 if reason is None else 409,
        found=found,
        before=earlier,
        document=document,
        reason=reason,
        choices=choices_of(found, others, methods, words),
        shown=document and _shown(document),
        charts=charts.compared(document, words) if document else {},
        chart_configs={"light": charts.config("light"), "dark": charts.config("dark")},
        findings=FINDINGS,
    )


def _refused(found: Execution, other: Execution, words: Words) -> str | None:
    """Why it makes no sense to compare these two, whatever they hold."""
    if found.execution_id == other.execution_id:
        return words.say("It is the same execution twice. Choose another one to compare it with.")
    if same_answers(found, other):
        return words.say("One is a retry of the other and holds its answers, so what both have is the same.")
    return None


def same_answers(one: Execution, other: Execution) -> bool:
    """Whether one of the two took over the answers of the other."""
    return one.execution_id == other.retry_of or other.execution_id == one.retry_of


def choices_of(found: Execution, others: Sequence[Execution], methods: Mapping[str, str], words: Words) -> list[Choice]:
    """What it can be compared with: those with the most in common first, and the newest of them."""
    made = [
        Choice(
            other,
            len(set(found.plan.prompts) & set(other.plan.prompts)),
            len(_engines(found.plan) & _engines(other.plan)),
            _why_not(found, other, methods, words),
            other.created_at < found.created_at,
        )
        for other in others[:CHOICES]
    ]
    return sorted(made, key=lambda one: (one.reason is not None, -one.prompts * one.engines, not one.earlier))


def _engines(plan: Plan) -> set[str]:
    return {engine.engine for engine in plan.engines}


def _why_not(found: Execution, other: Execution, methods: Mapping[str, str], words: Words) -> str | None:
    if not found.ended or not other.ended:
        return words.say("it goes on")
    if not set(found.plan.prompts) & set(other.plan.prompts):
        return words.say("no prompt in common, word for word")
    if not _engines(found.plan) & _engines(other.plan):
        return words.say("no engine in common")
    if ExecutionState.FAILED in (found.status, other.status):
        return words.say("no usable answer")
    if same_answers(found, other):
        return words.say("holds the same answers")
    mine, theirs = (_rules(methods.get(one.execution_id)) for one in (found, other))
    if mine == theirs and mine is not None:
        return None
    if set(found.plan.brands) != set(other.plan.brands):
        return words.say("tracks other brands, or spells them differently")
    if found.plan.subject != other.plan.subject:
        return words.say("has another of the brands as mine")
    return (
        None if mine is None or theirs is None else words.say("read by other rules: `brandq analyze` reads both again")
    )


def _rules(method_version: str | None) -> str | None:
    """By which rules mentions were found; a judge of sentiments has no say in what is compared."""
    return method_version and method_version.partition("+judge.")[0]


def _shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of the comparison as the page groups them."""
    rows = [document["primary"], *document["others"]]
    told = [row for row in rows if row["difference"] is not None]
    furthest = max((max(abs(row["low"]), abs(row["high"])) for row in told), default=1.0)

    def by_brand(wanted: Callable[[Mapping[str, Any]], bool]) -> list[tuple[str, list[Mapping[str, Any]]]]:
        grouped: dict[str, list[Mapping[str, Any]]] = {}
        for row in rows:
            if wanted(row):
                grouped.setdefault(row["brand"], []).append(row)
        return list(grouped.items())

    return {
        "subject": document["primary"]["brand"],
        "brands": [row for row in rows if row["engine"] is None and row["measure"] == "mention_rate"],
        "by_engine": by_brand(lambda row: row["engine"] is not None),
        "measures": by_brand(lambda row: row["measure"] != "mention_rate"),
        "changes": [row for row in document["others"] if row.get("verdict") in ("up", "down")],
        "looked_at": sum(row["difference"] is not None for row in document["others"]),
        "reach": next(end for end in _REACHES if furthest <= end),
    }
