"""Reading: what stored answers say by the method of this version, and the facts of a report made by no other.

While several versions of brandq are at work, answers of one execution may have been read by two methods. A report mixes
none: what another method read is read again before it is built. Nobody is asked for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from brandq import analysis, store
from brandq.actors.desk import Desk
from brandq.analysis.findings import Findings
from brandq.analysis.method import method_version
from brandq.plan import Plan
from brandq.reports.facts import Facts, SampleFacts

#: answers in memory at once, and read again in one transaction
_PAGE = 200


def findings_in(plan: Plan, placed: Iterable[store.Placed]) -> dict[int, Findings]:
    """What these answers say of the plan's brands, by sample."""
    return {one.sample_id: analysis.analyze(one.answer, plan.brands, plan.prompts[one.prompt_no - 1]) for one in placed}


def facts_by_this_method(desk: Desk, execution_id: str) -> Facts:
    """The facts of an execution none of whose answers waits to be analyzed; what is read again is stored.

    Their samples are read from the database, in a transaction of its own, whenever they are gone through.
    """
    read_by_this_method(desk, execution_id)
    with desk.database.read() as db:
        found = store.stream_facts(db, execution_id)
    return replace(found, samples=_Passing(desk.database, execution_id))


@dataclass(frozen=True)
class _Passing:
    database: store.Database
    execution_id: str

    def __iter__(self) -> Iterator[SampleFacts]:
        with self.database.read() as db:
            yield from store.stream_facts(db, self.execution_id).samples


def read_by_this_method(desk: Desk, execution_id: str) -> None:
    """Read those answers of an execution again that another method read."""
    with desk.database.read() as db:
        plan = store.execution(db, execution_id).plan
        stale = store.stale_readings(db, execution_id, method_version(plan.brands))
    read_again(desk, execution_id, plan, stale)


def read_again(desk: Desk, execution_id: str, plan: Plan, sample_ids: Sequence[int]) -> None:
    """Read these answers by the present method, in place of what was found before; page by page, each stored at once.

    Safe to repeat: an answer that was read again says the same another time.
    """
    for start in range(0, len(sample_ids), _PAGE):
        with desk.database.read() as db:
            placed = store.answers_of(db, execution_id, sample_ids[start : start + _PAGE])
        found = findings_in(plan, placed)
        with desk.database.begin() as db:
            store.replace_findings(db, found, method_version=method_version(plan.brands))
