"""Chains: an answer is stored under a digest over all that it holds, its place, and the digest stored before it.

Whoever alters, adds, removes or swaps a stored answer would have to make every digest after it anew, up to the head of
its execution's chain, and whoever kept that head sees it. All digests are SHA-256, in hex, over canonical JSON: sorted
keys, no spaces, everything outside ASCII escaped. docs/evidence.md spells them out.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from brandq.providers.dialect import Answer
from brandq.store.moving import insert_or_ignore
from brandq.tables import answers, chains, executions, samples

#: columns that content_digest covers, beside the reply's body
_CONTENT = (
    "text",
    "kind",
    "finish",
    "served_model",
    "search_requested",
    "search_executed",
    "sources",
    "tokens_in",
    "tokens_out",
    "latency_ms",
    "asked_at",
    "answered_at",
    "http_status",
    "request",
    "simulated",
    "imported",
)
#: where an answer stands, which its row does not say itself
_PLACE = frozenset(("execution_id", "prompt_no", "engine", "repeat_no"))
#: answers that are in memory at once while a chain is checked
_PAGE = 200
#: what the column of a cost holds
_NANO, _WIDE = Decimal("1e-9"), Context(prec=60)

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _digest(covered: object) -> str:
    return hashlib.sha256(_canonical(covered).encode()).hexdigest()


def answer_row(
    sample_id: int,
    answer: Answer,
    *,
    raw: bytes | None,
    request: Mapping[str, Any] | None,
    asked_at: datetime | None,
    answered_at: datetime,
    latency_ms: int | None,
    http_status: int | None,
    simulated: bool,
    imported: bool = False,
) -> dict[str, Any]:
    """A row of answers with its content_digest, ready to be sealed. Needs no transaction; nothing may change after."""
    row = {
        "sample_id": sample_id,
        "text": answer.text,
        "kind": str(answer.kind),
        "finish": answer.finish,
        "served_model": answer.served_model,
        "search_requested": answer.search_requested,
        "search_executed": answer.search_executed,
        "sources": [
            {
                "url": citation.url,
                "title": citation.title,
                "cited": citation.cited,
                "via": citation.via,
                "start": citation.start,
                "end": citation.end,
            }
            for citation in answer.citations
        ],
        "tokens_in": answer.tokens_in,
        "tokens_out": answer.tokens_out,
        "cost": None if answer.cost is None else _as_stored(answer.cost),
        "currency": answer.currency,
        "cost_basis": answer.cost_basis,
        "latency_ms": latency_ms,
        "asked_at": asked_at,
        "answered_at": answered_at,
        "http_status": http_status,
        "request": None if request is None else dict(request),
        "raw": None if raw is None else zlib.compress(raw),
        "simulated": simulated,
        "imported": imported,
        "taken_from": None,
    }
    row["content_digest"] = content_digest(row, raw)
    return row


def _as_stored(cost: Decimal) -> Decimal:
    """The amount as every database gives it back: of what is smaller than its column holds, the nearest."""
    rounded = cost.quantize(_NANO, ROUND_HALF_UP, _WIDE)
    return cost if rounded == cost else rounded


def content_digest(row: Mapping[str, Any], body: bytes | None) -> str:
    """Digest of what came back, of what was sent, and of what was read out of it. ``body`` is the reply's, unpacked.

    It holds for a copy in another execution as well: what differs there, the place and what the answer cost here, is
    covered by the link. The body goes in as a digest of its own, so a body that is kept elsewhere can be checked alone.
    """
    covered = {name: row[name] for name in _CONTENT}
    covered["asked_at"], covered["answered_at"] = _instant(row["asked_at"]), _instant(row["answered_at"])
    covered["raw"] = None if body is None else hashlib.sha256(body).hexdigest()
    return _digest(["brandq answer 1", covered])


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")


def genesis(execution_id: str, plan_digest: str) -> str:
    """What stands before the first answer: the chain belongs to this execution and to the plan that was accepted."""
    return _digest(["brandq chain 1", execution_id, plan_digest])


def link_digest(previous: str, link: Mapping[str, Any]) -> str:
    """Digest of a link: a row with its place and its chain_no, after the digest ``previous``."""
    return _digest(
        [
            "brandq link 1",
            previous,
            link["content_digest"],
            link["chain_no"],
            link["execution_id"],
            link["prompt_no"],
            link["engine"],
            link["repeat_no"],
            _amount(link["cost"]),
            link["currency"],
            link["cost_basis"],
            link["taken_from"],
        ]
    )


def _amount(cost: Decimal | str | None) -> str | None:
    """An amount as decimal text without zeros at its end: databases differ in those. What is no amount stays."""
    if cost is None:
        return None
    try:
        text = f"{Decimal(cost):f}"
    except (InvalidOperation, TypeError):
        return repr(cost)
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0", "-") else text


def seal(db: Connection, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put these answers into the chains of their executions, in this order; the rows to insert in this transaction.

    Each comes as ``answer_row`` made it, with execution_id, prompt_no, engine and repeat_no beside. Until the end of
    the transaction nobody else can store an answer of these executions, so call it late; their heads are locked in the
    order of their ids, whatever the order of the rows.
    """
    heads = _lock_heads(db, {row["execution_id"] for row in rows})
    sealed = []
    for row in rows:
        length, head = heads[row["execution_id"]]
        link = {**row, "chain_no": length + 1}
        link["digest"] = link_digest(head, link)
        heads[row["execution_id"]] = link["chain_no"], link["digest"]
        sealed.append({name: value for name, value in link.items() if name not in _PLACE})
    if heads:
        moving = sa.update(chains).where(chains.c.execution_id == sa.bindparam("chain_of"))
        moved = [
            {"chain_of": execution_id, "length": length, "head": head}
            for execution_id, (length, head) in sorted(heads.items())
        ]
        db.execute(moving.values(length=sa.bindparam("length"), head=sa.bindparam("head")), moved)
    return sealed


