"""The whole truth about executions that have ended: what stands in the tables, and what the simulator was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq import store
from brandq.plan import Plan
from brandq.providers.dialect import AnswerKind
from brandq.states import EXECUTION_FINAL, SAMPLE_FINAL, ExecutionState, SampleState
from brandq.tables import answers, attempts, chains, executions, readings, reports, samples
from tests.walk.site import Site

#: outcomes of attempts that stand for an answer which was kept
KEPT = frozenset(str(kind) for kind in AnswerKind)

#: the error of an execution whose report ended its worker each time, and that has none
UNBUILT = "report"
#: the error of a sample whose answer ended its reader each time; the answer is kept
UNREAD = "unread"


@dataclass
class Account:
    """What became of some executions. ``wrong``: each sentence is a broken promise."""

    statuses: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    #: error codes of samples, and of executions
    errors: Counter[str] = field(default_factory=Counter)
    ended_by: Counter[str] = field(default_factory=Counter)
    #: answers that were asked for here; what was taken over from another execution is not counted
    answers: int = 0
    #: of the simulator, with the prompts of these executions
    calls: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


def account(site: Site, execution_ids: Sequence[str]) -> Account:
    """The truth about these executions, whose prompts nobody else asks."""
    made = Account()
    with site.database.read() as db:
        theirs = executions.c.execution_id.in_(execution_ids)
        rows = db.execute(sa.select(executions).where(theirs)).all()
        for row in rows:
            made.wrong += [f"{row.execution_id}: {fault}" for fault in _of_one(db, row, made)]
        now = datetime.now(UTC)
        broken = store.broken_truths(db, now=now, slack=timedelta())
    made.wrong += [f"{words}: {n}" for words, n in broken.items() if n]
    if len(rows) != len(set(execution_ids)):
        made.wrong.append(f"{len(rows)} of {len(set(execution_ids))} executions are there")
    made.calls = site.calls({prompt for row in rows for prompt in Plan.from_json(row.plan).prompts})
    if not made.answers <= made.calls <= made.attempts.total():
        made.wrong.append(f"{made.calls} calls for {made.answers} answers and {made.attempts.total()} attempts")
    return made


def _of_one(db: Connection, execution: Any, made: Account) -> Iterator[str]:
    mine = samples.c.execution_id == execution.execution_id
    rows = db.execute(
        sa.select(samples, answers.c.kind, answers.c.taken_from, readings.c.sample_id.label("read"))
        .join(answers, answers.c.sample_id == samples.c.sample_id, isouter=True)
        .join(readings, readings.c.sample_id == samples.c.sample_id, isouter=True)
        .where(mine)
    ).all()
    tried: dict[int, list[str]] = {}
    for sample_id, outcome in db.execute(sa.select(attempts.c.sample_id, attempts.c.outcome).join(samples).where(mine)):
        tried.setdefault(sample_id, []).append(outcome or "open")
    made.statuses[execution.status] += 1
    if execution.status not in EXECUTION_FINAL:
        yield f"is {execution.status}"
    if len(rows) != execution.planned:
        yield f"{len(rows)} samples of {execution.planned}"
    for row in rows:
        outcomes = tried.get(row.sample_id, [])
        made.states[row.state] += 1
        made.attempts.update(outcomes)
        made.answers += row.kind is not None and row.taken_from is None
        if row.error_code:
            made.errors[row.error_code] += 1
        for fault in _of_sample(row, outcomes):
            yield f"sample {row.sample_id} {fault}"
    if execution.error_code:
        made.ended_by[execution.error_code] += 1
    usable = sum(row.state == SampleState.ANALYZED and row.kind == AnswerKind.OK for row in rows)
    right = (
        ExecutionState.COMPLETED if usable == len(rows) else ExecutionState.PARTIAL if usable else ExecutionState.FAILED
    )
    if execution.error_code == UNBUILT:
        right = ExecutionState.FAILED
    if execution.status not in (right, ExecutionState.CANCELLED):
        yield f"is {execution.status} with {usable} usable answers of {len(rows)}"
    yield from _of_documents(db, execution)


def _of_sample(row: Any, outcomes: Sequence[str]) -> Iterator[str]:
    if row.state not in SAMPLE_FINAL:
        yield f"is {row.state}"
    has_answer, has_findings = row.kind is not None, row.read is not None
    if has_answer != (row.state == SampleState.ANALYZED or row.error_code == UNREAD):
        yield f"is {row.state} ({row.error_code}), and an answer is {'there' if has_answer else 'missing'}"
    if has_findings != (row.state == SampleState.ANALYZED):
        yield f"is {row.state}, and findings are {'there' if has_findings else 'missing'}"
    kept = [outcome for outcome in outcomes if outcome in KEPT]
    expected = [row.kind] if has_answer and row.taken_from is None else []
    if kept != expected:
        yield f"has the answer {expected}, and attempts that say {outcomes}"


def _of_documents(db: Connection, execution: Any) -> Iterator[str]:
    mine = execution.execution_id
    made = db.execute(sa.select(sa.func.count()).where(reports.c.execution_id == mine)).scalar_one()
    if made != (execution.error_code != UNBUILT) and execution.status != ExecutionState.CANCELLED:
        yield f"has {made} reports"
    numbers = sorted(
        db.execute(
            sa.select(answers.c.chain_no).join(samples).where(samples.c.execution_id == mine, answers.c.chain_no > 0)
        ).scalars()
    )
    length = db.execute(sa.select(chains.c.length).where(chains.c.execution_id == mine)).scalar() or 0
    if numbers != list(range(1, length + 1)):
        yield f"has a chain of {length} with the places {numbers}"


def whole_truth(site: Site, execution_ids: Sequence[str], *, lost: int) -> Account:
    """Nothing is wrong about these executions, and the calls paid for are the answers and ``lost`` others."""
    made = account(site, execution_ids)
    assert made.wrong == [], made
    assert made.calls == made.answers + lost, made
    return made
