"""Reading: what stored answers say by the method of this version, and the facts of a report made by no other.

While several versions of brandq are at work, answers of one execution may have been read by two methods. A report mixes
none: what another method read is read again before it is built. Nobody is asked for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from brandq import analysis, store
from brandq.actors.desk import Desk
from brandq.analysis.findings import Findings
from brandq.analysis.method import method_version
from brandq.plan import Plan
from brandq.reports.facts import Facts


def findings_in(plan: Plan, placed: Iterable[store.Placed]) -> dict[int, Findings]:
    """What these answers say of the plan's brands, by sample."""
    return {one.sample_id: analysis.analyze(one.answer, plan.brands, plan.prompts[one.prompt_no - 1]) for one in placed}


def facts_by_this_method(desk: Desk, execution_id: str) -> Facts:
    """The facts of an execution none of whose answers waits to be analyzed; what is read again is stored."""
    with desk.database.read() as db:
        plan = store.execution(db, execution_id).plan
        stale = store.stale_readings(db, execution_id, method_version(plan.brands))
        placed = store.all_answers(db, execution_id) if stale else []
    if stale:
        _read_again(desk, plan, placed, stale)
    with desk.database.read() as db:
        return store.facts(db, execution_id)


def _read_again(desk: Desk, plan: Plan, placed: Sequence[store.Placed], stale: Sequence[int]) -> None:
    wanted = frozenset(stale)
    found = findings_in(plan, (one for one in placed if one.sample_id in wanted))
    with desk.database.begin() as db:
        store.replace_findings(db, found, method_version=method_version(plan.brands))
