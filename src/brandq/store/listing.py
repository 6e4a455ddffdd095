"""Listing: which samples of an execution stand behind a number, by the definitions that the report counts by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.analysis.findings import (
    MIXED,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    RECOMMENDED,
    SENTIMENTS,
    UNUSABLE,
    AnswerType,
    BrandFinding,
)
from brandq.providers.dialect import AnswerKind
from brandq.reports.candidates import Seen
from brandq.states import SAMPLE_OPEN, SampleState
from brandq.store.findings import brand_finding, candidates_in
from brandq.store.moving import among
from brandq.tables import answers, citations, findings, readings, samples

#: each sample with its answer and its reading, where it has them
_BESIDE = samples.outerjoin(answers, answers.c.sample_id == samples.c.sample_id).outerjoin(
    readings, readings.c.sample_id == samples.c.sample_id
)
#: what a sample can come to, as a listing is asked for it; the report calls usable answers ok
OUTCOMES = ("usable", "refused", "empty", "truncated", "failed", "cancelled", "open")

NAMED, NOT_NAMED, DOUBTFUL, UNKNOWN_BRAND = "named", "not_named", "doubtful", "unknown_brand"
FIRST, TOP_3, RANKED, UNRANKED = "first", "top_3", "ranked", "unranked"
RECOMMENDED_IN, INSTEAD, CAVEAT, UNTOLD = "recommended", "instead", "caveat", "unknown"
CITED, NOT_CITED, SOURCED = "cited", "not_cited", "sourced"
#: what a usable answer may say of a brand
FINDINGS = (
    *(NAMED, NOT_NAMED, FIRST, TOP_3, RANKED, UNRANKED, RECOMMENDED_IN, INSTEAD),
    *(POSITIVE, NEUTRAL, MIXED, NEGATIVE, UNTOLD, CAVEAT, DOUBTFUL, UNKNOWN_BRAND, CITED, NOT_CITED, SOURCED),
)


@dataclass(frozen=True)
class SampleFilter:
    """Which samples of an execution are listed. What is None chooses none and leaves none out.

    ``findings`` of FINDINGS, all of which the answer has; they and ``rank`` are about ``brand``, which by itself asks
    for the answers that name it. ``rival``: of INSTEAD, who is recommended. ``rank``: the least and the greatest, None
    for no end. ``domain``, ``source_class`` and CITED are about one source that has all of them; ``unowned``: it is no
    tracked brand's; ``retrieved``: it was only retrieved, and no such source is given.

    Whatever is said of an answer's words or sources is said of usable ones. ``sample_ids``: only among these.
    ``after`` and ``before`` are the sample ids that the listing lies between.
    """

    engine: str | None = None
    state: str | None = None
    prompt_no: int | None = None
    repeat_no: int | None = None
    outcome: str | None = None
    error_code: str | None = None
    served_model: str | None = None
    answer_type: str | None = None
    brand: str | None = None
    findings: tuple[str, ...] = ()
    rival: str | None = None
    rank: tuple[int, int | None] | None = None
    domain: str | None = None
    source_class: str | None = None
    unowned: bool = False
    retrieved: bool = False
    sample_ids: Collection[int] | None = None
    after: int = 0
    before: int | None = None


@dataclass(frozen=True)
class SampleRow:
    """One sample as it is listed: its place in the plan, what became of it, and the brands that its answer names."""

    sample_id: int
    prompt_no: int
    engine: str
    repeat_no: int
    state: str
    attempt: int
    error_code: str | None
    error_message: str | None
    http_status: int | None
    next_attempt_at: datetime | None
    settled_at: datetime | None
    kind: str | None
    served_model: str | None
    simulated: bool | None
    imported: bool | None
    #: of AnswerType; None where it is not analyzed
    answer_type: str | None
    excerpt: str | None
    brands: Sequence[str]


def list_samples(db: Connection, execution_id: str, wanted: SampleFilter, limit: int) -> list[SampleRow]:
    """Samples in the order of their ids, from the one after ``wanted.after``; with ``before``, the last of them."""
    listing = (
        sa.select(
            samples,
            *(answers.c[name] for name in ("kind", "served_model", "simulated", "imported")),
            readings.c.answer_type,
            sa.func.substr(answers.c.text, 1, 200).label("excerpt"),
        )
        .select_from(_BESIDE)
        .where(*_conditions(db, execution_id, wanted))
    )
    order = samples.c.sample_id if wanted.before is None else samples.c.sample_id.desc()
    rows = sorted(db.execute(listing.order_by(order).limit(limit)), key=lambda row: row.sample_id)
    named: dict[int, list[str]] = {}
    for found in db.execute(
        sa.select(findings.c.sample_id, findings.c.brand)
        .where(findings.c.sample_id.in_([row.sample_id for row in rows]), findings.c.count > 0)
        .order_by(findings.c.sample_id, findings.c.position)
    ):
        named.setdefault(found.sample_id, []).append(found.brand)
    return [
        SampleRow(
            **{name: getattr(row, name) for name in SampleRow.__dataclass_fields__ if name != "brands"},
            brands=tuple(named.get(row.sample_id, ())),
        )
        for row in rows
    ]


def count_samples(db: Connection, execution_id: str, wanted: SampleFilter) -> int:
    """How many samples a filter lists on all its pages."""
    whole = replace(wanted, after=0, before=None)
    counted = sa.select(sa.func.count()).select_from(_BESIDE).where(*_conditions(db, execution_id, whole))
    return int(db.execute(counted).scalar_one())


@dataclass(frozen=True)
class Neighbours:
    """Where an answer stands in a listing: its number from 1, None where it is not in it; of how many; those beside."""

    number: int | None
    answers: int
    previous: int | None
    following: int | None


def neighbours(db: Connection, execution_id: str, wanted: SampleFilter, sample_id: int) -> Neighbours:
    """The answers of a listing before and after this one; samples without an answer are passed over."""
    own, whole = samples.c.sample_id, replace(wanted, after=0, before=None)
    found = db.execute(
        sa.select(
            sa.func.count().label("answers"),
            sa.func.count(sa.case((own <= sample_id, 1))).label("number"),
            sa.func.max(sa.case((own == sample_id, 1), else_=0)).label("there"),
            sa.func.max(sa.case((own < sample_id, own))).label("previous"),
            sa.func.min(sa.case((own > sample_id, own))).label("following"),
        )
        .select_from(_BESIDE)
        .where(*_conditions(db, execution_id, whole), answers.c.sample_id.is_not(None))
    ).one()
    return Neighbours(found.number if found.there else None, found.answers, found.previous, found.following)


def brand_findings(db: Connection, sample_ids: Collection[int]) -> Mapping[int, Sequence[BrandFinding]]:
    """What these answers say of each brand, those with a position first and in its order."""
    rows = db.execute(
        sa.select(findings)
        .where(among(db, findings.c.sample_id, sample_ids))
        .order_by(findings.c.sample_id, findings.c.position.is_(None), findings.c.position, findings.c.brand)
    )
    found: dict[int, list[BrandFinding]] = {}
    for row in rows:
        found.setdefault(row.sample_id, []).append(brand_finding(row))
    return found


def usable_candidates(db: Connection, execution_id: str) -> list[tuple[int, Seen]]:
    """Every usable sample of an execution, and the names in its answer that nobody tracks, in the order of the plan."""
    rows: Iterable[Any] = db.execute(
        sa.select(
            samples.c.sample_id, samples.c.prompt_no, samples.c.engine, samples.c.repeat_no, readings.c.candidates
        )
        .select_from(_BESIDE)
        .where(samples.c.execution_id == execution_id, usable())
        .order_by(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no)
    )
    return [(row.sample_id, (row.prompt_no, row.engine, row.repeat_no, candidates_in(row))) for row in rows]


# -- conditions: each says what reports/usable.py and reports/tallies.py say of the same thing


def usable() -> sa.ColumnElement[bool]:
    """Whether a sample that stands beside its answer and its reading is usable."""
    return sa.and_(
        samples.c.state == SampleState.ANALYZED,
        answers.c.kind == AnswerKind.OK,
        sa.or_(readings.c.answer_type.is_(None), readings.c.answer_type.not_in(UNUSABLE)),
    )


def _came_to(outcome: str) -> sa.ColumnElement[bool]:
    read = samples.c.state == SampleState.ANALYZED

    def turned_out(answer_type: AnswerType) -> sa.ColumnElement[bool]:
        return sa.and_(read, answers.c.kind == AnswerKind.OK, readings.c.answer_type == answer_type)

    if outcome == "usable":
        return usable()
    if outcome == "refused":
        return sa.or_(sa.and_(read, answers.c.kind == AnswerKind.REFUSED), turned_out(AnswerType.REFUSAL))
    if outcome == "failed":
        return sa.or_(samples.c.state == SampleState.FAILED, turned_out(AnswerType.ERROR))
    if outcome == "open":
        return samples.c.state.in_(SAMPLE_OPEN)
    if outcome == "cancelled":
        return samples.c.state == SampleState.CANCELLED
    return sa.and_(read, answers.c.kind == outcome)


def _conditions(db: Connection, execution_id: str, wanted: SampleFilter) -> list[sa.ColumnElement[bool]]:
    own = samples.c
    where = [own.execution_id == execution_id, own.sample_id > wanted.after]
    if wanted.before is not None:
        where.append(own.sample_id < wanted.before)
    if wanted.sample_ids is not None:
        where.append(among(db, own.sample_id, wanted.sample_ids))
    for column, value in (
        (own.engine, wanted.engine),
        (own.state, wanted.state),
        (own.prompt_no, wanted.prompt_no),
        (own.repeat_no, wanted.repeat_no),
        (own.error_code, wanted.error_code),
        (answers.c.served_model, wanted.served_model),
    ):
        if value is not None:
            where.append(column == value)
    if wanted.outcome is not None:
        where.append(_came_to(wanted.outcome))
    if wanted.answer_type is not None:
        # the report counts the types of whatever its provider called an answer
        where += [answers.c.kind == AnswerKind.OK, readings.c.answer_type == wanted.answer_type]
    said = [*_brand_conditions(wanted), *_source_conditions(wanted)]
    if said or wanted.sample_ids is not None:
        where += [usable(), *said]
    return where


_NAMED = sa.and_(findings.c.count > 0, findings.c.known)
_RECOMMENDED = sa.and_(_NAMED, findings.c.strength >= RECOMMENDED)
#: what a finding asks of the brand's own row
_SAYS: Mapping[str, sa.ColumnElement[bool]] = {
    NAMED: _NAMED,
    FIRST: sa.and_(_NAMED, findings.c.rank == 1),
    TOP_3: sa.and_(_NAMED, findings.c.rank <= 3),
    RANKED: sa.and_(_NAMED, findings.c.rank.is_not(None)),
    UNRANKED: sa.and_(_NAMED, findings.c.rank.is_(None)),
    RECOMMENDED_IN: _RECOMMENDED,
    **{label: sa.and_(_NAMED, findings.c.sentiment == label) for label in SENTIMENTS},
    UNTOLD: sa.and_(_NAMED, findings.c.sentiment.is_(None)),
    CAVEAT: sa.and_(_NAMED, findings.c.caveat),
    DOUBTFUL: sa.cast(findings.c.doubtful, sa.Text) != "[]",
    UNKNOWN_BRAND: sa.and_(findings.c.count > 0, ~findings.c.known),
}


def _brand_conditions(wanted: SampleFilter) -> list[sa.ColumnElement[bool]]:
    if wanted.brand is None:
        return []
    asked = set(wanted.findings) | ({INSTEAD} if wanted.rival else set())
    about = [_SAYS[finding] for finding in FINDINGS if finding in asked and finding in _SAYS]
    if wanted.rank is not None:
        least, greatest = wanted.rank
        about += [_NAMED, findings.c.rank >= least]
        if greatest is not None:
            about.append(findings.c.rank <= greatest)
    if not about and not asked:
        about = [_NAMED]
    where = [_said_of(wanted.brand, *about)] if about else []
    if NOT_NAMED in asked:
        where.append(~_said_of(wanted.brand, _NAMED))
    if INSTEAD in asked:
        others = findings.c.brand == wanted.rival if wanted.rival else findings.c.brand != wanted.brand
        another = sa.exists().where(findings.c.sample_id == samples.c.sample_id, others, _RECOMMENDED)
        where += [another, ~_said_of(wanted.brand, _RECOMMENDED)]
    return where


def _said_of(brand: str, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(findings.c.sample_id == samples.c.sample_id, findings.c.brand == brand, *conditions)


def _source_conditions(wanted: SampleFilter) -> list[sa.ColumnElement[bool]]:
    asked = set(wanted.findings)
    about: list[sa.ColumnElement[bool]] = []
    if wanted.domain is not None:
        about.append(citations.c.domain == wanted.domain)
    if wanted.source_class is not None:
        about.append(citations.c.source_class == wanted.source_class)
    if CITED in asked:
        about.append(citations.c.owner == wanted.brand)
    if wanted.unowned:
        about.append(citations.c.owner.is_(None))
    where = []
    if about or wanted.retrieved:
        given = _gives(*about)
        where += [~given, _has_source(*about)] if wanted.retrieved else [given]
    if NOT_CITED in asked:
        where.append(~_gives(citations.c.owner == wanted.brand))
    if SOURCED in asked:
        where.append(_gives())
    return where


def _has_source(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(citations.c.sample_id == samples.c.sample_id, *conditions)


def _gives(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """What is only retrieved is not given; where it cannot be told, it is."""
    return _has_source(sa.or_(citations.c.cited.is_(None), citations.c.cited), *conditions)
