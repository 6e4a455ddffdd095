"""What the store's tests begin with: a database, a plan, an execution, answers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from brandq import store
from brandq.analysis.findings import BrandFinding, Findings
from brandq.plan import Brand, EngineRef, Plan
from brandq.providers.dialect import Answer, AnswerKind, ErrorClass, Outcome, ProviderError
from brandq.reports.facts import Publication

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
#: by which these findings were made
METHOD = "method-1"

PLAN = Plan(
    brands=(Brand("趣车良品", ("趣车",), ("example.com",)), Brand("L'Oréal")),
    prompts=("深圳新能源汽车改装门店哪家好？", "Which one is best?"),
    engines=(EngineRef("doubao", "doubao", "m1"), EngineRef("qwen", "qwen", "m2")),
    repeats=2,
)


def answered(text: str = "趣车良品 is good", **fields: Any) -> Outcome:
    return Outcome(Answer(text, AnswerKind.OK, **fields), None, 120, {"model": "m1"}, b'{"x": 1}', 200)


def refused(error_class: ErrorClass = ErrorClass.AUTH) -> Outcome:
    return Outcome(None, ProviderError(error_class, "no", 401), 5, {"model": "m1"}, b"{}", 401)


def plan(database: store.Database, *, plan: Plan = PLAN, now: datetime = NOW, **fields: Any) -> str:
    """A fresh execution; its id."""
    order = store.Order(str(uuid.uuid4()), fields.pop("owner", "ann"), plan, now + timedelta(hours=2), **fields)
    with database.begin() as db:
        return store.plan_execution(db, order, now=now)[0].execution_id


def ids(database: store.Database, execution_id: str) -> list[int]:
    with database.read() as db:
        return [row.sample_id for row in store.list_samples(db, execution_id, store.SampleFilter(), 1000)]


def claim(
    database: store.Database,
    sample_ids: Sequence[int],
    *,
    worker: str = "w1",
    now: datetime = NOW,
    set_aside: store.SetAside | None = None,
) -> list[store.Claim]:
    with database.begin() as db:
        due = store.due_samples(db, sample_ids, now=now)
        return store.claim_samples(db, due, worker=worker, now=now, lease_until=now + LEASE, set_aside=set_aside)


def settle(
    database: store.Database,
    claims: Sequence[store.Claim],
    outcome: Outcome,
    now: datetime = NOW,
    *,
    again_at: datetime | None = None,
    simulated: bool = True,
) -> list[bool]:
    """Settle each of them with this outcome, together; which of them still held."""
    ended = [store.Ended(one, outcome, now, again_at, simulated) for one in claims]
    return _settled(database, ended, now)


def hand_back(
    database: store.Database, claims: Sequence[store.Claim], *, asked: bool, now: datetime = NOW
) -> list[bool]:
    """Settle calls that a stopping worker did not make, or cut off; which of them still held."""
    return _settled(database, [store.Ended(one, None, now if asked else None) for one in claims], now)


def _settled(database: store.Database, ended: Sequence[store.Ended], now: datetime) -> list[bool]:
    with database.begin() as db:
        late = store.settle(db, ended, now=now).late
    return [one.claim not in late for one in ended]


def analyze(database: store.Database, sample_ids: Sequence[int]) -> int:
    found = Findings((BrandFinding("趣车良品", 1, 0, 1, spans=((0, 4),)), BrandFinding("L'Oréal", 0)))
    with database.begin() as db:
        return store.record_findings(db, dict.fromkeys(sample_ids, found), method_version=METHOD)


def close(database: store.Database, execution_id: str, now: datetime = NOW) -> bool:
    with database.begin() as db:
        return store.close_execution(db, execution_id, now=now) is not None


def publish(database: store.Database, execution_id: str, status: str = "completed", now: datetime = NOW) -> bool:
    with database.begin() as db:
        made = Publication({"x": 1}, "m1", "d" * 64, status)
        return store.publish_report(db, execution_id, made, tell=False, now=now)


def end(database: store.Database, execution_id: str) -> None:
    """Answer, analyze, close and publish the whole execution."""
    sample_ids = ids(database, execution_id)
    settle(database, claim(database, sample_ids), answered())
    analyze(database, sample_ids)
    assert close(database, execution_id)
    assert publish(database, execution_id)


def status(database: store.Database, execution_id: str) -> str:
    with database.read() as db:
        return store.execution(db, execution_id).status


def states(database: store.Database, execution_id: str) -> dict[str, int]:
    with database.read() as db:
        return {state: n for state, n in store.progress(db, execution_id).by_state.items() if n}