def _lock_heads(db: Connection, execution_ids: Collection[str]) -> dict[str, tuple[int, str]]:
    """Length and head of these chains, locked for this transaction. A chain that has none yet is begun."""
    if not execution_ids:
        return {}
    locking = (
        sa.select(chains)
        .where(chains.c.execution_id.in_(execution_ids))
        .order_by(chains.c.execution_id)
        .with_for_update()
    )
    heads = {row.execution_id: (row.length, row.head) for row in db.execute(locking)}
    if len(heads) < len(execution_ids):
        plans = sa.select(executions.c.execution_id, executions.c.plan_digest).where(
            executions.c.execution_id.in_(execution_ids)
        )
        begun = [
            {"execution_id": row.execution_id, "length": 0, "head": genesis(row.execution_id, row.plan_digest)}
            for row in db.execute(plans.order_by(executions.c.execution_id))
            if row.execution_id not in heads
        ]
        insert_or_ignore(db, chains, begun)
        # of two that begin a chain at once the second has waited for the first, and finds its head
        heads = {row.execution_id: (row.length, row.head) for row in db.execute(locking)}
    return heads


# -- what is stored, to be checked


@dataclass(frozen=True)
class Chain:
    """What stands in the database of an execution's chain, and of the plan that it rests on.

    ``length`` and ``head`` are None where no answer was ever sealed. ``samples``: how many there are, which must be as
    many as were ``planned``; ``plan_as_stored`` is the digest of the plan that is there now.
    """

    execution_id: str
    status: str
    planned: int
    samples: int
    plan_digest: str
    plan_as_stored: str
    length: int | None
    head: str | None

    @property
    def genesis(self) -> str:
        return genesis(self.execution_id, self.plan_digest)


def hold_still(db: Connection) -> None:
    """Have this reading transaction see one state from here to its end, whatever others store meanwhile.

    Must be its first statement. On SQLite every transaction is so.
    """
    if db.dialect.name == "postgresql":
        db.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def chain_head(db: Connection, execution_id: str) -> tuple[int, str] | None:
    """Length and head of an execution's chain; None where no answer was sealed."""
    row = db.execute(
        sa.select(chains.c.length, chains.c.head).where(chains.c.execution_id == execution_id)
    ).one_or_none()
    return None if row is None else (row.length, row.head)


def chain_of(db: Connection, execution_id: str) -> Chain | None:
    """The chain of an execution; None where there is no such execution."""
    counted = (
        sa.select(sa.func.count())
        .select_from(samples)
        .where(samples.c.execution_id == executions.c.execution_id)
        .scalar_subquery()
    )
    row = db.execute(
        sa.select(
            executions.c.status,
            executions.c.planned,
            executions.c.plan_digest,
            executions.c.plan,
            counted.label("samples"),
            chains.c.length,
            chains.c.head,
        )
        .join(chains, chains.c.execution_id == executions.c.execution_id, isouter=True)
        .where(executions.c.execution_id == execution_id)
    ).one_or_none()
    if row is None:
        return None
    # of the document as it is stored, not of what this version reads in it: another one may know more fields
    as_stored = hashlib.sha256(json.dumps(row.plan, sort_keys=True).encode()).hexdigest()
    return Chain(
        execution_id,
        row.status,
        row.planned,
        row.samples,
        row.plan_digest,
        as_stored,
        row.length,
        row.head,
    )


