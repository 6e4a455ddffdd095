"""The samples of a report with their answers, page by page, for files that hold all of them."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from brandq.analysis.findings import AnswerType, BrandFinding, CitationFinding
from brandq.errors import Conflict
from brandq.reports.facts import SampleFacts, SampleWithText
from brandq.states import SampleState
from brandq.store.moving import among
from brandq.tables import answers, citations, findings, readings, samples

#: prompt, engine and repeat of a sample: the order in which samples are exported
ExportPlace = tuple[int, str, int]
#: before every sample
FIRST_PLACE: ExportPlace = (0, "", 0)

_SAMPLE = ("sample_id", "prompt_no", "engine", "repeat_no", "state", "attempt", "error_code", "error_message")
_ANSWER = (
    *("kind", "served_model", "search_requested", "search_executed"),
    *("cost", "currency", "cost_basis", "latency_ms", "answered_at"),
)
_BESIDE = ("text", "asked_at", "simulated", "imported", "taken_from")
_READING = ("method_version", "answer_type", "injection_suspected")
#: where in the text a brand stands is evidence, and stays out
_FINDING = ("brand", "count", "position", "rank", "rank_source", "sentiment", "caveat", "strength", "known")
_CITATION = tuple(CitationFinding.__dataclass_fields__)


def samples_with_text(
    db: Connection, execution_id: str, after: ExportPlace, limit: int, *, method_version: str
) -> list[SampleWithText]:
    """The samples behind ``after``, at most ``limit``, with what ``method_version`` found in their answers.

    Conflict where an answer was read by another method meanwhile: its findings are not those of that report.
    """
    place = sa.tuple_(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no)
    rows = db.execute(
        sa.select(
            *(samples.c[name] for name in _SAMPLE),
            *(answers.c[name] for name in (*_ANSWER, *_BESIDE)),
            *(readings.c[name] for name in _READING),
        )
        .join(answers, answers.c.sample_id == samples.c.sample_id, isouter=True)
        .join(readings, readings.c.sample_id == samples.c.sample_id, isouter=True)
        .where(samples.c.execution_id == execution_id, place > sa.tuple_(*after))
        .order_by(samples.c.prompt_no, samples.c.engine, samples.c.repeat_no)
        .limit(limit)
    ).all()
    for row in rows:
        read_by = row.method_version
        if row.state == SampleState.ANALYZED and read_by not in (None, method_version):
            raise Conflict(
                f"the answers of {execution_id} were read by method {read_by} since this report was made by "
                f"{method_version}: take the version that stands now, or this one as json, md, html or pdf"
            )
    ids = [row.sample_id for row in rows]
    brands = _brands(db, ids)
    sources = _sources(db, ids)
    return [
        SampleWithText(
            SampleFacts(
                **{name: row._mapping[name] for name in (*_SAMPLE, *_ANSWER)},
                simulated=bool(row.simulated),
                imported=bool(row.imported),
                taken_over=row.taken_from is not None,
                brands=brands.get(row.sample_id, ()),
                citations=sources.get(row.sample_id, ()),
                method_version=row.method_version,
                answer_type=AnswerType(row.answer_type) if row.answer_type else None,
                injection_suspected=bool(row.injection_suspected),
            ),
            row.text,
            row.asked_at,
        )
        for row in rows
    ]


def _brands(db: Connection, ids: Iterable[int]) -> dict[int, list[BrandFinding]]:
    found: dict[int, list[BrandFinding]] = {}
    wanted = sa.select(findings.c.sample_id, *(findings.c[name] for name in _FINDING))
    for sample_id, *fields in db.execute(wanted.where(among(db, findings.c.sample_id, list(ids)))):
        found.setdefault(sample_id, []).append(BrandFinding(**dict(zip(_FINDING, fields, strict=True))))
    return found


def _sources(db: Connection, ids: Iterable[int]) -> dict[int, list[CitationFinding]]:
    found: dict[int, list[CitationFinding]] = {}
    wanted = sa.select(citations.c.sample_id, *(citations.c[name] for name in _CITATION))
    wanted = wanted.where(among(db, citations.c.sample_id, list(ids))).order_by(citations.c.sample_id, citations.c.n)
    for sample_id, *fields in db.execute(wanted):
        found.setdefault(sample_id, []).append(CitationFinding(*fields))
    return found
