"""Findings: what analysis says of an answer, recorded once, replaced only by a whole reading of another method."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from brandq.analysis.findings import AnswerType, BrandFinding, Candidate, CitationFinding, Findings
from brandq.states import SampleState
from brandq.store.moving import among, insert_rows, move_samples
from brandq.tables import citations, findings, readings, samples

#: fields of a BrandFinding that are lists of (start, end)
_SPANS = ("spans", "evidence", "elsewhere", "doubtful")
#: the code of a sample whose answer is stored and cannot be read
UNREAD = "unread"


def begin_reading(
    db: Connection, execution_id: str, sample_ids: Collection[int], *, now: datetime
) -> list[tuple[int, int]]:
    """Count a reading of those of these answers that are not analyzed; the samples, and the how manieth it is of each.

    Committed before an answer is read, so that one which ends its worker each time is known by it.
    """
    begun = (
        sa.update(samples)
        .where(
            among(db, samples.c.sample_id, sample_ids),
            samples.c.execution_id == execution_id,
            samples.c.state == SampleState.ANSWERED,
        )
        .values(reads=samples.c.reads + 1, sent_at=now)
        .returning(samples.c.sample_id, samples.c.reads)
    )
    return sorted((row.sample_id, row.reads) for row in db.execute(begun))


def abandon_unread(db: Connection, sample_ids: Collection[int], *, why: str, now: datetime) -> int:
    """Give up answers that cannot be read; they stay stored. How many there were."""
    words = f"the answer is stored, but {why}; a retry of the execution takes it over, and reads it again"
    values = {"error_code": UNREAD, "error_message": words, "settled_at": now, "sent_at": None}
    return len(move_samples(db, "abandon", among(db, samples.c.sample_id, sample_ids), values=values))


def record_findings(db: Connection, found: Mapping[int, Findings], *, method_version: str) -> int:
    """Record the findings of answers that are not analyzed yet; how many that were."""
    moved = {
        row.sample_id
        for row in move_samples(db, "analyze", among(db, samples.c.sample_id, found), values={"sent_at": None})
    }
    _insert_findings(db, {sample_id: found[sample_id] for sample_id in moved}, method_version)
    return len(moved)


def _insert_findings(db: Connection, found: Mapping[int, Findings], method_version: str) -> None:
    brand_rows = [
        {
            "sample_id": sample_id,
            **vars(brand),
            **{name: [list(span) for span in getattr(brand, name)] for name in _SPANS},
        }
        for sample_id in sorted(found)
        for brand in found[sample_id].brands
    ]
    citation_rows = [
        {"sample_id": sample_id, "n": n, **vars(citation)}
        for sample_id in sorted(found)
        for n, citation in enumerate(found[sample_id].citations, 1)
    ]
    reading_rows = [
        {
            "sample_id": sample_id,
            "method_version": method_version,
            "answer_type": str(found[sample_id].answer_type),
            "injection_suspected": found[sample_id].injection_suspected,
            "candidates": [vars(candidate) for candidate in found[sample_id].candidates],
        }
        for sample_id in sorted(found)
    ]
    for table, rows in ((readings, reading_rows), (findings, brand_rows), (citations, citation_rows)):
        insert_rows(db, table, rows)


def stale_readings(db: Connection, execution_id: str, method_version: str) -> list[int]:
    """The analyzed samples of an execution whose findings were made by another method."""
    rows = db.execute(
        sa.select(samples.c.sample_id)
        .join(readings, readings.c.sample_id == samples.c.sample_id, isouter=True)
        .where(
            samples.c.execution_id == execution_id,
            samples.c.state == SampleState.ANALYZED,
            sa.or_(readings.c.method_version.is_(None), readings.c.method_version != method_version),
        )
        .order_by(samples.c.sample_id)
    )
    return list(rows.scalars())


def replace_findings(db: Connection, found: Mapping[int, Findings], *, method_version: str) -> None:
    """Record the findings of answers that were analyzed before, in place of the old ones."""
    for table in (readings, findings, citations):
        db.execute(sa.delete(table).where(among(db, table.c.sample_id, found)))
    _insert_findings(db, found, method_version)


def brand_finding(row: Row[Any]) -> BrandFinding:
    # a row is a tuple, and its own count() hides the column
    fields = {name: row._mapping[name] for name in BrandFinding.__dataclass_fields__}
    return BrandFinding(**fields | {name: tuple((span[0], span[1]) for span in fields[name]) for name in _SPANS})


def citation_finding(row: Row[Any]) -> CitationFinding:
    return CitationFinding(**{name: getattr(row, name) for name in CitationFinding.__dataclass_fields__})


def findings_of(db: Connection, sample_id: int) -> tuple[Findings, str] | None:
    """The findings of one answer, the brands by position, and their method; None where it is not analyzed."""
    reading = db.execute(sa.select(readings).where(readings.c.sample_id == sample_id)).one_or_none()
    brand_rows = list(db.execute(sa.select(findings).where(findings.c.sample_id == sample_id)))
    if reading is None and not brand_rows:
        return None
    brand_rows.sort(key=lambda found: (found.position is None, found.position or 0))
    source_rows = db.execute(sa.select(citations).where(citations.c.sample_id == sample_id).order_by(citations.c.n))
    found = Findings(
        brands=tuple(brand_finding(row) for row in brand_rows),
        citations=tuple(citation_finding(row) for row in source_rows),
        answer_type=AnswerType(reading.answer_type) if reading else AnswerType.INFO,
        candidates=candidates_in(reading),
        injection_suspected=bool(reading and reading.injection_suspected),
    )
    # what was analyzed before methods had a version has findings and no reading
    return found, reading.method_version if reading else ""


def candidates_in(row: Row[Any] | None) -> tuple[Candidate, ...]:
    """The candidates of a row of readings, or of one that was joined with it."""
    return tuple(Candidate(**candidate) for candidate in row.candidates or ()) if row else ()
