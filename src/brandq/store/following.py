"""What an execution's event stream tells, read from a place on: answers, what was read in them, samples that failed.

Answers have an order that never changes, the numbers of their chain. Failed samples have none: the times at which they
were settled may be committed out of order. But one that has failed stays so, so the set of them only grows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.states import SampleState
from brandq.store.moving import among
from brandq.tables import Utc, answers, executions, findings, samples

#: characters of an answer that are told
EXCERPT = 200


@dataclass(frozen=True)
class Landed:
    """An answer that was stored. ``chain_no`` is 0 where it was stored before there were chains.

    ``brands``: the tracked brands that it names, in their order; None while it is not read, or where it cannot be.
    """

    sample_id: int
    prompt_no: int
    engine: str
    repeat_no: int
    chain_no: int
    kind: str
    served_model: str | None
    simulated: bool
    imported: bool
    taken_from: int | None
    excerpt: str
    latency_ms: int | None
    cost: Decimal | None
    currency: str | None
    cost_basis: str
    brands: tuple[str, ...] | None


@dataclass(frozen=True)
class FailedSample:
    """A sample that was given up, and why."""

    sample_id: int
    prompt_no: int
    engine: str
    repeat_no: int
    error_code: str
    error_message: str | None


@dataclass(frozen=True)
class Pace:
    """How it goes at one engine: its samples that were settled lately, and when the last of its retries is due."""

    settled: int
    next_attempt_at: datetime | None


@cache
def _answers() -> sa.Select[Any]:
    own = [name for name in Landed.__dataclass_fields__ if name in answers.c and name not in ("sample_id", "chain_no")]
    return (
        sa.select(
            samples.c.sample_id,
            samples.c.prompt_no,
            samples.c.engine,
            samples.c.repeat_no,
            samples.c.state,
            sa.func.coalesce(answers.c.chain_no, 0).label("chain_no"),
            sa.func.substr(answers.c.text, 1, EXCERPT).label("excerpt"),
            *(answers.c[name] for name in own),
        )
        .join(answers, answers.c.sample_id == samples.c.sample_id)
        .where(samples.c.execution_id == sa.bindparam("of_execution"))
        .limit(sa.bindparam("most"))
    )


@cache
def _chained() -> sa.Select[Any]:
    between = answers.c.chain_no > sa.bindparam("after"), answers.c.chain_no <= sa.bindparam("upto")
    return _answers().where(*between).order_by(answers.c.chain_no)


@cache
def _unchained() -> sa.Select[Any]:
    unchained = answers.c.chain_no.is_(None), samples.c.sample_id > sa.bindparam("after")
    return _answers().where(*unchained).order_by(samples.c.sample_id)


def landed(db: Connection, execution_id: str, *, after: int, upto: int, limit: int) -> list[Landed]:
    """The answers with these numbers in their chain, ``after`` not among them, in its order."""
    return _landed(db, _chained(), {"of_execution": execution_id, "after": after, "upto": upto, "most": limit})


def landed_unchained(db: Connection, execution_id: str, *, after: int, limit: int) -> list[Landed]:
    """The answers that were stored before there were chains, in the order of their samples, from that one on."""
    return _landed(db, _unchained(), {"of_execution": execution_id, "after": after, "most": limit})


def _landed(db: Connection, wanted: sa.Select[Any], given: dict[str, Any]) -> list[Landed]:
    rows = db.execute(wanted, given).all()
    named = _named(db, [row.sample_id for row in rows if row.state == SampleState.ANALYZED])
    return [
        Landed(
            **{name: value for name, value in row._mapping.items() if name != "state"}, brands=named.get(row.sample_id)
        )
        for row in rows
    ]


def _named(db: Connection, analyzed: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The brands that each of these analyzed answers names, in one query."""
    named: dict[int, tuple[str, ...]] = dict.fromkeys(analyzed, ())
    if analyzed:
        for found in db.execute(
            sa.select(findings.c.sample_id, findings.c.brand)
            .where(among(db, findings.c.sample_id, analyzed), findings.c.count > 0)
            .order_by(findings.c.sample_id, findings.c.position)
        ):
            named[found.sample_id] += (found.brand,)
    return named


def unread(db: Connection, execution_id: str) -> dict[int, int]:
    """The samples whose answers are not read, with the answers' numbers in their chain; 0 where it has none."""
    rows = db.execute(
        sa.select(samples.c.sample_id, sa.func.coalesce(answers.c.chain_no, 0).label("chain_no"))
        .join(answers, answers.c.sample_id == samples.c.sample_id)
        .where(samples.c.execution_id == execution_id, samples.c.state == SampleState.ANSWERED)
    )
    return {row.sample_id: row.chain_no for row in rows}


def read_meanwhile(db: Connection, sample_ids: Collection[int]) -> dict[int, tuple[str, ...] | None]:
    """Those of these answered samples that are so no longer, with the brands they name; None: it could not be read."""
    rows = db.execute(
        sa.select(samples.c.sample_id, samples.c.state)
        .where(among(db, samples.c.sample_id, sample_ids), samples.c.state != SampleState.ANSWERED)
        .order_by(samples.c.sample_id)
    ).all()
    named = _named(db, [row.sample_id for row in rows if row.state == SampleState.ANALYZED])
    return {row.sample_id: named.get(row.sample_id) for row in rows}


def failures(db: Connection, execution_id: str) -> list[tuple[datetime, int]]:
    """When each failed sample of an execution was settled, and its id, in this order."""
    rows = db.execute(
        sa.select(samples.c.settled_at, samples.c.sample_id).where(
            samples.c.execution_id == execution_id, samples.c.state == SampleState.FAILED
        )
    )
    return sorted((row.settled_at, row.sample_id) for row in rows)


def failed_samples(db: Connection, sample_ids: Sequence[int]) -> list[FailedSample]:
    """These failed samples, in the order that was given."""
    wanted = [samples.c[name] for name in FailedSample.__dataclass_fields__]
    rows = db.execute(sa.select(*wanted).where(among(db, samples.c.sample_id, sample_ids)))
    found = {row.sample_id: FailedSample(**row._mapping) for row in rows}
    return [found[sample_id] for sample_id in sample_ids if sample_id in found]


@cache
def _paces() -> sa.Select[Any]:
    # what was taken over or imported was settled as the execution was made; nobody was asked for it
    lately = samples.c.settled_at > sa.bindparam("since", type_=Utc), samples.c.settled_at > executions.c.created_at
    waiting = samples.c.state == SampleState.WAITING
    return (
        sa.select(
            samples.c.engine,
            sa.func.count().filter(*lately).label("settled"),
            sa.func.max(samples.c.next_attempt_at, type_=Utc).filter(waiting).label("next_attempt_at"),
        )
        .join(executions, executions.c.execution_id == samples.c.execution_id)
        .where(samples.c.execution_id == sa.bindparam("of_execution"))
        .group_by(samples.c.engine)
    )


def paces(db: Connection, execution_id: str, *, since: datetime) -> dict[str, Pace]:
    """How it went at each engine of an execution since then."""
    rows = db.execute(_paces(), {"of_execution": execution_id, "since": since})
    return {row.engine: Pace(row.settled, row.next_attempt_at) for row in rows}