@dataclass(frozen=True)
class Link:
    """An answer's link as it is stored."""

    execution_id: str
    sample_id: int
    prompt_no: int
    engine: str
    repeat_no: int
    chain_no: int
    content_digest: str | None
    digest: str
    cost: Decimal | str | None
    currency: str | None
    cost_basis: str
    taken_from: int | None

    def follows(self, previous: str) -> bool:
        """Whether its digest is the one that it has after this one."""
        return self.digest == link_digest(previous, vars(self))


def links_of(db: Connection, execution_id: str) -> Iterator[Link]:
    """The links of an execution in the order of their numbers, streamed."""
    place = [samples.c[name] for name in ("execution_id", "sample_id", "prompt_no", "engine", "repeat_no")]
    own = [answers.c[name] for name in ("chain_no", "content_digest", "digest", "currency", "cost_basis", "taken_from")]
    found = db.execute(
        # as it is stored, whatever it is: what is no amount must be found, not raised
        sa.select(*place, *own, sa.type_coerce(answers.c.cost, sa.String).label("cost"))
        .join(answers, answers.c.sample_id == samples.c.sample_id)
        .where(samples.c.execution_id == execution_id, answers.c.chain_no.is_not(None))
        .order_by(answers.c.chain_no, samples.c.sample_id)
        .execution_options(yield_per=_PAGE)
    )
    for row in found:
        yield Link(**row._mapping)


@dataclass(frozen=True)
class Content:
    """A sample and what is to be said of its answer.

    ``answered``: it has one; ``sealed``: with a digest; ``as_sealed``: which is that of what is stored now. ``why``:
    what is stored cannot even be read, and how that shows.
    """

    sample_id: int
    prompt_no: int
    engine: str
    repeat_no: int
    state: str
    reads: int
    answered: bool
    sealed: bool
    as_sealed: bool
    why: str | None


def contents_of(db: Connection, execution_id: str) -> Iterator[Content]:
    """Every sample of an execution in the plan's order, its answer's content digested anew, a page at a time."""
    listed = db.execute(
        sa.select(
            samples.c.sample_id,
            samples.c.prompt_no,
            samples.c.engine,
            samples.c.repeat_no,
            samples.c.state,
            samples.c.reads,
            answers.c.sample_id.is_not(None).label("answered"),
            answers.c.chain_no,
            answers.c.content_digest,
        )
        .join(answers, answers.c.sample_id == samples.c.sample_id, isouter=True)
        .where(samples.c.execution_id == execution_id)
        .order_by(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no)
        .execution_options(yield_per=_PAGE)
    )
    for page in listed.partitions():
        sealed = [row.sample_id for row in page if row.chain_no is not None or row.content_digest is not None]
        now = _digests_now(db, sealed)
        for row in page:
            digest, why = now.get(row.sample_id, (None, None))
            yield Content(
                row.sample_id,
                row.prompt_no,
                row.engine,
                row.repeat_no,
                row.state,
                row.reads,
                bool(row.answered),
                row.sample_id in now,
                digest is not None and digest == row.content_digest,
                why,
            )


def _digests_now(db: Connection, sample_ids: Sequence[int]) -> dict[int, tuple[str | None, str | None]]:
    """The content digests of what is stored at these samples now; where it cannot be read, why."""
    try:
        return {row.sample_id: (_digest_of(row), None) for row in _content_rows(db, sample_ids)}
    except _UNREADABLE as error:
        if len(sample_ids) == 1:
            return {sample_ids[0]: (None, str(error) or type(error).__name__)}
    half = len(sample_ids) // 2
    return _digests_now(db, sample_ids[:half]) | _digests_now(db, sample_ids[half:])


#: what a column raises whose bytes were not written by us: no JSON, no instant, no packed body
_UNREADABLE = (ValueError, TypeError, ArithmeticError, zlib.error)


def _content_rows(db: Connection, sample_ids: Sequence[int]) -> Sequence[Row[Any]]:
    columns = [answers.c[name] for name in ("sample_id", *_CONTENT, "raw")]
    return db.execute(sa.select(*columns).where(answers.c.sample_id.in_(sample_ids))).all() if sample_ids else []


def _digest_of(row: Row[Any]) -> str:
    return content_digest(dict(row._mapping), None if row.raw is None else zlib.decompress(row.raw))
